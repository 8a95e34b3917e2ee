//! The audit trail: an event for every interaction, kept by the store's append-only log, and shown as AuditEvent
//! (auditevent.html) when somebody asks.
//!
//! A write's event is in the transaction of the write. What only reads leaves its events with the request's [`Trail`],
//! and [`Engine::perform`] has the log keep them, all of them at once, before the answer leaves: if it cannot, nothing
//! leaves. So is what failed. A search tells what it handed out, and to find patients the events name those whose records
//! that was.

mod beside;
mod entities;
mod event;
mod find;
mod handed;
mod held;
mod journal;
mod keys;
mod known;
mod looked;
mod patients;
mod pointed;
mod post;
mod refused;
mod render;
mod search;
mod security;
mod settle;
mod sight;
#[cfg(test)]
mod tests;
mod trail;
mod waiting;
mod whose;
#[cfg(test)]
mod whose_tests;

pub use beside::Beside;
pub use event::Origin;
pub(crate) use journal::Journal;
pub use journal::WaitingEvents;
pub(crate) use looked::Looked;
pub(crate) use patients::each_patient;
pub use search::damaged_log;
pub(crate) use search::{is_of_log, unchangeable};
pub use security::{Security, SecurityEvent};
pub(crate) use trail::Trail;
pub use waiting::ReadEvents;

use crate::interaction::Interaction;
use crate::unique::Draft;
use crate::{Answer, Context, Engine, Request};
use event::{Event, code_of_write, named};
use fhir::{Failure, Result};
use std::sync::Arc;
use std::time::Duration;
use store::{AuditEntry, Session, Stored};
use trail::Left;

/// The resource type.
pub(crate) const AUDIT_EVENT: &str = "AuditEvent";

/// The longest query that an event keeps, in bytes.
const LONGEST: usize = 8192;
/// How long the answer of a request that failed on our side waits for its event.
const FAILED: Duration = Duration::from_secs(1);

/// An event in the making.
pub(crate) struct Noted<'e> {
    base: &'e str,
    event: &'e mut Event,
}

impl Noted<'_> {
    /// A resource was touched.
    pub(crate) fn touched(&mut self, stored: &Stored) {
        self.event.add(self.base, stored);
    }

    /// An operation was answered.
    pub(crate) fn handed_out(&mut self, ctx: &Context, instance: Option<&Stored>, request: &Request, answer: &Answer) {
        handed::fill(self.event, ctx, instance, request, answer);
    }

    /// The same with resources of another tenant.
    pub(crate) fn handed_out_of(&mut self, tenant: &str, patient: Option<&str>, request: &Request, answer: &Answer) {
        handed::fill_elsewhere(self.event, (tenant, patient), request, answer);
    }

    /// Nothing is there where the interaction's address leads.
    pub(crate) fn named(&mut self, interaction: &Interaction) {
        if let Some(key) = named(interaction) {
            self.event.add_key(key);
        }
    }

    /// A transaction's entry found that nothing was to be done.
    pub(crate) fn answered(&mut self, interaction: &Interaction, answer: &Answer) {
        match (&answer.key, answer.version) {
            (Some(key), Some(version)) => self.event.add_body(self.base, key, version, [&answer.body, &[]]),
            _ => self.named(interaction),
        }
    }

    /// What was asked for.
    pub(crate) fn asked(&mut self, request: &Request) {
        self.event.query = Some(asked(request));
    }

    /// Of whom something was to be written, and by which criteria something was looked for on the way.
    fn tried(&mut self, ctx: &Context, request: &Request) {
        self.event.query = ctx.looked.asked().map(cut);
        for id in handed::named_patients(request).into_iter().chain(ctx.looked.named_patients()) {
            self.event.patient(&id);
        }
    }

    /// What was asked for, and of whom: that nothing is found tells of a patient as well.
    pub(crate) fn asked_of(&mut self, request: &Request) {
        self.asked(request);
        for id in handed::named_patients(request) {
            self.event.patient(&id);
        }
    }
}

/// A request's path and query, as far as an event keeps it.
fn asked(request: &Request) -> String {
    let Request { path, query, .. } = request;
    cut(if query.is_empty() { path.clone() } else { format!("{path}?{query}") })
}

/// So much of what was asked for as an event keeps.
fn cut(mut asked: String) -> String {
    if asked.len() > LONGEST {
        asked.truncate(asked.floor_char_boundary(LONGEST));
        asked.push('…');
    }
    asked
}

