//! What every request and answer has in common: an id, a time limit, a line in the log, figures, and headers that
//! keep browsers from guessing. A panic ends here too.

use super::left::Slot;
use super::request_id::X_REQUEST_ID;
use super::route::{self, Route};
use super::{Server, answer};
use crate::audit::RequestId;
use crate::clock::Stopwatch;
use ::fhir::{Failure, IssueType};
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tower::Service;

/// What is no page loads nothing and is shown in no frame.
const NO_CONTENT: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// How long the answer of a request that took too long waits for its event.
const RECORDED: Duration = Duration::from_secs(1);

/// A browser that came by TLS once comes by nothing else for a year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What a handler leaves with its response, for the log.
#[derive(Clone)]
pub struct Seen {
    /// The pattern of the address.
    pub route: &'static Route,
    /// The tenant, if the request named one that exists.
    pub tenant: Option<Arc<str>>,
    /// What lies behind a failure.
    pub cause: Option<Arc<str>>,
}

/// Goes around every handler.
pub async fn edge(server: &Server, mut request: Request, routes: Router) -> Response {
    let watch = Stopwatch::start();
    let under_way = server.metrics.enter();
    let id = server.request_ids.of(request.headers());
    let method = name(request.method());
    request.extensions_mut().insert(RequestId(id.to_str().unwrap_or_default().to_owned()));

    let mut response = carried_out(server, request, routes).await;

    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Pages bring their own.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NO_CONTENT);
    if server.addresses.are_secure() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.insert(X_REQUEST_ID, id.clone());
    let seen = response.extensions_mut().remove::<Seen>();
    let route = seen.as_ref().map_or(&route::SERVER, |it| it.route);
    let status = response.status().as_u16();
    let took = watch.elapsed();
    server.metrics.count(route, method, status, took);
    drop(under_way);

    let id = id.to_str().unwrap_or_default();
    let tenant = seen.as_ref().and_then(|it| it.tenant.as_deref());
    if let Some(cause) = seen.as_ref().and_then(|it| it.cause.as_deref()) {
        tracing::error!(request = id, tenant, route = route.pattern, cause, "a request failed");
    }
    tracing::info!(
        request = id,
        tenant,
        method,
        route = route.pattern,
        status,
        micros = took.as_micros() as u64,
        "answered"
    );
    response
}

/// Runs the handler: when there is room, within the time limit, and whatever it does.
async fn carried_out(server: &Server, mut request: Request, mut routes: Router) -> Response {
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let work = async {
        let _permit = server.permits.acquire().await;
        AssertUnwindSafe(routes.call(request)).catch_unwind().await.map(|it| it.unwrap_or_else(|never| match never {}))
    };
    match tokio::time::timeout(server.limits.time, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // The panic hook has told where.
            answer::failure(&Failure::new(IssueType::Exception, "The server failed to carry out the request."))
        }
        Err(_) => {
            let told =
                "The request took longer than this server allows. If it was to change something, look whether it did.";
            let failure = Failure::new(IssueType::Timeout, told);
            if let Some(left) = slot.get() {
                // What took so long may be what keeps the log: it tells nothing, and does not wait for that.
                let _ = tokio::time::timeout(RECORDED, left.refused(server, failure.status)).await;
            }
            answer::failure(&failure)
        }
    }
}

/// The methods that are counted by name.
fn name(method: &Method) -> &'static str {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE]
        .iter()
        .zip(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .find(|(it, _)| *it == method)
        .map_or("other", |(_, name)| name)
}
