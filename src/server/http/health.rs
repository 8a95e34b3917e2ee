//! Whether the server lives and is ready, and what it says to addresses that lead nowhere.

use super::negotiate::{Format, negotiate};
use super::{Server, answer, page};
use crate::pages::{self, MessageView};
use ::fhir::{Failure, IssueType};
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// `GET /livez`: the process answers.
pub async fn live() -> &'static str {
    "ok\n"
}

/// How long the database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /readyz`: the database answers too, and soon, and takes writes: who asks sends requests elsewhere meanwhile.
pub async fn ready(State(server): State<Arc<Server>>) -> Response {
    let cause = match tokio::time::timeout(PATIENCE, server.engine.store().ping()).await {
        Ok(Ok(())) => return "ok\n".into_response(),
        Ok(Err(cause)) => cause.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(cause, "not ready");
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "the database does not answer, or takes no writes\n")
        .into_response()
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
