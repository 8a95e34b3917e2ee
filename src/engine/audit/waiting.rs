//! Events that waited on this node go into the log.

use super::Left;
use super::journal::Segment;
use crate::{Context, Engine};
use fhir::{Failure, IssueType, Result};
use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;
use std::time::Duration;
use store::{AuditEntry, AuditQuery, Session};

/// Events that go into the log at a time.
const BATCH: usize = 2000;
/// How long a search of the log waits for the latest events.
const LATEST: Duration = Duration::from_secs(2);

/// Where the events of reads go before an answer leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadEvents {
    /// Into the database.
    #[default]
    Database,
    /// Onto this node's disk, and from there into the database within about a second.
    Node,
}

impl FromStr for ReadEvents {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<ReadEvents, String> {
        match text {
            "database" => Ok(ReadEvents::Database),
            "node" => Ok(ReadEvents::Node),
            _ => Err(format!("`{text}` is not database or node")),
        }
    }
}

impl Engine {
    /// Has the log keep what a request leaves.
    pub(super) async fn keep(&self, ctx: &Context, left: Vec<Left>) -> Result<()> {
        if left.is_empty() {
            return Ok(());
        }
        // What a client sent is a write.
        let is_read = left.iter().all(|it| matches!(it, Left::Event(_)));
        let entry = |it| match it {
            Left::Event(event) => self.entry(&event),
            Left::Sent(entry) => Ok(entry),
        };
        let entries = left.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
        let tenant = ctx.tenant.name();
        if is_read && self.settings.audit_reads == ReadEvents::Node && self.wait(tenant, &entries).await.is_ok() {
            return Ok(());
        }
        let spare = ctx.leeway.is_some().then(|| entries.clone());
        let Err(cause) = ctx.session.audit(entries).await else { return Ok(()) };
        if let Some(entries) = spare
            && self.wait(tenant, &entries).await.is_ok()
        {
            return Ok(());
        }
        if matches!(cause, store::Error::Erased) {
            // The log is gone with the tenant.
            return Err(cause.into());
        }
        let told = "This access could not be recorded in the audit log, so it is not answered. Look whether what was to be written is there, and try again later.";
        Err(Failure { cause: Some(Box::new(cause)), ..Failure::new(IssueType::Transient, told) })
    }

    /// Has events wait on this node; fails where there is no folder for them.
    pub(super) async fn wait(&self, tenant: &str, entries: &[AuditEntry]) -> Result<()> {
        let journal = self.journal.as_ref().ok_or_else(|| Failure::internal("there is no folder for events"))?;
        journal.keep(tenant, entries).await.map_err(Failure::internal)
    }

    /// Puts the events into the log that waited on this node, each once, however often that is interrupted.
    pub async fn log_waiting_events(&self) {
        if let Err(failure) = self.log_waiting().await {
            tracing::warn!(%failure, "events of the audit log wait on this node's disk");
        }
    }

    /// The same for whoever looks at the log, as far as it takes no longer than that.
    pub(super) async fn log_latest_events(&self) {
        let _ = tokio::time::timeout(LATEST, self.log_waiting_events()).await;
    }

    async fn log_waiting(&self) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let mut closed = journal.closed.lock().await;
        journal.close(&mut closed).await.map_err(Failure::internal)?;
        let mut last = Ok(());
        let mut at = 0;
        while let Some(segment) = closed.segments.get_mut(at) {
            match self.log_segment(segment).await {
                Ok(()) => drop(closed.segments.remove(at)),
                Err(failure) => (at, last) = (at + 1, Err(failure)),
            }
        }
        last
    }

    /// One tenant's database may be away while another's is back: its events stay in the segment.
    async fn log_segment(&self, segment: &mut Segment) -> Result<()> {
        // Whoever waits for this may go away in the middle.
        let is_doubtful = std::mem::replace(&mut segment.is_doubtful, true);
        let (mut left, mut last) = (BTreeMap::new(), Ok(()));
        for (tenant, entries) in segment.read().map_err(Failure::internal)? {
            if let Err(failure) = self.log_entries(&tenant, &entries, is_doubtful).await {
                last = Err(failure);
                left.insert(tenant, entries);
            }
        }
        segment.leave(&left).map_err(Failure::internal)?;
        last
    }

    async fn log_entries(&self, tenant: &str, entries: &[AuditEntry], is_doubtful: bool) -> Result<()> {
        let Some(known) = self.store.tenant(tenant).await? else {
            if self.store.erased().await?.iter().any(|it| it.name == tenant) {
                tracing::warn!(tenant, "events that waited were taken away with their tenant, which is erased");
                return Ok(());
            }
            return Err(Failure::internal("events wait for a tenant that is not there"));
        };
        let session = self.store.open(&known).await?;
        let logged = if is_doubtful { logged(&*session, entries).await? } else { HashSet::new() };
        let fresh: Vec<_> = entries.iter().filter(|it| !logged.contains(&it.id)).cloned().collect();
        for batch in fresh.chunks(BATCH) {
            session.audit(batch.to_vec()).await?;
        }
        Ok(())
    }
}

/// The ids of what the log has of the time of these events.
async fn logged(session: &dyn Session, entries: &[AuditEntry]) -> Result<HashSet<String>> {
    let times = || entries.iter().map(|it| it.at);
    let mut query = AuditQuery { from: times().min(), until: times().max(), limit: BATCH, ..AuditQuery::default() };
    let mut ids = HashSet::new();
    loop {
        let page = session.audited(&query).await?;
        ids.extend(page.entries.into_iter().map(|it| it.id));
        match page.next {
            Some(next) => query.before = Some(next),
            None => return Ok(ids),
        }
    }
}
