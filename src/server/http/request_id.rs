//! A name for each request, to find it again in the logs of all who took part.

use crate::random;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that carries it.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes request ids: a part that differs between processes, and a counter.
pub struct RequestIds {
    process: u32,
    next: AtomicU64,
}

impl RequestIds {
    /// Ids of this process.
    pub fn new() -> anyhow::Result<RequestIds> {
        Ok(RequestIds { process: u32::from_le_bytes(random::bytes()?), next: AtomicU64::new(1) })
    }

    /// The id that the client gave, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(X_REQUEST_ID) {
            Some(given) if is_id(given.as_bytes()) => given.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let id = format!("{:08x}-{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed));
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
    }
}

/// Whether a client's id can stand in a log line and a header.
fn is_id(text: &[u8]) -> bool {
    (1..=64).contains(&text.len()) && text.iter().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_plain_id_and_makes_one_otherwise() {
        let ids = RequestIds::new().unwrap();
        let of = |text: &'static str| ids.of(&[(X_REQUEST_ID, HeaderValue::from_static(text))].into_iter().collect());
        assert_eq!(of("abc-1.2_3"), "abc-1.2_3");
        assert_ne!(of("a b"), "a b");
        assert_ne!(of(""), of(""));
    }
}
