//! Events that waited on this node go into the log.

use super::Left;
use super::journal::{Journal, Segment};
use crate::{Context, Engine};
use bytes::Bytes;
use fhir::{Failure, IssueType, Result};
use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;
use store::{AuditEntry, AuditQuery, AuditRecords, Session};
use tokio::sync::watch;

/// Events that are looked through at a time.
const BATCH: usize = 500;
/// How long events wait at most, while the database takes them.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a search of the log waits for the latest events: much longer than it takes to put those of many tenants into their logs on a
/// busy machine, and shorter than requests may take.
const LATEST: Duration = Duration::from_secs(10);

/// Where the events of reads go before an answer leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadEvents {
    /// Onto this node's disk where the data is there as well, and else into the database.
    #[default]
    Auto,
    /// Into the database.
    Database,
    /// Onto this node's disk, and from there into the database within about a second.
    Node,
}

impl ReadEvents {
    /// What it comes to; `has_data` says that the data is on this node's disk.
    pub fn settled(self, has_data: bool) -> ReadEvents {
        match self {
            ReadEvents::Auto if has_data => ReadEvents::Node,
            ReadEvents::Auto => ReadEvents::Database,
            said => said,
        }
    }
}

impl FromStr for ReadEvents {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<ReadEvents, String> {
        match text {
            "auto" => Ok(ReadEvents::Auto),
            "database" => Ok(ReadEvents::Database),
            "node" => Ok(ReadEvents::Node),
            _ => Err(format!("`{text}` is not auto, database or node")),
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
        let is_read = left.iter().all(|it| !matches!(it, Left::Sent(_)));
        let entry = |it| match it {
            Left::Event(event) => self.entry(&event),
            Left::Pointing(it) => self.entry(&it.event),
            Left::Sent(entry) => Ok(entry),
        };
        let entries = left.into_iter().map(entry).collect::<Result<Vec<_>>>()?;
        let (tenant, session) = (ctx.tenant.name(), &*ctx.session);
        if is_read
            && self.settings.audit_reads == ReadEvents::Node
            && self.wait(session, tenant, &entries, false).await.is_ok()
        {
            return Ok(());
        }
        let spare = ctx.leeway.is_some().then(|| entries.clone());
        let Err(cause) = session.audit(entries).await else { return Ok(()) };
        if let Some(entries) = spare
            && self.wait(session, tenant, &entries, true).await.is_ok()
        {
            return Ok(());
        }
        Err(unrecorded(cause))
    }

    /// Has events wait on this node, of which the log may have some already; fails where there is no folder for them.
    pub(super) async fn wait(
        &self,
        session: &dyn Session,
        tenant: &str,
        entries: &[AuditEntry],
        is_doubtful: bool,
    ) -> Result<()> {
        let journal = self.journal.as_ref().ok_or_else(|| Failure::internal("there is no folder for events"))?;
        let aside = session.audit_aside(entries).await?;
        journal.keep(tenant, &aside, is_doubtful).await.map_err(Failure::internal)
    }

    /// Puts the events into the log that wait on this node, each once, again and again until it is told to stop, and then once more.
    pub async fn log_waiting_events(&self, mut stop: watch::Receiver<bool>) {
        let Some(journal) = &self.journal else { return };
        loop {
            let is_last = *stop.borrow_and_update();
            journal.passes.send_modify(|it| it.begun += 1);
            if let Err(failure) = self.log_waiting(journal).await {
                tracing::warn!(%failure, "events of the audit log wait on this node's disk");
            }
            journal.passes.send_modify(|it| it.ended = it.begun);
            if is_last {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = journal.asked.notified() => {}
                told = stop.changed() => if told.is_err() { return },
            }
        }
    }

    /// For whoever looks at the log: waits until what was read before is in it, if that does not take long.
    pub(super) async fn log_latest_events(&self) {
        let Some(journal) = self.journal.as_ref().filter(|_| self.settings.audit_reads == ReadEvents::Node) else {
            return;
        };
        let mut passes = journal.passes.subscribe();
        let begun = passes.borrow_and_update().begun;
        journal.asked.notify_one();
        let _ = tokio::time::timeout(LATEST, passes.wait_for(|it| it.ended > begun)).await;
    }

