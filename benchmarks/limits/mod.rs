//! What the server is held against, each a program of its own: axum answering the same bytes from memory, and
//! axum with sqlx running the same statements, written by hand, on a copy of the same file or on the same database, without
//! any FHIR between.

pub mod memory;
pub mod postgres;
mod queries;
mod resource;
mod routes;
pub mod sqlite;
mod writer;

use anyhow::Result;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::Bytes;

/// Serves on a port of the system's choice, as the server does: it says where once it is ready.
async fn serve(routes: Router) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, routes.layer(DefaultBodyLimit::disable())).await?)
}

/// An answer with the headers that a FHIR server's has.
fn answer(status: u16, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json"));
    headers.insert("etag", HeaderValue::from_static("W/\"1\""));
    headers.insert("last-modified", HeaderValue::from_static("Fri, 20 Nov 2026 12:00:00 GMT"));
    response
}
