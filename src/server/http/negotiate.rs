//! What form an answer takes: `_format`, `_pretty` and `Accept` (http.html#mime-type, http.html#parameters).

use super::xml;
use ::fhir::{Failure, IssueType, Result};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use std::borrow::Cow;

/// The media type of answers in JSON.
pub const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// FHIR's JSON.
    Json {
        /// Indented, for people.
        pretty: bool,
    },
    /// FHIR's XML.
    Xml {
        /// Indented, for people.
        pretty: bool,
    },
    /// A page.
    Html,
    /// Resources in lines of JSON, which few operations answer in.
    Lines,
    /// What is no resource, by its media type.
    Plain(&'static str),
}

/// What the client wants. `_format` goes before `Accept`. Where neither decides, the answer has the format of the
/// request's body, and JSON without one.
pub fn negotiate(query: &str, headers: &HeaderMap) -> Result<Format> {
    // Most requests have neither parameter.
    let has_parameter = query.contains("_format") || query.contains("_pretty");
    let (format, pretty) = if has_parameter { (parameter(query, "_format"), is_pretty(query)) } else { (None, false) };
    if let Some(format) = format {
        return named(&format, pretty);
    }
    let own = own(headers, pretty);
    let mut accepts = headers.get_all(ACCEPT).iter().filter_map(|it| it.to_str().ok()).peekable();
    if accepts.peek().is_none() {
        return Ok(own);
    }
    best(accepts, pretty, own).ok_or_else(not_acceptable)
}

/// The format of the request itself.
fn own(headers: &HeaderMap, pretty: bool) -> Format {
    let media_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let name = media_type.and_then(|it| it.split(';').next()).unwrap_or_default().trim();
    if xml::is_xml(name) { Format::Xml { pretty } } else { Format::Json { pretty } }
}

fn is_pretty(query: &str) -> bool {
    parameter(query, "_pretty").is_some_and(|it| it == "true")
}

/// The last value of a parameter of a query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    let (_, value) = pairs.rev().find(|(key, _)| *key == name)?;
    percent_encoding::percent_decode_str(value).decode_utf8().ok()
}

/// A format as `_format` names it. A `+` that was not encoded arrives as it is.
fn named(name: &str, pretty: bool) -> Result<Format> {
    match name.split(';').next().unwrap_or_default().trim() {
        "json" | "application/json" | "text/json" | "application/fhir+json" | "application/fhir json" => {
            Ok(Format::Json { pretty })
        }
        "xml" | "application/fhir xml" => Ok(Format::Xml { pretty }),
        "html" | "text/html" => Ok(Format::Html),
        name if xml::is_xml(name) => Ok(Format::Xml { pretty }),
        _ => Err(not_acceptable()),
    }
}

/// The most wanted format; of equally wanted ones the first (RFC 9110 section 12.5.1).
fn best<'a>(accepts: impl Iterator<Item = &'a str>, pretty: bool, own: Format) -> Option<Format> {
    let mut best = None;
    let mut weight_of_best = 0.0;
    for range in accepts.flat_map(|it| it.split(',')) {
        let Some((format, weight)) = wanted(range, pretty, own) else { continue };
        if weight > weight_of_best {
            (best, weight_of_best) = (Some(format), weight);
        }
    }
    best
}

/// What a media range stands for here, and how much it is wanted.
fn wanted(range: &str, pretty: bool, own: Format) -> Option<(Format, f32)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let format = match name.as_str() {
        "*/*" | "application/*" => own,
        "application/fhir+json" | "application/json" | "text/json" => Format::Json { pretty },
        name if xml::is_xml(name) => Format::Xml { pretty },
        "text/html" | "application/xhtml+xml" | "text/*" => Format::Html,
        "application/fhir+ndjson" | "application/ndjson" => Format::Lines,
        _ => return None,
    };
    let mut weight = 1.0;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("q" | "Q", value)) => weight = value.trim().parse().ok()?,
            // http.html#version-parameter
            Some((name, version)) if name.eq_ignore_ascii_case("fhirversion") && version.trim_matches('"') != "4.0" => {
                return None;
            }
            _ => {}
        }
    }
    Some((format, weight))
}

