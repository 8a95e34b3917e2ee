//! One tenant's file: connections to read it, the one writer, and the full-text view that follows it.

use super::heads::{Heads, Keeper};
use super::readers::Readers;
use super::runner::Reading;
use super::stamps::Stamps;
use super::text::Follower;
use super::{Clock, options, schema, writer};
use crate::audit::{Aside, AuditKey};
use crate::keys::Sealer;
use crate::lookups::{Look, Lookups};
use crate::query::{self, Counts};
use crate::rows::IndexHash;
use crate::{Changes, CommitError, Committed, Key, Result, Stored, Tenant};
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

pub(super) struct Place {
    pub(super) readers: Readers,
    pub(super) clock: Clock,
    pub(super) lookups: Lookups,
    pub(super) hash: IndexHash,
    pub(super) sealer: Sealer,
    /// From so many rows on it is considered whether there is a better way than to gather them.
    pub(super) enough: i64,
    pub(super) counts: Counts,
    pub(super) text: Follower,
    pub(super) text_writers: Arc<Semaphore>,
    pub(super) keeper: Arc<Keeper>,
    /// The places of the audit log's events.
    /// Has events wait elsewhere.
    pub(super) aside: Aside,
    pub(super) stamps: Stamps,
    writer: writer::Writer,
}

/// What all tenants' places have in common.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) clock: Clock,
    pub(super) query_time: Duration,
    pub(super) enough: i64,
    /// One for each full-text view that may be written at a time.
    pub(super) text_writers: Arc<Semaphore>,
    pub(super) heads: Arc<Heads>,
}

impl Place {
    pub(super) async fn open(file: &Path, tenant: &Tenant, settings: &Settings, sealer: Sealer) -> Result<Place> {
        schema::migrate(file, &schema::TENANT).await?;
        let hash = IndexHash::new(&tenant.secrets().index_key);
        let key = AuditKey::new(tenant.secrets(), sealer.keeper.random());
        let aside = Aside::new(&key)?;
        let keeper = Arc::new(Keeper::new(key, tenant.name.clone(), settings.heads.clone()));
        let readers = Readers::new(options(file), settings.query_time);
        let stamps = Stamps::default();
        let writer = writer::Writer::start(file, hash.clone(), keeper.clone(), settings.clock, stamps.clone()).await?;
        let text = Follower::new(file.with_extension("text"), hash.owner());
        text.leave_out(tenant.secrets().marks.left_out()).await?;
        let place = Place {
            readers,
            clock: settings.clock,
            lookups: Lookups::default(),
            hash,
            sealer,
            enough: settings.enough,
            counts: Counts::new(settings.clock),
            text,
            text_writers: settings.text_writers.clone(),
            keeper,
            aside,
            stamps,
            writer,
        };
        place.keeper.begin(&place, (settings.clock)()).await?;
        Ok(place)
    }

    pub(super) async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        self.counts.wrote(changes.puts.len());
        self.writer.commit(changes).await
    }

    /// Drops blocks of the audit log, one after the other, so that nobody who writes waits for all of them.
    pub(super) async fn drop_audit(&self, before_ms: i64) -> Result<i64, CommitError> {
        let mut events = 0;
        while let Some(dropped) = self.writer.drop_audit(before_ms).await? {
            events += dropped;
        }
        Ok(events)
    }

    /// Closes the readers first: the last connection to be closed puts the write-ahead log into the file, which only
    /// the writer may.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.text.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Look for Place {
    fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    async fn look(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        query::current(&mut Reading(self), keys).await
    }
}
