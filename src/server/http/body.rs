//! A request's body: read within limits, decompressed.

use super::{Limits, gzip};
use ::fhir::{Failure, IssueType, Result};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};

/// Reads the body.
pub async fn read(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<Bytes> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // Refused before a byte of it is read, where the client tells the size.
    if body.size_hint().lower() > limits.body as u64 {
        return Err(too_large("The body", limits.body));
    }
    let coding = coding(headers)?;
    let sent = axum::body::to_bytes(body, limits.body).await.map_err(|it| broken(it, limits))?;
    match coding {
        Coding::Gzip => gzip::unpack(sent, limits.unpacked).await,
        Coding::Identity if sent.len() > limits.unpacked => Err(too_large("The body", limits.unpacked)),
        Coding::Identity => Ok(sent),
    }
}

enum Coding {
    Identity,
    Gzip,
}

fn coding(headers: &HeaderMap) -> Result<Coding> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    match (values.next().map(|it| it.as_bytes()), values.next()) {
        (None, _) => Ok(Coding::Identity),
        (Some(one), None) if one.eq_ignore_ascii_case(b"identity") => Ok(Coding::Identity),
        (Some(one), None) if one.eq_ignore_ascii_case(b"gzip") || one.eq_ignore_ascii_case(b"x-gzip") => {
            Ok(Coding::Gzip)
        }
        _ => Err(Failure::new(IssueType::NotSupported, "Send the body as it is or with Content-Encoding: gzip.")
            .with_status(415)),
    }
}

fn broken(error: axum::Error, limits: &Limits) -> Failure {
    let error = error.into_inner();
    if error.is::<http_body_util::LengthLimitError>() {
        return too_large("The body", limits.body);
    }
    Failure::new(IssueType::Structure, "The body ended before it was complete.")
}

/// The refusal of what is larger than allowed.
pub fn too_large(what: &str, limit: usize) -> Failure {
    Failure::new(IssueType::TooLong, format!("{what} is larger than the {limit} bytes that this server takes."))
}

/// `Content-Type` without parameters, in lower case.
pub fn content_type(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    for (parameter, value) in parts.filter_map(|it| it.split_once('=')) {
        check_parameter(parameter, value.trim_matches('"'))?;
    }
    Ok(Some(name))
}

/// FHIR's JSON is UTF-8 (json.html#json) and this server's FHIR is 4.0 (http.html#version-parameter).
fn check_parameter(name: &str, value: &str) -> Result<()> {
    let refuse = |told: &str| Err(Failure::new(IssueType::NotSupported, told).with_status(415));
    if name.eq_ignore_ascii_case("charset")
        && !["utf-8", "utf8", "us-ascii"].iter().any(|it| it.eq_ignore_ascii_case(value))
    {
        return refuse("Send the body in UTF-8: FHIR allows no other charset.");
    }
    if name.eq_ignore_ascii_case("fhirversion") && value != "4.0" {
        return refuse("This server takes FHIR 4.0 only.");
    }
    Ok(())
}

/// The parameters of a form, as they would stand in an address (search.html#Introduction).
pub fn form(content_type: Option<&str>, body: &Bytes) -> Result<String> {
    if body.is_empty() {
        return Ok(String::new());
    }
    if content_type != Some("application/x-www-form-urlencoded") {
        let told = "Send the search's parameters as application/x-www-form-urlencoded.";
        return Err(Failure::new(IssueType::NotSupported, told).with_status(415));
    }
    let text = std::str::from_utf8(body).map_err(|_| Failure::new(IssueType::Structure, "The form is not UTF-8."))?;
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const LIMITS: Limits = Limits { body: 100, unpacked: 150, time: Duration::from_secs(60) };

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    async fn status(headers: HeaderMap, body: impl Into<Body>) -> u16 {
        read(&headers, body.into(), &LIMITS).await.map_or_else(|it| it.status, |_| 200)
    }

    #[tokio::test]
    async fn a_body_within_the_limits_is_read() {
        assert_eq!(read(&HeaderMap::new(), Body::from("x".repeat(100)), &LIMITS).await.unwrap().len(), 100);
        assert_eq!(status(HeaderMap::new(), "x".repeat(101)).await, 413);
        let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("x".repeat(60)), Ok("y".repeat(60))]);
        assert_eq!(status(HeaderMap::new(), Body::from_stream(chunks)).await, 413);
    }

    #[tokio::test]
    async fn other_codings_are_refused() {
        assert_eq!(status(headers(CONTENT_ENCODING, "br"), "x").await, 415);
        assert_eq!(status(headers(CONTENT_ENCODING, "identity"), "x").await, 200);
        let bomb = gzip::pack(Bytes::from(vec![b' '; 151])).await.unwrap();
        assert_eq!(status(headers(CONTENT_ENCODING, "gzip"), bomb).await, 413);
    }

    #[test]
    fn content_types_lose_their_parameters() {
        let read = |it| content_type(&headers(CONTENT_TYPE, it)).map_err(|it| it.status);
        assert_eq!(read("Application/FHIR+json; charset=UTF-8"), Ok(Some("application/fhir+json".into())));
        assert_eq!(read("application/fhir+json; fhirVersion=4.0"), Ok(Some("application/fhir+json".into())));
        assert_eq!(read("application/fhir+json; charset=utf-16"), Err(415));
        assert_eq!(read("application/fhir+json; fhirVersion=5.0"), Err(415));
    }

    #[test]
    fn a_form_is_a_query() {
        let body = Bytes::from_static(b"name=x&_count=5\n");
        assert_eq!(form(Some("application/x-www-form-urlencoded"), &body).unwrap(), "name=x&_count=5");
        assert_eq!(form(Some("application/fhir+json"), &body).unwrap_err().status, 415);
        assert_eq!(form(None, &Bytes::new()).unwrap(), "");
    }
}
