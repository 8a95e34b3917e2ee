//! Whether the server lives and is ready, and what it says to addresses that lead nowhere.

use super::{Server, answer};
use ::fhir::{Failure, IssueType};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// `GET /livez`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers too.
pub async fn ready(State(server): State<Arc<Server>>) -> Response {
    match server.engine.store().tenants().await {
        Ok(_) => "ok\n".into_response(),
        Err(cause) => {
            tracing::warn!(%cause, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// Every address that has no route.
pub async fn unknown() -> Response {
    answer::failure(&Failure::new(IssueType::NotFound, "Nothing is here; FHIR is below /fhir/{tenant}."))
}
