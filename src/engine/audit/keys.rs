//! What an event can be found by without reading it.
//!
//! Each key is a row of an index that is written with every access, so there are few: the patients, the agent, and what
//! belongs to no patient. A resource that does belong to one is found by way of the patient. What most events have in
//! common finds nothing, and has no key.

use super::entities::{ELSEWHERE, Entity};
use super::event::Event;
use super::patients::PATIENT;
use super::security::Security;

/// The keys of an event.
pub(super) fn of(event: &Event) -> Vec<String> {
    let mut keys: Vec<String> = event.patients.iter().map(|it| patient(it)).collect();
    if let Some((of, id)) = event.agent.origin.user.as_deref().and_then(|it| it.split_once('/')) {
        keys.push(agent(of, id));
    }
    for Entity { what, .. } in event.entities.of_nobody().filter(|it| !it.what.starts_with(ELSEWHERE)) {
        let mut parts = what.split('/');
        if let (Some(of), Some(id)) = (parts.next(), parts.next()) {
            keys.push(entity(of, id));
        }
    }
    // Whose it is goes by others, which may be somebody else's by the time that somebody asks.
    keys.extend(event.pointing.iter().map(|it| entity(&it.key.of, &it.key.id)));
    if let Some(security) = Security::of(&event.what) {
        keys.push(kind(security.kind().1));
    }
    if event.status >= 400 {
        keys.push(outcome(outcome_of(event.status)));
    }
    // Rarely does a patient come twice: as the user and as whom it is about.
    keys.sort();
    keys.dedup();
    keys
}

/// The key of a patient's records.
pub(super) fn patient(id: &str) -> String {
    format!("patient|{id}")
}

/// The key of what somebody did.
pub(super) fn agent(of: &str, id: &str) -> String {
    if of == PATIENT { patient(id) } else { format!("agent|{of}/{id}") }
}

/// The key of a resource that belongs to no patient.
pub(super) fn entity(of: &str, id: &str) -> String {
    if of == PATIENT { patient(id) } else { format!("entity|{of}/{id}") }
}

/// The key of AuditEvent.type, unless it is that of RESTful interactions.
pub(super) fn kind(code: &str) -> String {
    format!("type|{code}")
}

/// The key of AuditEvent.outcome, unless that is success.
pub(super) fn outcome(code: &str) -> String {
    format!("outcome|{code}")
}

/// AuditEvent.outcome of an HTTP status (valueset-audit-event-outcome.html).
pub(super) fn outcome_of(status: u16) -> &'static str {
    match status {
        ..400 => "0",
        400..500 => "4",
        500.. => "8",
    }
}
