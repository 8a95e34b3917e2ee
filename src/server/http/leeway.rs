//! Answers that may be older while the primary database does not answer: asked for by `Cache-Control: max-stale` (RFC 9111
//! section 5.2.1.2), told by `Age` (section 5.1).

use super::address::Address;
use axum::http::header::{AGE, CACHE_CONTROL, HeaderMap, WARNING};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use std::sync::Arc;
use std::time::Duration;
use store::{Freshness, Leeway};

/// RFC 7234 section 5.5.1. RFC 9111 has no use for it any more, as `Age` tells more; this tells it where no age is known.
const STALE: HeaderValue = HeaderValue::from_static("110 medisync \"Response is Stale\"");

/// What a request that only reads allows for.
pub fn of(parts: &Parts, address: &Address) -> Option<Arc<Leeway>> {
    let is_search = || address.path == "_search" || address.path.ends_with("/_search");
    let reads = matches!(parts.method, Method::GET | Method::HEAD) || parts.method == Method::POST && is_search();
    let values = parts.headers.get_all(CACHE_CONTROL).iter().filter_map(|it| it.to_str().ok());
    let most = values.flat_map(|it| it.split(',')).find_map(max_stale).filter(|_| reads)?;
    Some(Arc::new(Leeway::new(most)))
}

/// The seconds of a directive `max-stale`, `None` for any age; nothing for other directives, and for what cannot be read.
fn max_stale(directive: &str) -> Option<Option<Duration>> {
    let (name, seconds) = match directive.split_once('=') {
        Some((name, seconds)) => (name, Some(seconds)),
        None => (directive, None),
    };
    if !name.trim().eq_ignore_ascii_case("max-stale") {
        return None;
    }
    let Some(seconds) = seconds else { return Some(None) };
    // Section 5.2: a directive's argument may be quoted.
    let seconds = seconds.trim().trim_matches('"');
    seconds.parse().ok().map(|it| Some(Duration::from_secs(it)))
}

/// Tells how old an answer is, a refusal as well: what is not found may have come meanwhile.
pub fn tell(headers: &mut HeaderMap, leeway: &Leeway) {
    match leeway.freshness() {
        Freshness::Current => return,
        Freshness::Stale(age) => {
            let seconds = age.as_millis().div_ceil(1000);
            headers.insert(AGE, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        Freshness::Unknown => {}
    }
    headers.insert(WARNING, STALE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read() {
        for (directive, expected) in [
            ("max-stale", Some(None)),
            (" Max-Stale ", Some(None)),
            ("max-stale=60", Some(Some(Duration::from_secs(60)))),
            ("max-stale=\"60\"", Some(Some(Duration::from_secs(60)))),
            ("max-stale=soon", None),
            ("max-stale=-1", None),
            ("max-age=60", None),
            ("no-cache", None),
        ] {
            assert_eq!(max_stale(directive), expected, "{directive}");
        }
    }
}
