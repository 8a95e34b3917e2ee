//! What somebody does to a tenant's security, as long as it is being done: its event of the audit log goes with the first change
//! that it makes, in the same commit, so that there is no change without its event, nor an event of a change that was refused.
//!
//! Changes are made deep below the request that asks for them, by functions that commands call as well. So what is being done
//! belongs to the task, and the one function that writes to the ledger ([`crate::auth::kept::write`]) takes the event along.

use crate::{clock, random};
use engine::SecurityEvent;
use fhir::Result;
use std::sync::{Mutex, PoisonError};
use store::{AuditEntry, LedgerChange, Session};

/// Kinds of entries that come and go by themselves, or count: no change of security that anybody is to be told of. What is kept
/// under another kind is one.
const PASSING: &[&str] = &[
    "app-state",
    "assertion",
    "attempt",
    "challenge",
    "clinic-offer",
    "dead-mail",
    "failures",
    "half-sign-in",
    "hand-over",
    "logout-notice",
    "logout-token",
    "mail",
    "mail-count",
    "old-hashes",
    "pushed",
    "reset-sent",
    "spent",
];

struct Act {
    /// The address of the session whose tenant it is done to: what is changed in another tenant is not told here.
    session: usize,
    event: SecurityEvent,
    is_kept: bool,
}

tokio::task_local! {
    static ACT: Mutex<Option<Box<Act>>>;
}

/// Carries out what may turn out to be an act.
pub async fn may_act<T>(work: impl Future<Output = T>) -> T {
    ACT.scope(Mutex::default(), work).await
}

/// From here on this is being done.
pub fn begin(session: &dyn Session, event: SecurityEvent) {
    let session = address(session);
    with(|act| *act = Some(Box::new(Act { session, event, is_kept: false })));
}

/// More is known of what is being done.
pub fn amend(step: impl FnOnce(&mut SecurityEvent)) {
    with(|act| act.as_mut().map(|it| step(&mut it.event)));
}

/// Nothing more is done: whether a change took the event along.
pub fn end() -> bool {
    with(|act| act.take().is_some_and(|it| it.is_kept)).unwrap_or_default()
}

/// The event that goes with these changes.
pub fn due(session: &dyn Session, changes: &[LedgerChange]) -> Result<Vec<AuditEntry>> {
    let is_told = changes.iter().any(|it| !PASSING.contains(&it.kind));
    let is_due = |it: &&Act| is_told && !it.is_kept && it.session == address(session);
    let event = with(|act| act.as_deref().filter(is_due).map(|it| it.event.clone())).flatten();
    event.map(|it| it.entry(random::id(), clock::now_ms())).transpose().map(Vec::from_iter)
}

/// A change took the event along.
pub fn kept() {
    with(|act| act.as_mut().map(|it| it.is_kept = true));
}

/// `None` where nothing is being done.
fn with<T>(step: impl FnOnce(&mut Option<Box<Act>>) -> T) -> Option<T> {
    ACT.try_with(|act| step(&mut act.lock().unwrap_or_else(PoisonError::into_inner))).ok()
}

fn address(session: &dyn Session) -> usize {
    std::ptr::from_ref(session).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::kept::{self, Kept};
    use crate::{audit, tenants};
    use engine::Security;
    use serde::{Deserialize, Serialize};
    use std::sync::Arc;
    use std::time::Duration;
    use store::{AuditQuery, Keeper, SqliteStore, Store, Unwrapped};

    #[derive(Serialize, Deserialize)]
    struct Role {}

    impl Kept for Role {
        const KIND: &'static str = "role";
    }

    #[derive(Serialize, Deserialize)]
    struct Failures {}

    impl Kept for Failures {
        const KIND: &'static str = "failures";
    }

    async fn sessions(folder: &tempfile::TempDir) -> [Arc<dyn Session>; 2] {
        let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), random::fill));
        let store = SqliteStore::open(folder.path(), clock::now_ms, Duration::from_secs(10), keeper).await.unwrap();
        let open = async |name| store.open(&tenants::create(&store, name).await.unwrap().unwrap()).await.unwrap();
        [open("north").await, open("south").await]
    }

    async fn events(session: &dyn Session) -> usize {
        session.audited(&AuditQuery { limit: 10, ..AuditQuery::default() }).await.unwrap().entries.len()
    }

    #[tokio::test]
    async fn an_event_goes_with_the_first_change_that_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let [north, south] = &sessions(&folder).await;
        may_act(async {
            begin(&**north, audit::of_operator(Security::Roles, None));
            let failed = kept::insert("a", &Failures {}, None).unwrap();
            assert!(kept::write(&**north, vec![failed]).await.unwrap());
            assert!(kept::write(&**south, vec![kept::insert("a", &Role {}, None).unwrap()]).await.unwrap());
            assert_eq!((events(&**north).await, events(&**south).await), (0, 0));
            assert!(kept::write(&**north, vec![kept::insert("a", &Role {}, None).unwrap()]).await.unwrap());
            assert_eq!(events(&**north).await, 1);
            assert!(kept::write(&**north, vec![kept::insert("b", &Role {}, None).unwrap()]).await.unwrap());
            assert_eq!(events(&**north).await, 1, "once");
            assert!(end());
        })
        .await;
    }

    #[tokio::test]
    async fn what_is_refused_leaves_no_event() {
        let folder = tempfile::tempdir().unwrap();
        let [north, _] = &sessions(&folder).await;
        let change = || vec![kept::insert("a", &Role {}, None).unwrap()];
        assert!(kept::write(&**north, change()).await.unwrap());
        may_act(async {
            begin(&**north, audit::of_operator(Security::Roles, None));
            assert!(!kept::write(&**north, change()).await.unwrap());
            assert_eq!(events(&**north).await, 0);
            assert!(!end(), "its event is still to be entered");
        })
        .await;
    }
}
