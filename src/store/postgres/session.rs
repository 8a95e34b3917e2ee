//! What callers hold of a tenant.

use super::audit::{Inbox, PlaceLog, drop_before, parts, placed, write_waited};
use super::homes::{Home, Homes, TRIES};
use super::moves::FENCED;
use super::records::Records;
use super::runner::Reading;
use super::standby::StandIn;
use super::writer::{Unwritten, Writer};
use super::{ledger, text};
use crate::audit;
use crate::keys::{Sealer, edition};
use crate::lookups::Lookups;
use crate::query::marked::asked;
use crate::query::{self, Answers, Sql, Way};
use crate::rows::IndexHash;
use crate::text::asked_by;
use crate::{
    AuditEntry, AuditOpened, AuditPage, AuditQuery, AuditRecords, AuditVerdict, Audited, Build, Changes, CommitError,
    Committed, Error, History, HistoryPage, Indexed, Key, LedgerEntry, Leeway, Lived, Marks, Page, Plan, Result, Rows,
    Session, Stored, Walked,
};
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::Row;
use std::sync::Arc;

/// A session: it finds the tenant's records wherever they are when it is asked.
pub(super) struct Door {
    pub(super) homes: Arc<Homes>,
    pub(super) home: Arc<Home>,
    hash: IndexHash,
    /// Whether a standby may answer.
    copies: Copies,
    sealer: Sealer,
}

/// What a standby may answer.
#[derive(Clone)]
enum Copies {
    Nothing,
    /// Reads.
    Reads,
    /// Reads; and while the primary does not answer, what is not as new as may be, looks into the ledger as well.
    Late(Arc<Leeway>),
}

/// Does something with a tenant's records; again where they are now if they were not there any more.
macro_rules! at_home {
    ($door:expr, $records:ident => $work:expr) => {{
        let mut $records = $door.homes.records(&$door.home).await?;
        let mut tries = 0;
        loop {
            let done = $work.await;
            match done {
                Err($crate::Error::Moved) if tries < $crate::postgres::homes::TRIES => {
                    tries += 1;
                    $records = $door.homes.after(&$door.home, &$records, tries).await?;
                }
                done => break done,
            }
        }
    }};
}

/// Reads on the standby if it may and can; else, or where that failed, on the primary.
macro_rules! read {
    ($door:expr, $reading:ident => $there:expr, $records:ident => $here:expr) => {
        read!($door, stand_in, $reading => $there, $records => $here)
    };
    ($door:expr, $which:ident, $reading:ident => $there:expr, $records:ident => $here:expr) => {
        at_home!($door, it => async {
            if let Some(stand_in) = $door.$which(&it).await {
                #[allow(unused_mut)]
                let mut $reading = stand_in.reading(&it.tenancy);
                match $there.await {
                    Err(error) if stand_in.is_left(&error) => {}
                    done => return done,
                }
            }
            let $records = &it;
            $here.await
        })
    };
}
pub(super) use at_home;

impl Door {
    /// Opens the way to the records of the tenant of this name.
    pub(super) async fn open(homes: Arc<Homes>, name: &Arc<str>) -> Result<Door> {
        let home = homes.of(name);
        let hash = homes.records(&home).await?.tenancy.hash.clone();
        let sealer = homes.sealer(name);
        Ok(Door { homes, home, hash, copies: Copies::Nothing, sealer })
    }

    /// The standby for a read.
    async fn stand_in(&self, records: &Records) -> Option<StandIn> {
        match &self.copies {
            Copies::Nothing => None,
            Copies::Reads => records.standing_by(None).await,
            Copies::Late(leeway) => records.standing_by(Some(leeway)).await,
        }
    }

    /// The standby for what the primary alone is asked as long as it answers.
    async fn late_stand_in(&self, records: &Records) -> Option<StandIn> {
        match &self.copies {
            Copies::Late(_) => self.stand_in(records).await.filter(StandIn::is_late),
            Copies::Nothing | Copies::Reads => None,
        }
    }

