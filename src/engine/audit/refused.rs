//! Requests that were refused before it was known what they ask for: an address or a method that FHIR has not, a body or a form of
//! answer that is none of this server's, one that took too long. Who tried is told all the same.

use super::event::Event;
use super::{Left, Noted, Trail};
use crate::{Context, Engine, Request, Verb};
use fhir::Result;

/// AuditEvent.action of a verb.
fn action(verb: Option<Verb>) -> char {
    match verb {
        Some(Verb::Get | Verb::Head) => 'R',
        Some(Verb::Post) => 'C',
        Some(Verb::Put | Verb::Patch) => 'U',
        Some(Verb::Delete) => 'D',
        None => 'E',
    }
}

impl Context {
    /// Leaves the event of a request that is no interaction.
    pub(crate) fn note_unread(&self, request: &Request, status: u16) {
        let Some(trail) = &self.trail else { return };
        let claiming = self.claiming(&request.headers);
        let mut event = Event::of(&claiming, "", action(Some(request.verb)), status);
        Noted { base: &self.base, event: &mut event }.asked_of(request);
        trail.leave(Left::Event(Box::new(event)));
    }
}

impl Engine {
    /// Has the log keep that a request was refused before it came to [`Engine::perform`]. What was asked for is given as a request without its
    /// body; `verb` is none for a method that FHIR does not use.
    pub async fn record_refused(
        &self,
        ctx: &Context,
        verb: Option<Verb>,
        request: &Request,
        status: u16,
    ) -> Result<()> {
        if !self.settings.audit {
            return Ok(());
        }
        let trail = Trail::default();
        let mut event = Event::of(&ctx.claiming(&request.headers), "", action(verb), status);
        Noted { base: &ctx.base, event: &mut event }.asked_of(request);
        trail.leave(Left::Event(Box::new(event)));
        self.keep(ctx, trail.take()).await
    }
}