    async fn log_waiting(&self, journal: &Journal) -> Result<()> {
        let mut closed = journal.closed.lock().await;
        journal.close(&mut closed).await.map_err(Failure::internal)?;
        let (mut away, mut last, mut at) = (HashSet::new(), Ok(()), 0);
        while let Some(segment) = closed.segments.get_mut(at) {
            match self.log_segment(segment, &mut away).await {
                Ok(true) => drop(closed.segments.remove(at)),
                Ok(false) => at += 1,
                Err(failure) => (at, last) = (at + 1, Err(failure)),
            }
        }
        last
    }

    /// One tenant's database may be away while another's is back: its events stay in the segment, and it is not asked again in
    /// this pass. Whether nothing stays.
    async fn log_segment(&self, segment: &mut Segment, away: &mut HashSet<String>) -> Result<bool> {
        // Where the database comes first, these are what it may have taken without saying so.
        let is_doubtful =
            std::mem::replace(&mut segment.is_doubtful, true) || self.settings.audit_reads != ReadEvents::Node;
        let mut left = on_disk(segment, Segment::read).await?;
        let (all, mut last) = (left.len(), Ok(()));
        for tenant in left.keys().filter(|it| !away.contains(*it)).cloned().collect::<Vec<_>>() {
            let Some(aside) = left.get(&tenant) else { continue };
            match self.log_aside(&tenant, aside, is_doubtful).await {
                Ok(is_whole) => {
                    left.remove(&tenant);
                    if !is_whole {
                        on_disk(segment, Segment::keep_damaged).await?;
                    }
                }
                Err(failure) => {
                    last = Err(failure);
                    away.insert(tenant);
                }
            }
        }
        let is_empty = left.is_empty();
        if is_empty || left.len() < all {
            on_disk(segment, move |it| it.leave(&left)).await?;
        }
        last.map(|()| is_empty)
    }

    /// Whether all of it could be read.
    async fn log_aside(&self, tenant: &str, aside: &[Bytes], is_doubtful: bool) -> Result<bool> {
        let Some(known) = self.store.tenant(tenant).await? else {
            if self.store.erased().await?.iter().any(|it| it.name == tenant) {
                tracing::warn!(tenant, "events that waited were taken away with their tenant, which is erased");
                return Ok(true);
            }
            return Err(Failure::internal("events wait for a tenant that is not there"));
        };
        let session = self.store.open(&known).await?;
        let opened = session.audit_opened(aside).await?;
        for records in opened.lots {
            let logged = if is_doubtful { logged(&*session, &records).await? } else { HashSet::new() };
            session.audit_waited(if logged.is_empty() { records } else { records.without(&logged) }).await?;
        }
        Ok(opened.broken == 0)
    }
}

/// Of what was done or looked at, and cannot be told in the log: what was to be written may be there.
pub(super) fn unrecorded(cause: store::Error) -> Failure {
    if matches!(cause, store::Error::Erased) {
        // The log is gone with the tenant.
        return cause.into();
    }
    let told = "This access could not be recorded in the audit log, so it is not answered. Look whether what was to be written is there, and try again later.";
    Failure { cause: Some(Box::new(cause)), ..Failure::new(IssueType::Transient, told) }
}

/// Does something with a segment's file, where it holds up nobody else.
async fn on_disk<T: Send + 'static>(
    segment: &Segment,
    work: impl FnOnce(&Segment) -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let segment = segment.clone();
    let done = tokio::task::spawn_blocking(move || work(&segment)).await;
    done.map_err(Failure::internal)?.map_err(Failure::internal)
}

/// The ids of what the log has of the time of these events.
async fn logged(session: &dyn Session, records: &AuditRecords) -> Result<HashSet<String>> {
    let mut ids = HashSet::new();
    let Some((from, until)) = records.times() else { return Ok(ids) };
    let mut query = AuditQuery { from: Some(from), until: Some(until), limit: BATCH, ..AuditQuery::default() };
    loop {
        let page = session.audited(&query).await?;
        ids.extend(page.entries.into_iter().map(|it| it.id));
        match page.next {
            Some(next) => query.before = Some(next),
            None => return Ok(ids),
        }
    }
}
