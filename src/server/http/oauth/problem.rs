//! What goes wrong at an authorization server, as clients are told it (RFC 6749 section 5.2).

use ::fhir::Failure;
use axum::http::HeaderValue;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::Response;
use serde_json::json;

/// A refusal.
#[derive(Debug)]
pub struct Problem {
    /// HTTP's status.
    pub status: u16,
    /// OAuth's code.
    pub code: &'static str,
    /// A sentence.
    pub told: String,
    /// Seconds to wait before trying again.
    pub retry_after: Option<i64>,
    /// What lies behind it, for the log.
    pub cause: Option<String>,
}

/// What an endpoint answers.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    /// A refusal with status 400.
    pub fn new(code: &'static str, told: impl Into<String>) -> Problem {
        Problem { status: 400, code, told: told.into(), retry_after: None, cause: None }
    }

    /// The request is not as the standard says.
    pub fn request(told: impl Into<String>) -> Problem {
        Problem::new("invalid_request", told)
    }

    /// The code or refresh token is not good. Why is not told: it would help whoever guesses.
    pub fn grant() -> Problem {
        Problem::new("invalid_grant", "The code or refresh token is not good, or no longer.")
    }

    /// Whoever asks has not proved to be a client.
    pub fn client(told: impl Into<String>) -> Problem {
        Problem { status: 401, ..Problem::new("invalid_client", told) }
    }

    /// The access token is not good (RFC 6750 section 3.1).
    pub fn token(told: impl Into<String>) -> Problem {
        Problem { status: 401, ..Problem::new("invalid_token", told) }
    }

    /// It may be tried again later.
    pub fn too_often(wait: i64) -> Problem {
        let seconds = wait.div_euclid(1000) + 1;
        let told = format!("There were too many attempts from your address; try again in {seconds} s.");
        Problem { status: 429, retry_after: Some(seconds), ..Problem::new("temporarily_unavailable", told) }
    }

    /// As the standard's JSON.
    pub fn response(&self) -> Response {
        let mut response = super::json(self.status, &json!({ "error": self.code, "error_description": self.told }));
        let headers = response.headers_mut();
        match self.code {
            "invalid_client" => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"medisync\"")),
            "invalid_token" => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
            }
            _ => None,
        };
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        let told = failure.issues.first().map(|it| it.diagnostics.to_string()).unwrap_or_default();
        let code = match failure.status {
            429 | 503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        };
        let cause = failure.cause.as_ref().map(ToString::to_string);
        Problem { status: failure.status, cause, ..Problem::new(code, told) }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Problem {
        Failure::from(error).into()
    }
}
