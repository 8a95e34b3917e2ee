//! How long the audit log is kept: as the server says, unless a tenant has a time of its own. What is older is dropped twice a
//! day.

use crate::auth::kept::{self, Kept};
use crate::clock;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use store::{Session, Store};

/// The only key of this kind in the ledger.
const KEY: &str = "audit";
/// The shortest that a tenant may say, in milliseconds: 30 days. What is dropped is gone.
const LEAST: i64 = 30 * 24 * 3600 * 1000;
/// How often it is looked what is too old.
const PATROL: Duration = Duration::from_secs(12 * 3600);

/// A tenant's own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAuditTime {
    /// In milliseconds; none: as the server says.
    pub millis: Option<i64>,
}

impl Kept for OwnAuditTime {
    const KIND: &'static str = "audit-time";
}

impl OwnAuditTime {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<OwnAuditTime> {
        Ok(kept::find(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// Keeps this for the tenant.
    pub async fn keep(self, session: &dyn Session) -> Result<()> {
        if self.millis.is_some_and(|it| it < LEAST) {
            return Err(Failure::new(IssueType::Value, "An audit log is kept for 30 days at least."));
        }
        kept::set(session, KEY, &self).await
    }
}

/// Drops what is too old in all tenants' logs, from time to time.
pub async fn drop_what_is_old(store: Arc<dyn Store>, server_ms: i64) {
    loop {
        tokio::time::sleep(PATROL).await;
        let names = store.tenants().await.unwrap_or_default();
        for name in names {
            if let Err(error) = drop_of(&*store, &name, server_ms).await {
                tracing::warn!(tenant = name, %error, "old events of the audit log were not dropped");
            }
        }
    }
}

async fn drop_of(store: &dyn Store, name: &str, server_ms: i64) -> Result<()> {
    let Some(tenant) = store.tenant(name).await? else { return Ok(()) };
    let session = store.open(&tenant).await?;
    let period = OwnAuditTime::of(&*session).await?.millis.unwrap_or(server_ms);
    let dropped = session.drop_audit(clock::now_ms().saturating_sub(period)).await?;
    if dropped > 0 {
        tracing::info!(tenant = name, dropped, "events of the audit log were dropped, as their time was over");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenants;
    use store::{AuditEntry, Keeper, SqliteStore, Unwrapped};

    const DAY: i64 = 24 * 3600 * 1000;
    const EVENTS: i64 = 2100;

    async fn store(folder: &tempfile::TempDir) -> SqliteStore {
        let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), crate::random::fill));
        SqliteStore::open(folder.path(), clock::now_ms, Duration::from_secs(10), keeper).await.unwrap()
    }

    async fn tenant(store: &dyn Store, name: &str) -> Arc<dyn Session> {
        store.open(&tenants::create(store, name).await.unwrap().unwrap()).await.unwrap()
    }

    async fn dropped(session: &dyn Session) -> i64 {
        session.verify_audit(&|_, _| ()).await.unwrap().dropped
    }

    /// Waits until a tenant's old events are dropped: a block is made beside the writer, which takes it when it comes to it.
    async fn drops(store: &dyn Store, name: &str, session: &dyn Session) {
        for _ in 0..12_000 {
            drop_of(store, name, DAY).await.unwrap();
            if dropped(session).await == EVENTS {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing was dropped of {name}");
    }

    #[tokio::test]
    async fn a_tenants_own_time_goes_before_the_servers() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let (north, south) = (tenant(&store, "north").await, tenant(&store, "south").await);
        OwnAuditTime { millis: Some(90 * DAY) }.keep(&*north).await.unwrap();
        let old = clock::now_ms() - 40 * DAY;
        for session in [&north, &south] {
            let event = |i| AuditEntry { id: format!("{i}"), at: old, keys: Vec::new(), body: b"event".to_vec() };
            session.audit((0..EVENTS).map(event).collect()).await.unwrap();
        }
        drops(&store, "south", &*south).await;
        drop_of(&store, "north", DAY).await.unwrap();
        assert_eq!(dropped(&*north).await, 0);
        OwnAuditTime::default().keep(&*north).await.unwrap();
        drops(&store, "north", &*north).await;
    }

    #[tokio::test]
    async fn a_time_that_is_too_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let north = tenant(&store(&folder).await, "north").await;
        assert!(OwnAuditTime { millis: Some(DAY) }.keep(&*north).await.is_err());
        assert_eq!(OwnAuditTime::of(&*north).await.unwrap(), OwnAuditTime::default());
    }
}
