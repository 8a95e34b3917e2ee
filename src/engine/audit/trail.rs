//! What a request leaves to be kept in the log, and how its interactions leave it.

use super::event::{Event, code};
use super::{Noted, Origin};
use crate::Context;
use crate::interaction::Interaction;
use fhir::{Failure, IssueType, Result};
use std::sync::{Arc, Mutex, PoisonError};
use store::AuditEntry;

/// What one request leaves to be kept before its answer leaves.
#[derive(Default)]
pub(crate) struct Trail(Mutex<Vec<Left>>);

pub(super) enum Left {
    Event(Box<Event>),
    Pointing(Box<Pointing>),
    /// An AuditEvent that was sent.
    Sent(AuditEntry),
}

/// An event of what points at records, of which it is not known yet whose they are.
pub(super) struct Pointing {
    pub(super) event: Event,
    /// Whose it is.
    pub(super) ctx: Context,
}

impl Trail {
    pub(super) fn leave(&self, left: Left) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(left);
    }

    pub(super) fn take(&self) -> Vec<Left> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Context {
    /// The same for a request from there.
    pub fn from_origin(self, origin: Origin) -> Context {
        Context { origin: Arc::new(origin), ..self }
    }

    /// The same for entries of a Bundle whose interaction has this code.
    pub(crate) fn within_bundle(&self, code: &'static str) -> Context {
        Context { bundle: Some(code), ..self.clone() }
    }

    /// Leaves an event to be kept before the answer leaves; `fill` tells what was touched.
    pub(crate) fn note(&self, interaction: &Interaction, status: u16, fill: impl FnOnce(&mut Noted<'_>)) {
        let is_public = matches!(interaction, Interaction::Capabilities | Interaction::OpenApi);
        let Some(trail) = self.trail.as_ref().filter(|_| !is_public) else { return };
        let (what, action) = code(interaction);
        let mut event = Event::of(self, what, action, status);
        fill(&mut Noted { base: &self.base, event: &mut event });
        if event.pointing.is_empty() {
            event.tell_emergency(self);
            return trail.leave(Left::Event(Box::new(event)));
        }
        // The trail is not to be kept by what it has.
        let ctx = Context { trail: None, ..self.for_reading().into_owned() };
        trail.leave(Left::Pointing(Box::new(Pointing { event, ctx })));
    }

    /// Leaves an AuditEvent that was sent; fails where nothing is logged.
    pub(super) fn leave(&self, entry: AuditEntry) -> Result<()> {
        let told = "The audit log of this server is off.";
        let trail = self.trail.as_ref().ok_or_else(|| Failure::new(IssueType::NotSupported, told))?;
        trail.leave(Left::Sent(entry));
        Ok(())
    }
}
