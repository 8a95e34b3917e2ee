//! Which web pages may call the server from a browser (fetch.spec.whatwg.org#http-cors-protocol): pages of other origins
//! than the server's own. What they may do, their access tokens say: no cookie lets anybody in.

use super::Origin;
use super::answer::SEARCH_UNINDEXED;
use super::request_id::X_REQUEST_ID;
use axum::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use axum::http::{HeaderValue, Method};
use std::str::FromStr;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// The origins whose pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// These; none but the server's own where the list is empty.
    These(Vec<Origin>),
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Origins, String> {
        match text.trim() {
            "any" => Ok(Origins::Any),
            "none" => Ok(Origins::These(Vec::new())),
            list => list.split(',').map(|it| it.trim().parse()).collect::<Result<_, _>>().map(Origins::These),
        }
    }
}

impl Origins {
    /// What answers the questions of browsers; `None` where no other origin may call.
    pub(super) fn layer(&self) -> Option<CorsLayer> {
        let origins = match self {
            Origins::Any => AllowOrigin::any(),
            Origins::These(origins) if origins.is_empty() => return None,
            Origins::These(origins) => {
                AllowOrigin::list(origins.iter().filter_map(|it| HeaderValue::from_str(&it.to_string()).ok()))
            }
        };
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(taken())
            .expose_headers([
                ETAG,
                LOCATION,
                CONTENT_LOCATION,
                LAST_MODIFIED,
                X_REQUEST_ID,
                RETRY_AFTER,
                ALLOW,
                SEARCH_UNINDEXED,
            ])
            .max_age(MAX_AGE);
        Some(layer)
    }
}

/// The headers of requests that change what is done.
fn taken() -> [HeaderName; 10] {
    let ours = ["if-none-exist", "prefer", "x-tenant-id"].map(HeaderName::from_static);
    let [if_none_exist, prefer, tenant] = ours;
    [
        ACCEPT,
        AUTHORIZATION,
        CONTENT_TYPE,
        IF_MATCH,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
        if_none_exist,
        prefer,
        tenant,
        X_REQUEST_ID,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_none_any_or_named() {
        assert_eq!("any".parse(), Ok(Origins::Any));
        assert_eq!("none".parse(), Ok(Origins::These(Vec::new())));
        let two: Origins = "https://app.example.org, http://localhost:5173".parse().unwrap();
        assert!(matches!(two, Origins::These(all) if all.len() == 2));
        for wrong in ["", "app.example.org", "https://a.org,", "*"] {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong}");
        }
    }
}