    async fn kept_entry(&self, kind: &str, key: &str) -> Result<Option<LedgerEntry>> {
        let now = self.homes.clock();
        read!(self, late_stand_in, there => ledger::entry(&there, now, kind, key), it => ledger::entry(&it.reading(), now, kind, key))
    }

    async fn kept_entries(&self, kind: &str, after: &str, limit: usize) -> Result<Vec<LedgerEntry>> {
        let now = self.homes.clock();
        read!(self, late_stand_in, there => ledger::entries(&there, now, kind, after, limit), it => ledger::entries(&it.reading(), now, kind, after, limit))
    }

    async fn page(&self, plan: &Plan, way: Way) -> Result<Page> {
        let plan = &*asked(self, &self.sealer, plan).await?;
        // The full-text view follows the primary.
        match asked_by(plan).is_empty() {
            true => {
                read!(self, there => query::page(&mut there, &Answers::default(), plan, way), it => page(it, plan, way))
            }
            false => at_home!(self, it => page(&it, plan, way)),
        }
    }
}

/// The edition of the tenant's keys that the records take.
async fn fenced(records: &Records) -> Result<u32> {
    edition(records.reading().fetch(Sql::new(FENCED)).await?.first().ok_or(sqlx::Error::RowNotFound)?)
}

/// The current version, a deleted one included.
async fn current(reading: &mut Reading<'_>, key: &Key) -> Result<Option<Stored>> {
    Ok(query::current(reading, std::slice::from_ref(key)).await?.pop())
}

async fn page(records: &Arc<Records>, plan: &Plan, way: Way) -> Result<Page> {
    let texts = text::answers(records, plan).await?;
    query::page(&mut records.reading(), &texts, plan, way).await
}

async fn count(records: &Arc<Records>, plan: &Plan) -> Result<i64> {
    let texts = text::answers(records, plan).await?;
    query::count(&mut records.reading(), &texts, plan).await
}

#[async_trait]
impl Session for Door {
    fn for_reading(&self, leeway: Option<Arc<Leeway>>) -> Option<Arc<dyn Session>> {
        let copies = leeway.map_or(Copies::Reads, Copies::Late);
        Some(Arc::new(Door {
            homes: self.homes.clone(),
            home: self.home.clone(),
            hash: self.hash.clone(),
            copies,
            sealer: self.sealer.clone(),
        }))
    }

    fn rows(&self) -> Rows {
        Rows::new(self.hash.clone())
    }

    async fn read(&self, key: &Key) -> Result<Option<Stored>> {
        read!(self, there => current(&mut there, key), it => Lookups::current(it, key))
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        read!(self, there => query::living(&mut there, keys), it => query::living(&mut it.reading(), keys))
    }

    async fn lived(&self, wanted: &[(Key, Option<i64>)]) -> Result<Vec<Lived>> {
        read!(self, there => query::lived(&mut there, wanted), it => query::lived(&mut it.reading(), wanted))
    }

    async fn lived_bodies(&self, all: &[Lived], most: u64) -> Result<(usize, Vec<Stored>)> {
        read!(self, there => query::lived_bodies(&mut there, all, most), it => query::lived_bodies(&mut it.reading(), all, most))
    }

    async fn read_version(&self, key: &Key, version: i64) -> Result<Option<Stored>> {
        read!(self, there => query::version(&mut there, key, version), it => query::version(&mut it.reading(), key, version))
    }

    async fn history(&self, history: &History) -> Result<HistoryPage> {
        read!(self, there => query::history(&mut there, history), it => query::history(&mut it.reading(), history))
    }

