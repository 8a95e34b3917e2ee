//! An HTTP answer, and what a case may ask of it.

use reqwest::header::HeaderMap;
use serde_json::Value;
use std::ops::RangeBounds;

/// A whole answer: status, headers, body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The request in words, for the messages of failed cases.
    pub asked: String,
}

impl Answer {
    /// The same answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        self.expect_in(status..=status)
    }

    /// The same answer, whose status must be in this range.
    #[track_caller]
    pub fn expect_in(self, statuses: impl RangeBounds<u16> + std::fmt::Debug) -> Answer {
        let Answer { asked, status, .. } = &self;
        assert!(statuses.contains(status), "{asked}: expected {statuses:?}, got {status}: {}", self.text());
        self
    }

    /// The OperationOutcome of a failure with a status in this range (http.html#Status-Codes,
    /// operationoutcome.html): an `application/fhir+json` body with at least one error.
    #[track_caller]
    pub fn expect_outcome(self, statuses: impl RangeBounds<u16> + std::fmt::Debug) -> Value {
        let answer = self.expect_in(statuses);
        let asked = &answer.asked;
        let media_type = answer.header("content-type").unwrap_or_default();
        assert!(media_type.starts_with("application/fhir+json"), "{asked}: the outcome came as {media_type:?}");
        let outcome = answer.json();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{asked}: {outcome}");
        let failed = issues(&outcome).iter().any(|issue| matches!(issue["severity"].as_str(), Some("error" | "fatal")));
        assert!(failed, "{asked}: no issue is an error: {outcome}");
        for issue in issues(&outcome) {
            assert!(issue["code"].is_string(), "{asked}: an issue has no code: {outcome}");
        }
        outcome
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON; decimals keep their digits.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.bytes) {
            Ok(value) => value,
            Err(error) => panic!("{}: the body is not JSON ({error}): {}", self.asked, self.text()),
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A header that must be there.
    #[track_caller]
    pub fn needed_header(&self, name: &str) -> &str {
        match self.header(name) {
            Some(value) => value,
            None => panic!("{}: no header {name} in {:?}", self.asked, self.headers),
        }
    }

    /// The logical id in the body, or else in Location.
    #[track_caller]
    pub fn id(&self) -> String {
        if let Ok(body) = serde_json::from_slice::<Value>(&self.bytes)
            && body["resourceType"] != "OperationOutcome"
            && let Some(id) = body["id"].as_str()
        {
            return id.to_owned();
        }
        let location = self.needed_header("location");
        let path = location.split("/_history/").next().unwrap_or(location);
        path.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// The version id in the ETag (http.html#versioning: `W/"3"`).
    #[track_caller]
    pub fn version(&self) -> String {
        let etag = self.needed_header("etag");
        match etag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"')) {
            Some(version) => version.to_owned(),
            None => panic!("{}: ETag {etag} is not a weak tag", self.asked),
        }
    }
}

/// The issues of an OperationOutcome.
fn issues(outcome: &Value) -> &[Value] {
    outcome["issue"].as_array().map_or(&[], Vec::as_slice)
}
