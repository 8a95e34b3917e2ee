//! Whether the server lives and is ready, and what it says to addresses that lead nowhere.

use super::negotiate::{Format, negotiate};
use super::{Server, answer, page};
use crate::pages::{self, MessageView};
use ::fhir::{Failure, IssueType};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
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
pub async fn unknown(headers: HeaderMap) -> Response {
    let about = "FHIR is below /fhir/, followed by the tenant's name; the start page shows the way.";
    if matches!(negotiate("", &headers), Ok(Format::Html)) {
        let view = MessageView { status: 404, heading: "Nothing is here", paragraphs: &[about], commands: &[] };
        return page::response(404, pages::message(&view));
    }
    answer::failure(&Failure::new(IssueType::NotFound, format!("Nothing is here. {about}")))
}
