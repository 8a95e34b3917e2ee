//! Which web pages may call the server from a browser (fetch.spec.whatwg.org#http-cors-protocol): pages of other origins
//! than the server's own. What they may do, their access tokens say: no cookie lets anybody in.
//!
//! Besides those that the settings name these are, as SMART App Launch has it (app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support):
//! pages of every origin, for what everybody may know; and pages of the origins to which a tenant's apps have answers sent, for
//! that tenant's FHIR base and token endpoint.

use super::answer::SEARCH_UNINDEXED;
use super::meter::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::request_id::X_REQUEST_ID;
use super::route::{SMART, route};
use super::{Answers, Origin, Server};
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, AGE, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LINK, LOCATION, ORIGIN, RETRY_AFTER, WARNING,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;
use tower::{Layer, ServiceExt, service_fn};
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

/// Whose pages may see the answer, if a page asks and may.
pub async fn caller(server: &Server, parts: &Parts) -> Option<AllowOrigin> {
    match &server.origins {
        Origins::Any => Some(AllowOrigin::any()),
        Origins::These(origins) => {
            let origin = parts.headers.get(ORIGIN)?;
            let is_named = origin.to_str().is_ok_and(|it| origins.iter().any(|named| named.to_string() == it));
            let may_call = is_named || may_call(server, parts, origin).await;
            may_call.then(|| AllowOrigin::exact(origin.clone()))
        }
    }
}

/// Answers the request of a page that may call.
pub async fn answer(origin: AllowOrigin, request: Request, answers: Answers) -> Response {
    let answers = service_fn(move |request| {
        let answers = answers.clone();
        async move { Ok::<_, Infallible>(answers.carry_out(request).await) }
    });
    layer(origin).layer(answers).oneshot(request).await.unwrap_or_else(|never| match never {})
}

/// Whether a page may call though the settings do not name its origin.
async fn may_call(server: &Server, parts: &Parts, origin: &HeaderValue) -> bool {
    // Without tokens nothing would hold such a page back.
    if server.gate.issuer().is_none() {
        return false;
    }
    let Some((tenant, audience)) = audience(server, parts) else { return false };
    match audience {
        Audience::Everybody => true,
        Audience::Apps => {
            let origins = server.app_origins.of(server, &tenant).await.unwrap_or_default();
            origins.iter().any(|it| it.as_bytes() == origin.as_bytes())
        }
    }
}

/// Whose pages an address is for.
#[derive(Debug, PartialEq, Eq)]
enum Audience {
    Everybody,
    Apps,
}

/// The tenant that is asked, and whose pages may ask; none for the pages that people see.
fn audience(server: &Server, parts: &Parts) -> Option<(String, Audience)> {
    let path = parts.uri.path();
    if let Some(tenant) = path.strip_prefix("/.well-known/oauth-authorization-server/auth/") {
        return Some((tenant.to_owned(), Audience::Everybody));
    }
    if let Some((tenant, endpoint)) = path.strip_prefix("/auth/").and_then(|it| it.split_once('/')) {
        let audience = match endpoint {
            "jwks" | "style" | "logo" | "brands" | ".well-known/openid-configuration" => Audience::Everybody,
            "token" | "revoke" | "userinfo" | "introspect" => Audience::Apps,
            _ => return None,
        };
        return Some((tenant.to_owned(), audience));
    }
    if let Some((tenant, _)) = path.strip_prefix("/state/").and_then(|it| it.split_once('/')) {
        return Some((tenant.to_owned(), Audience::Apps));
    }
    if path != "/fhir" && !path.starts_with("/fhir/") {
        return None;
    }
    let address = server.addresses.resolve(parts).ok()?;
    let route = route(&address.path);
    let audience = if route.is_public() || *route == SMART { Audience::Everybody } else { Audience::Apps };
    Some((address.tenant, audience))
}

/// What answers the questions of a browser whose page may call.
fn layer(origin: AllowOrigin) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(taken())
        .expose_headers([
            ETAG,
            LOCATION,
            CONTENT_LOCATION,
            LAST_MODIFIED,
            LINK,
            X_REQUEST_ID,
            RETRY_AFTER,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            AGE,
            WARNING,
            ALLOW,
            SEARCH_UNINDEXED,
        ])
        .max_age(MAX_AGE)
}

/// The headers of requests that change what is done.
fn taken() -> [HeaderName; 13] {
    let ours =
        ["if-none-exist", "prefer", "x-provenance", "x-purpose-of-use", "x-tenant-id"].map(HeaderName::from_static);
    let [if_none_exist, prefer, provenance, purpose_of_use, tenant] = ours;
    [
        ACCEPT,
        AUTHORIZATION,
        CACHE_CONTROL,
        CONTENT_TYPE,
        IF_MATCH,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
        if_none_exist,
        prefer,
        provenance,
        purpose_of_use,
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
