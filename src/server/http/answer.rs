//! From the engine's answer to HTTP's.

use super::negotiate::{FHIR_JSON, Format};
use super::pretty;
use super::xml::{self, FHIR_XML};
use crate::auth;
use ::fhir::Failure;
use ::fhir::json::{Doc, Limits};
use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use engine::Answer;
use std::time::{Duration, SystemTime};

/// Names the parameters of a search that no index serves.
pub const SEARCH_UNINDEXED: HeaderName = HeaderName::from_static("x-search-unindexed");

/// A response with this content.
pub fn response(status: u16, content_type: &'static str, body: Bytes) -> Response {
    let has_body = !body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if has_body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    // Records are nobody's to keep on the way.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds what an answer says of a resource's version (http.html#concurrency, http.html#create).
pub fn add_headers(headers: &mut HeaderMap, answer: &Answer, base: &str) {
    if let Some(version) = answer.version {
        insert(headers, ETAG, format!("W/\"{version}\""));
    }
    if let Some(changed) = answer.last_modified {
        let since = Duration::from_millis(u64::try_from(changed).unwrap_or_default());
        insert(headers, LAST_MODIFIED, httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since));
    }
    if !answer.unindexed.is_empty() {
        insert(headers, SEARCH_UNINDEXED, answer.unindexed.join(", "));
    }
    if let Some(next) = &answer.next {
        insert(headers, LINK, format!("<{next}>; rel=\"next\""));
    }
    if let Some(location) = &answer.location {
        insert(headers, LOCATION, format!("{base}/{location}"));
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// A resource that is sent, as its text has to be to be written in another form.
pub fn parsed(body: &[u8]) -> Option<Doc> {
    // What this server sends it has already held within its limits; a page of a search holds many resources.
    let limits = Limits { depth: 256, values: usize::MAX };
    Doc::parse_within(std::str::from_utf8(body).ok()?, &limits).ok()
}

/// A resource in the wanted format, with its media type. What XML cannot say is sent as JSON.
pub fn written(body: Bytes, format: Format) -> (&'static str, Bytes) {
    match format {
        Format::Xml { pretty } => match xml::from_json(&body, pretty) {
            Some(xml) => (FHIR_XML, xml),
            None => (FHIR_JSON, body),
        },
        Format::Json { pretty: true } => (FHIR_JSON, pretty::pretty(body)),
        Format::Plain(media_type) => (media_type, body),
        Format::Json { pretty: false } | Format::Html | Format::Lines => (FHIR_JSON, body),
    }
}

/// The response that tells why a request failed: an OperationOutcome.
pub fn failure(failure: &Failure) -> Response {
    failure_in(failure, Format::Json { pretty: false })
}

/// The same in the wanted format.
pub fn failure_in(failure: &Failure, format: Format) -> Response {
    let (media_type, body) = written(failure.to_json().into(), format);
    let mut response = response(failure.status, media_type, body);
    add_failure_headers(response.headers_mut(), failure);
    response
}

/// Adds what goes with a failure's status: a challenge with 401, a time to wait with 503.
pub fn add_failure_headers(headers: &mut HeaderMap, failure: &Failure) {
    match failure.status {
        401 => HeaderValue::try_from(auth::challenge(failure)).ok().and_then(|it| headers.insert(WWW_AUTHENTICATE, it)),
        503 => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
        _ => None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::fhir::IssueType;

    #[test]
    fn versions_become_headers() {
        let mut headers = HeaderMap::new();
        let answer = Answer {
            version: Some(3),
            last_modified: Some(784_111_777_123),
            location: Some("Patient/1/_history/3".into()),
            ..Answer::empty(201)
        };
        add_headers(&mut headers, &answer, "http://x/fhir/north");
        assert_eq!(headers[ETAG], "W/\"3\"");
        assert_eq!(headers[LAST_MODIFIED], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(headers[LOCATION], "http://x/fhir/north/Patient/1/_history/3");
    }

    #[test]
    fn a_challenge_goes_with_401() {
        let none = failure(&Failure::new(IssueType::Login, "x"));
        assert_eq!(none.headers()[WWW_AUTHENTICATE], "Bearer realm=\"medisync\"");
        let bad = failure(&Failure::new(IssueType::Expired, "x"));
        assert_eq!(bad.status(), 401);
        assert_eq!(bad.headers()[WWW_AUTHENTICATE], "Bearer realm=\"medisync\", error=\"invalid_token\"");
    }
}
