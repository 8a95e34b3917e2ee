//! A Bundle entry as a request (bundle.html#Bundle.entry.request).

use crate::{Headers, Request, Verb, patch};
use bytes::Bytes;
use fhir::json::Value;
use fhir::{Failure, Issue, IssueType, Result};

/// An entry, read.
pub(super) struct Entry<'a> {
    pub(super) full_url: Option<&'a str>,
    pub(super) resource: Option<Value<'a>>,
    /// What it asks for; the body is the resource as sent.
    pub(super) request: Request,
}

impl<'a> Entry<'a> {
    /// Reads an entry of the Bundle that was parsed from `source`.
    pub(super) fn read(entry: Value<'a>, source: &Bytes) -> Result<Entry<'a>> {
        let Some(request) = entry.get("request") else {
            return Err(missing("request", "The entry has no request."));
        };
        let verb = request.str("method").and_then(Verb::parse);
        let verb =
            verb.ok_or_else(|| missing("request.method", "The method is GET, HEAD, POST, PUT, DELETE or PATCH."))?;
        let url = request.str("url").ok_or_else(|| missing("request.url", "The request has no url."))?;
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path.contains("://") || path.starts_with("urn:") {
            return Err(missing("request.url", "The url is relative to the base, such as Patient/1."));
        }
        let resource = entry.get("resource").filter(|it| it.is_object());
        let mut headers = Headers {
            if_match: request.str("ifMatch").map(str::to_owned),
            if_none_match: request.str("ifNoneMatch").map(str::to_owned),
            if_none_exist: request.str("ifNoneExist").map(str::to_owned),
            ..Headers::default()
        };
        headers.if_modified_since = match request.str("ifModifiedSince").map(fhir::primitive::datetime::range) {
            None => None,
            Some(Some(range)) => Some(range.low.div_euclid(1000)),
            Some(None) => return Err(missing("request.ifModifiedSince", "ifModifiedSince is an instant.")),
        };
        let body = match (verb, resource) {
            (Verb::Patch, Some(resource)) => {
                let (content_type, body) = patch::from_entry(resource)?;
                headers.content_type = content_type;
                Bytes::from(body)
            }
            (_, Some(resource)) => source.slice(resource.range()),
            (Verb::Post | Verb::Put | Verb::Patch, None) => {
                return Err(missing("resource", "The entry has no resource, and its method needs one."));
            }
            _ => Bytes::new(),
        };
        let path = percent_encoding::percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned();
        let request = Request { verb, path, query: query.to_owned(), headers, body };
        Ok(Entry { full_url: entry.str("fullUrl"), resource, request })
    }

    fn is_operation(&self) -> bool {
        self.request.path.rsplit('/').next().is_some_and(|it| it.starts_with('$'))
    }

    /// Its place in the order of processing (http.html#trules): DELETE, POST, PUT and PATCH, GET and HEAD.
    pub(super) fn rank(&self) -> u8 {
        match self.request.verb {
            Verb::Delete => 0,
            // An operation that a transaction may have reads, so it sees what was written.
            Verb::Post if self.is_operation() => 3,
            Verb::Post => 1,
            Verb::Put | Verb::Patch => 2,
            Verb::Get | Verb::Head => 3,
        }
    }
}

/// A problem at `Bundle.entry.{at}`; the entry's number is put in where it is known.
fn missing(at: &str, told: &str) -> Failure {
    Failure::of(vec![Issue::error(IssueType::Required, told).at(format!("entry.{at}"))])
}
