//! A request as the engine sees it, whatever carried it: HTTP, a Bundle entry, a file, a job.

use bytes::Bytes;
use store::Key;

/// The verbs of FHIR's RESTful API (http.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// Reads a verb as HTTP and Bundle.entry.request.method write it.
    pub fn parse(text: &str) -> Option<Verb> {
        Some(match text {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "POST" => Verb::Post,
            "PUT" => Verb::Put,
            "PATCH" => Verb::Patch,
            "DELETE" => Verb::Delete,
            _ => return None,
        })
    }
}

/// A request to a tenant's base.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub verb: Verb,
    /// Path relative to the base, percent-decoded and without slashes at its ends: `Patient/1`, or empty.
    pub path: String,
    /// The query as in the URL, still percent-encoded, without `?`; parameters of a POST'ed form are appended.
    pub query: String,
    /// Headers that change what is done.
    pub headers: Headers,
    /// The body as sent, decompressed; empty if there is none.
    pub body: Bytes,
}

/// The headers an interaction heeds (http.html#concurrency, #cread, #ccreate, #ops).
#[derive(Clone, Debug, Default)]
pub struct Headers {
    /// `Content-Type`, without parameters, in lower case.
    pub content_type: Option<String>,
    /// `If-Match`.
    pub if_match: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`, in milliseconds since the epoch; an unreadable date is no header.
    pub if_modified_since: Option<i64>,
    /// `If-None-Exist`.
    pub if_none_exist: Option<String>,
    /// `X-Purpose-Of-Use`, all values joined by `,`.
    pub purpose_of_use: Option<String>,
    /// `X-Provenance`: a Provenance as JSON (provenance.html#header).
    pub provenance: Option<String>,
    /// `Prefer`, all values joined by `,`.
    pub prefer: Option<String>,
    /// `Accept` asks for resources as lines (`application/fhir+ndjson`).
    pub accepts_lines: bool,
}

/// What is sent back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The version for `ETag`: `W/"3"`.
    pub version: Option<i64>,
    /// For `Last-Modified`, in milliseconds since the epoch.
    pub last_modified: Option<i64>,
    /// For `Location`, relative to the base: `Patient/1/_history/3`.
    pub location: Option<String>,
    /// The resource that the answer is about, if it is one.
    pub key: Option<Key>,
    /// The parameters of a search that no index serves, so that all resources of a type were gone through.
    pub unindexed: Vec<String>,
    /// A FHIR resource as JSON; empty if there is none.
    pub body: Bytes,
    /// The media type of a body that is no resource.
    pub plain: Option<&'static str>,
    /// The address of the next page of an answer that has no links of its own, for `Link` (RFC 8288).
    pub next: Option<String>,
}

impl Answer {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Answer {
        let body = body.into();
        Answer {
            status,
            version: None,
            last_modified: None,
            location: None,
            key: None,
            unindexed: Vec::new(),
            body,
            plain: None,
            next: None,
        }
    }

    /// An answer without one.
    pub fn empty(status: u16) -> Answer {
        Answer::new(status, Bytes::new())
    }
}
