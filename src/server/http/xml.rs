//! XML at the edge (xml.html, http.html#mime-type): a request's body, or a file that is loaded, becomes JSON before the
//! engine sees it, an answer becomes XML after.

use super::answer::parsed;
use ::fhir::json::Limits;
use ::fhir::xml::{Layout, read, write};
use ::fhir::{Failure, IssueType, Result};
use axum::body::Bytes;

/// The media type of answers in XML.
pub const FHIR_XML: &str = "application/fhir+xml;charset=utf-8";

/// Whether a media type without parameters is that of FHIR's XML.
pub fn is_xml(media_type: &str) -> bool {
    ["application/fhir+xml", "application/xml", "text/xml"].iter().any(|it| it.eq_ignore_ascii_case(media_type))
}

/// A resource sent as XML, as JSON.
pub fn to_json(body: &[u8], limits: &Limits) -> Result<Bytes> {
    let text =
        std::str::from_utf8(body).map_err(|_| Failure::new(IssueType::Structure, "The body is not UTF-8 text."))?;
    Ok(read(text, limits)?.into())
}

/// A resource of an answer as XML; `None` where XML does not have one of its characters.
pub fn from_json(body: &[u8], pretty: bool) -> Option<Bytes> {
    let layout = if pretty { Layout::Pretty } else { Layout::Compact };
    Some(write(parsed(body)?.root(), layout).ok()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_goes_both_ways() {
        let json = br#"{"resourceType":"Basic","id":"1"}"#;
        let xml = from_json(json, false).unwrap();
        assert_eq!(to_json(&xml, &Limits::default()).unwrap(), json.as_slice());
        assert_eq!(from_json(br#"{"resourceType":"Basic","id":"\uffff"}"#, false), None);
        assert_eq!(to_json(b"\xff", &Limits::default()).unwrap_err().status, 400);
    }
}