impl Engine {
    /// Carries out a request, that of a Bundle's entry as part of the Bundle's, and has the log keep what it leaves.
    pub(crate) async fn perform_audited(&self, ctx: &Context, request: Request) -> Result<Answer> {
        if ctx.trail.is_some() || !self.settings.audit {
            return self.carry_out(ctx, &request).await;
        }
        let _under_way = self.journal.as_ref().map(Journal::enter);
        let trail = Arc::new(Trail::default());
        let followed = Context { trail: Some(trail.clone()), ..ctx.clone() };
        let answer = self.carry_out(&followed, &request).await;
        let mut left = trail.take();
        let is_told = !answer.as_ref().is_err_and(|it| it.status >= 500);
        let whose = match left.iter().any(|it| matches!(it, Left::Pointing(_))) {
            true => Box::pin(self.tell_whose_left(&mut left, is_told)).await,
            false => Ok(()),
        };
        let kept = self.keep(ctx, left);
        match answer {
            // It tells nothing, and may have failed as the log would.
            Err(failure) if failure.status >= 500 => {
                let _ = tokio::time::timeout(FAILED, kept).await;
                Err(failure)
            }
            // That something is not there, or may not be seen, tells as well.
            answer => kept.await.and(whose).and(answer),
        }
    }

    fn entry(&self, event: &Event) -> Result<AuditEntry> {
        let at = (self.ambient.now_ms)();
        event.entry(self.event_id(at), at)
    }

    /// The id of an event of this time, which it tells, so that the log need not be told of each where it is: a UUID of version 7 (RFC 9562
    /// section 5.7).
    fn event_id(&self, at: i64) -> String {
        let random = (self.ambient.new_id)();
        match random.get(15..).filter(|_| random.len() == 36 && (0..1 << 48).contains(&at)) {
            Some(rest) => format!("{:08x}-{:04x}-7{rest}", at >> 16, at & 0xffff),
            None => random,
        }
    }

    /// Leaves the event of an interaction that failed.
    pub(crate) fn note_failure(&self, ctx: &Context, interaction: &Interaction, request: &Request, failure: &Failure) {
        ctx.note(interaction, failure.status, |noted| {
            if !ctx.looked.has(interaction) {
                noted.named(interaction);
            }
            match interaction {
                Interaction::Create { .. } | Interaction::Bundle => noted.tried(ctx, request),
                // Whom it names is a patient of another tenant.
                it if self.is_elsewhere(it) => noted.asked(request),
                _ => noted.asked_of(request),
            }
            ctx.looked.each(|it| noted.touched(it));
        });
    }

    /// The events of a commit: one for each kind of write among these.
    pub(crate) async fn events_of(&self, ctx: &Context, drafts: &[Draft]) -> Result<Vec<AuditEntry>> {
        let mut events: Vec<Event> = Vec::new();
        if !self.settings.audit {
            return Ok(Vec::new());
        }
        for Draft { put, former, .. } in drafts {
            let (what, action, status) = code_of_write(put.method, former.is_none());
            let at = events.iter().position(|it| it.what == what && it.action == action).unwrap_or_else(|| {
                events.push(Event::of(ctx, what, action, status));
                events.len() - 1
            });
            let Some(event) = events.get_mut(at) else { continue };
            event.add_body(ctx.base(), &put.key, put.version, [&put.body, former.as_deref().unwrap_or_default()]);
        }
        self.tell_whose_written(ctx, &mut events, drafts).await?;
        events.iter_mut().for_each(|it| it.tell_emergency(ctx));
        events.iter().map(|it| self.entry(it)).collect()
    }

    /// What happened to a tenant's security, as its log is to have it: for the commit that did it, so that both are kept, or neither.
    pub fn recorded(&self, event: SecurityEvent) -> Result<Vec<AuditEntry>> {
        match self.settings.audit {
            true => Ok(vec![self.security_entry(event)?]),
            false => Ok(Vec::new()),
        }
    }

    /// Has the log keep what happened to a tenant's security.
    pub async fn record(&self, session: &dyn Session, event: SecurityEvent) -> Result<()> {
        let entries = self.recorded(event)?;
        match entries.is_empty() {
            true => Ok(()),
            false => Ok(session.audit(entries).await?),
        }
    }

    /// Has events wait on this node while the database is away that keeps the log. It may have taken them without saying so: they keep
    /// their ids, by which each gets into the log once.
    pub async fn record_later(&self, session: &dyn Session, tenant: &str, entries: &[AuditEntry]) -> Result<()> {
        match entries.is_empty() {
            true => Ok(()),
            false => self.wait(session, tenant, entries, true).await,
        }
    }

    fn security_entry(&self, event: SecurityEvent) -> Result<AuditEntry> {
        let at = (self.ambient.now_ms)();
        event.entry(self.event_id(at), at)
    }
}
