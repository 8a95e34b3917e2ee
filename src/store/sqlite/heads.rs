//! The heads of audit logs in the directory: written some time after the rows they tell of, all tenants' together.

use super::log::FileLog;
use super::place::Place;
use crate::audit::{AuditKey, Head, agrees, tables};
use crate::{AuditHead, Result};
use rustc_hash::FxHashMap;
use sqlx::SqlitePool;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How often heads are written.
const EVERY: Duration = Duration::from_secs(1);

/// Those of all tenants.
pub(super) struct Heads {
    directory: SqlitePool,
    /// What is to be written.
    waiting: Mutex<FxHashMap<Arc<str>, Head>>,
}

impl Heads {
    pub(super) fn new(directory: SqlitePool) -> Heads {
        Heads { directory, waiting: Mutex::default() }
    }

    async fn find(&self, tenant: &str) -> Result<Option<Head>> {
        let row = sqlx::query("SELECT row, events, hash, at, signature FROM audit_head WHERE tenant = ?")
            .bind(tenant.to_owned())
            .fetch_optional(&self.directory)
            .await?;
        row.as_ref().map(tables::head).transpose()
    }

    /// Writes what was told, never an earlier head over a later one.
    pub(super) async fn flush(&self) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let written = self.write(&waiting).await;
        if written.is_err() {
            let mut later = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for (tenant, head) in waiting {
                later.entry(tenant).or_insert(head);
            }
        }
        written
    }

    async fn write(&self, heads: &FxHashMap<Arc<str>, Head>) -> Result<()> {
        let mut transaction = self.directory.begin_with("BEGIN IMMEDIATE").await?;
        for (tenant, head) in heads {
            sqlx::query(
                "INSERT INTO audit_head (tenant, row, events, hash, at, signature) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (tenant) DO UPDATE SET row = excluded.row, events = excluded.events, \
                 hash = excluded.hash, at = excluded.at, signature = excluded.signature WHERE row < excluded.row",
            )
            .bind(tenant.to_string())
            .bind(head.at.row)
            .bind(head.at.events)
            .bind(head.at.hash.to_vec())
            .bind(head.at.at)
            .bind(head.signature.to_vec())
            .execute(&mut *transaction)
            .await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Writes heads from time to time, as long as there is anybody to tell of them.
pub(super) async fn keep(heads: Weak<Heads>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(heads) = heads.upgrade() else { return };
        if let Err(error) = heads.flush().await {
            // The next ones come later than these.
            tracing::warn!(%error, "the heads of audit logs could not be written");
        }
    }
}

/// One tenant's.
pub(super) struct Keeper {
    pub(super) key: AuditKey,
    tenant: Arc<str>,
    heads: Arc<Heads>,
    /// Whether the log has come to where the last head was. If not, that is left for a verification to find.
    agrees: AtomicBool,
}

impl Keeper {
    pub(super) fn new(key: AuditKey, tenant: Arc<str>, heads: Arc<Heads>) -> Keeper {
        Keeper { key, tenant, heads, agrees: AtomicBool::new(false) }
    }

    /// Compares the log with the last head before anything is added. The first head is written before the first row, so that
    /// a log without one was tampered with.
    pub(super) async fn begin(&self, place: &Place, now: i64) -> Result<()> {
        let log = FileLog(place);
        let head = self.find().await?;
        let last = log.last().await?;
        if !agrees(&log, head.as_ref(), last).await? {
            self.disagree();
            return Ok(());
        }
        self.agrees.store(true, Ordering::Release);
        if head.is_none() {
            self.tell(AuditHead { row: 0, events: 0, hash: crate::audit::START, at: now });
            self.heads.flush().await?;
        }
        Ok(())
    }

    /// The log is not as it was written: its last head is left for a verification to find.
    pub(super) fn disagree(&self) {
        self.agrees.store(false, Ordering::Release);
        tracing::error!(
            tenant = &*self.tenant,
            "the audit log is not as it was written; `medisync audit verify` tells where"
        );
    }

    /// Rows that were to be sealed are not what was written.
    pub(super) fn tell_untrue(&self) {
        tracing::error!(
            tenant = &*self.tenant,
            "rows of the audit log are not what was written; each was sealed alone: `medisync audit verify` tells which"
        );
    }

    /// The log has come to here.
    pub(super) fn tell(&self, at: AuditHead) {
        if self.agrees.load(Ordering::Acquire) {
            let mut waiting = self.heads.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.insert(self.tenant.clone(), Head::sign(&self.key, at));
        }
    }

    /// The head that the directory has, and what was told lately.
    pub(super) async fn find(&self) -> Result<Option<Head>> {
        self.heads.flush().await?;
        self.heads.find(&self.tenant).await
    }
}
