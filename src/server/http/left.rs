//! What is known of a request that somebody who was let in has sent, for the event of the audit log if it is refused before it comes to
//! the engine, or ended while it is there.

use super::Server;
use super::address::Address;
use super::fhir::{PURPOSE_OF_USE, joined};
use super::route::route;
use axum::http::request::Parts;
use engine::{Context, Headers, Request, Verb};
use fhir::Result;
use std::sync::{Arc, OnceLock};

/// A request that was let in.
pub struct Left {
    context: Context,
    verb: Option<Verb>,
    /// Without its body.
    request: Request,
    /// Whether it asks for what everybody may know.
    is_public: bool,
}

/// Where a handler leaves it for what goes around the handler.
#[derive(Clone, Default)]
pub struct Slot(Arc<OnceLock<Arc<Left>>>);

impl Slot {
    /// Leaves it.
    pub fn fill(&self, left: &Arc<Left>) {
        let _ = self.0.set(left.clone());
    }

    /// What was left.
    pub fn get(&self) -> Option<&Left> {
        self.0.get().map(|it| &**it)
    }
}

impl Left {
    /// A request of whom a context is; `verb` is none for a method that FHIR does not use.
    pub fn new(context: Context, verb: Option<Verb>, parts: &Parts, address: &Address) -> Left {
        let headers = Headers { purpose_of_use: joined(&parts.headers, &PURPOSE_OF_USE), ..Headers::default() };
        let request = Request {
            verb: verb.unwrap_or(Verb::Post),
            path: address.path.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers,
            body: Default::default(),
        };
        let is_public = route(&address.path).is_public() && matches!(verb, Some(Verb::Get | Verb::Head));
        Left { context, verb, request, is_public }
    }

    /// Has the log keep that it was refused.
    pub async fn refused(&self, server: &Server, status: u16) -> Result<()> {
        match self.is_public {
            true => Ok(()),
            false => server.engine.record_refused(&self.context, self.verb, &self.request, status).await,
        }
    }
}
