//! What the audit log is told of requests that are refused for their rate ([`crate::rates::Refusals`]).

use super::Server;
use super::meter::{Caller, Limit, Meter};
use crate::audit::{self, UNKNOWN};
use crate::auth::Holder;
use crate::rates::{Rates, Untold, reset};
use ::fhir::primitive::datetime::instant;
use ::fhir::{Failure, Result};
use engine::{Origin, Security, SecurityEvent};
use std::time::Duration;

/// How long an answer waits for its event, which is told later otherwise.
const PATIENCE: Duration = Duration::from_secs(1);
/// Who is named where there are too many to be named.
const OTHERS: &str = "others";

impl Meter<'_> {
    /// Refuses a request that is over a limit of a tenant that there is, and has the tenant's log know.
    pub(super) async fn turned_away(&self, rates: &Rates, caller: &Caller<'_>, limit: &Limit<'_>) -> Failure {
        let is_known = caller.holder.is_known;
        let noted = rates.refusals.note(caller.tenant, limit.key, is_known, self.now, |is_others| {
            let event = self.first(caller, limit);
            if is_others { of_others(event) } else { event }
        });
        let Some(told) = noted else { return self.refused(rates, limit) };
        let recording = self.server.engine.record(caller.session, told);
        if !matches!(tokio::time::timeout(PATIENCE, recording).await, Ok(Ok(()))) {
            rates.refusals.keep_first(caller.tenant, limit.key, is_known, self.now);
        }
        self.refused(rates, limit)
    }

    /// Who is refused, from where, what they asked for and by which limit.
    fn first(&self, caller: &Caller<'_>, limit: &Limit<'_>) -> SecurityEvent {
        let Holder { user, client, .. } = caller.holder;
        let seconds = reset(self.now);
        SecurityEvent {
            what: Security::Throttled,
            status: 429,
            subject: user.clone().or_else(|| client.clone()).unwrap_or_else(|| UNKNOWN.to_owned()),
            origin: audit::origin(self.parts, &self.server.proxies, caller.holder),
            about: Some(format!("limit of the {}: {} a minute", limit.who.name(), limit.number)),
            asked: Some(format!("{} {:.1000}", self.parts.method, self.parts.uri.path())),
            reason: Some(format!("requests over the limit are refused for {seconds} s; how many, another event tells")),
        }
    }
}

/// The same of all of whom there are too many to be told one by one.
fn of_others(event: SecurityEvent) -> SecurityEvent {
    SecurityEvent { subject: OTHERS.to_owned(), origin: Origin::default(), asked: None, ..event }
}

impl Server {
    /// Has the logs know of requests that were refused in minutes that are over, or until now.
    pub async fn tell_refusals(&self, now: i64, is_end: bool) {
        let Some(rates) = &self.rates else { return };
        for untold in rates.refusals.due(now, is_end) {
            match self.tell_of(&untold).await {
                Ok(()) => {}
                // A tenant that is gone has no log any more.
                Err(failure) if matches!(failure.status, 404 | 410) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "the audit log cannot be told yet of requests that were refused");
                    rates.refusals.keep(untold);
                }
            }
        }
    }

    async fn tell_of(&self, untold: &Untold) -> Result<()> {
        let known = self.gate.known(&untold.tenant).await?;
        let session = self.engine.store().open(&known.tenant).await?;
        let [from, until] = [untold.more.from, untold.more.until].map(|it| instant(it * 1000));
        let reason = match untold.more.count {
            1 => format!("1 more request was refused, at {from}"),
            count => format!("{count} more requests were refused, from {from} to {until}"),
        };
        let mut event = SecurityEvent { asked: None, reason: Some(reason), ..untold.event.clone() };
        // It is about many requests.
        event.origin.request = None;
        self.engine.record(&*session, event).await
    }
}