    async fn search(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::On).await
    }

    async fn search_back(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::Back).await
    }

    async fn count(&self, plan: &Plan) -> Result<i64> {
        let plan = &*asked(self, &self.sealer, plan).await?;
        match asked_by(plan).is_empty() {
            true => read!(self, there => query::count(&mut there, &Answers::default(), plan), it => count(it, plan)),
            false => at_home!(self, it => count(&it, plan)),
        }
    }

    async fn commit(&self, mut changes: Changes) -> Result<Committed, CommitError> {
        let mut records = self.homes.records(&self.home).await?;
        self.sealer.seal_changes(&mut changes).await?;
        for tries in 1..=TRIES {
            match Writer::commit(&records, changes).await {
                Ok(committed) => return Ok(committed),
                Err(Unwritten::Refused(error)) => return Err(self.sealer.refused(error, fenced(&records)).await),
                Err(Unwritten::Moved(back)) => changes = *back,
            }
            records = self.homes.after(&self.home, &records, tries).await?;
        }
        Err(Error::Moved.into())
    }

    async fn loaded(&self, content: &[u8; 16]) -> Result<bool> {
        at_home!(self, it => query::loaded(&mut it.reading(), content))
    }

    async fn rebuild_text(&self, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()> {
        at_home!(self, it => text::rebuild(&it, told))
    }

    async fn builds(&self) -> Result<Vec<Build>> {
        let all = Sql::new("SELECT name, types, position, done, total, finished, damaged FROM build ORDER BY name");
        at_home!(self, it => it.reading().fetch(all.clone()))?.iter().map(build).collect()
    }

    async fn definitions(&self) -> Result<i64> {
        let rows = at_home!(self, it => it.reading().fetch(Sql::new("SELECT number FROM definition")))?;
        Ok(rows.first().map(|it| it.try_get(0)).transpose()?.unwrap_or(0))
    }

    async fn marks(&self) -> Result<(Marks, u32)> {
        let secrets = self.sealer.secrets().await?;
        Ok((secrets.marks.clone(), secrets.edition))
    }

    async fn count_of(&self, types: &[String]) -> Result<i64> {
        at_home!(self, it => query::count_of(&mut it.reading(), types))
    }

    async fn entry(&self, kind: &str, key: &str) -> Result<Option<LedgerEntry>> {
        self.sealer.open(kind, self.kept_entry(kind, key).await?).await
    }

    async fn entries(&self, kind: &str, after: &str, limit: usize) -> Result<Vec<LedgerEntry>> {
        self.sealer.open_all(kind, self.kept_entries(kind, after, limit).await?).await
    }

    async fn audit(&self, entries: Vec<AuditEntry>) -> Result<()> {
        let entries: Arc<[AuditEntry]> = entries.into();
        at_home!(self, it => Inbox::add(&it, entries.clone()))
    }

    async fn audit_aside(&self, entries: &[AuditEntry]) -> Result<Vec<u8>> {
        let records = self.homes.records(&self.home).await?;
        records.aside.seal(&placed(&records, entries))
    }

    async fn audit_opened(&self, aside: &[Bytes]) -> Result<AuditOpened> {
        Ok(audit::open_aside(&self.homes.records(&self.home).await?.audit.key, aside))
    }

    async fn audit_waited(&self, records: AuditRecords) -> Result<()> {
        for part in parts(records) {
            at_home!(self, it => write_waited(&it, part.clone()))?;
        }
        Ok(())
    }

    async fn audited(&self, query: &AuditQuery) -> Result<AuditPage> {
        at_home!(self, it => audit::page(&PlaceLog(&it), query))
    }

    async fn audit_entry(&self, id: &str) -> Result<Option<Audited>> {
        at_home!(self, it => audit::by_id(&PlaceLog(&it), id))
    }

    async fn verify_audit(&self, told: &(dyn Fn(i64, i64) + Send + Sync)) -> Result<AuditVerdict> {
        at_home!(self, it => audit::verify(&PlaceLog(&it), told))
    }

    async fn drop_audit(&self, before_ms: i64) -> Result<i64> {
        at_home!(self, it => drop_before(&it, before_ms))
    }

    async fn walk(&self, types: &[String], after: i64, span: i64) -> Result<Walked> {
        at_home!(self, it => query::walk(&mut it.reading(), types, after, span))
    }
}

fn build(row: &sqlx::postgres::PgRow) -> Result<Build> {
    Ok(Build {
        name: row.try_get(0)?,
        types: row.try_get(1)?,
        position: row.try_get(2)?,
        done: row.try_get(3)?,
        total: row.try_get(4)?,
        is_finished: row.try_get(5)?,
        damaged: row.try_get(6)?,
    })
}