/// That this server has no such form.
pub fn not_acceptable() -> Failure {
    let told = "This server answers in application/fhir+json or application/fhir+xml (FHIR 4.0), or in text/html only.";
    Failure::new(IssueType::NotSupported, told).with_status(406)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: Option<Format> = Some(Format::Json { pretty: false });
    const XML: Option<Format> = Some(Format::Xml { pretty: false });

    fn by_accept(accept: &str) -> Option<Format> {
        let headers = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
        negotiate("", &headers).ok()
    }

    fn by_query(query: &str) -> Option<Format> {
        negotiate(query, &HeaderMap::new()).ok()
    }

    #[test]
    fn json_is_what_is_sent_unless_asked_otherwise() {
        for accept in
            ["*/*", "application/fhir+json", "application/json;q=0.5, text/turtle", "text/json", "Application/*"]
        {
            assert_eq!(by_accept(accept), JSON, "{accept}");
        }
        assert_eq!(by_query("name=x"), JSON);
    }

    #[test]
    fn a_browser_gets_a_page() {
        assert_eq!(by_accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Some(Format::Html));
        assert_eq!(by_accept("text/html;q=0.2, application/fhir+json"), JSON);
    }

    #[test]
    fn what_cannot_be_sent_is_not_acceptable() {
        for accept in [
            "text/turtle",
            "application/fhir+json; fhirVersion=3.0",
            "application/fhir+xml; fhirVersion=5.0",
            "*/*;q=0",
        ] {
            assert_eq!(by_accept(accept), None, "{accept}");
        }
        assert_eq!(by_accept("application/fhir+json; fhirVersion=4.0"), JSON);
        assert_eq!(negotiate("_format=ttl", &HeaderMap::new()).unwrap_err().status, 406);
    }

    #[test]
    fn xml_is_sent_to_who_wants_it() {
        for accept in
            ["application/fhir+xml", "Text/XML", "application/xml, */*;q=0.1", "text/html;q=0.2, application/xml"]
        {
            assert_eq!(by_accept(accept), XML, "{accept}");
        }
        for query in
            ["_format=xml", "_format=text/xml", "_format=application/fhir%2Bxml", "_format=application/fhir+xml"]
        {
            assert_eq!(by_query(query), XML, "{query}");
        }
        assert_eq!(by_query("_format=xml&_pretty=true"), Some(Format::Xml { pretty: true }));
    }

    #[test]
    fn an_answer_has_the_format_of_the_request_unless_asked_otherwise() {
        let sent = |accept: Option<&str>| {
            let accept = accept.map(|it| (ACCEPT, it.parse().unwrap()));
            let content = (CONTENT_TYPE, "application/fhir+xml; charset=UTF-8".parse().unwrap());
            negotiate("", &accept.into_iter().chain([content]).collect()).ok()
        };
        assert_eq!(sent(None), XML);
        assert_eq!(sent(Some("*/*")), XML);
        assert_eq!(sent(Some("application/fhir+json")), JSON);
    }

    #[test]
    fn the_parameter_goes_before_the_header() {
        let headers = [(ACCEPT, "text/html".parse().unwrap())].into_iter().collect();
        assert_eq!(negotiate("_format=json", &headers).ok(), JSON);
        for query in ["_format=application/fhir%2Bjson", "_format=application/fhir+json", "x=1&_format=json"] {
            assert_eq!(by_query(query), JSON, "{query}");
        }
        assert_eq!(by_query("_format=html"), Some(Format::Html));
        assert_eq!(by_query("_pretty=true"), Some(Format::Json { pretty: true }));
        assert_eq!(by_query("_pretty=false"), JSON);
    }
}
