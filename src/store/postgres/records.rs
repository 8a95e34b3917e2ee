//! One tenant's records: the placement they are in, the number that marks them there, and what is under way with them.

use super::audit::Chainer;
use super::directory::{Directory, Entry};
use super::notices;
use super::numbers::{self, Numbers};
use super::place::Place;
use super::releases::change;
use super::residence::Spot;
use super::runner::{Number, Reading, Tenancy};
use super::standby::StandIn;
use super::text::Follower;
use super::writer::Writer;
use super::{ENOUGH, Shared};
use crate::audit::{Aside, AuditKey};
use crate::keys::Sealer;
use crate::lookups::{Look, Lookups};
use crate::query::{self, Counts, Sql};
use crate::rows::IndexHash;
use crate::{Key, Leeway, Result, Stored, Tenant};
use async_trait::async_trait;
use sqlx::{AssertSqlSafe, Row};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Changes that are marked at once, in a time that a write may take.
const LOT: i64 = 5_000;

pub(super) struct Records {
    name: Arc<str>,
    pub(super) place: Arc<Place>,
    pub(super) tenancy: Tenancy,
    pub(super) lookups: Lookups,
    pub(super) writer: Writer,
    pub(super) audit: Chainer,
    /// Has events of the audit log wait elsewhere.
    pub(super) aside: Aside,
    pub(super) text: Arc<Follower>,
    pub(super) shared: Arc<Shared>,
    numbers: Numbers,
    /// The place, and which of the tenant's it is.
    at: (Spot, i64),
    /// The time of the last change, in milliseconds.
    last: AtomicI64,
}

impl Records {
    pub(super) async fn open(
        entry: &Entry,
        tenant: &Tenant,
        place: Arc<Place>,
        text: Arc<Follower>,
        shared: Arc<Shared>,
        directory: &Arc<Directory>,
        sealer: Sealer,
    ) -> Result<Records> {
        let hash = IndexHash::new(&tenant.secrets().index_key);
        let enough = shared.enough.unwrap_or(ENOUGH);
        let key = AuditKey::new(tenant.secrets(), sealer.keeper.random());
        let aside = Aside::new(&key)?;
        let records = Records {
            name: entry.name.clone(),
            place,
            tenancy: Tenancy {
                number: Number::new(entry.number),
                hash,
                enough,
                counts: Counts::new(shared.clock),
                sealer,
            },
            lookups: Lookups::default(),
            writer: Writer::default(),
            audit: Chainer::new(key, directory.clone(), entry.number),
            aside,
            text,
            numbers: Numbers::of_node(shared.number),
            shared,
            at: (entry.spot.clone(), entry.residence),
            last: AtomicI64::new(0),
        };
        let last = Sql::new(
            "SELECT coalesce((SELECT seq FROM change ORDER BY seq DESC LIMIT 1), 0), \
             EXISTS (SELECT FROM change WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()) OFFSET 0), \
             (SELECT installation::text FROM resident)",
        );
        if let Some(row) = records.reading().fetch(last).await?.first() {
            let owner = entry.owner();
            if row.try_get::<Option<String>, _>(2)?.as_ref() != Some(&owner.installation) {
                records.write(&owner.marking()).await?;
            }
            records.last.store(numbers::time_of(row.try_get(0)?), Ordering::Relaxed);
            if row.try_get(1)? {
                records.forget_transactions().await?;
            }
        }
        Ok(records)
    }

    /// Marks changes as old that carry numbers which this database has not come to: it was restored from a dump, and
    /// whoever follows the log would take them for new for ever. Each lot is committed, so that a log of any length is done
    /// with in the end, however often it is broken off.
    async fn forget_transactions(&self) -> Result<()> {
        let forget = "WITH lot AS (SELECT seq FROM change WHERE tx >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT $1), \
             done AS (UPDATE change SET tx = '3' WHERE seq = ANY (ARRAY(SELECT seq FROM lot)) RETURNING 1) \
             SELECT count(*) FROM done";
        loop {
            let rows = change(self, || sqlx::query(forget).bind(LOT)).await?;
            if rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get::<i64, _>(0)? < LOT {
                return Ok(());
            }
        }
    }

    /// Runs statements as a writer among others.
    async fn write(&self, statements: &str) -> Result<()> {
        let mut taken = self.place.writes.take().await?;
        // Several statements in one message are one transaction.
        let all = format!("SELECT enter('{}', NULL, NULL); {statements}", self.tenancy.number.text());
        sqlx::raw_sql(AssertSqlSafe(all)).execute(&mut taken.connection).await?;
        taken.commit().await?;
        taken.give_back();
        Ok(())
    }

    /// Whether they are where the directory has the tenant.
    pub(super) fn is_at(&self, entry: &Entry) -> bool {
        self.at == (entry.spot.clone(), entry.residence)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn reading(&self) -> Reading<'_> {
        Reading { tenancy: &self.tenancy, connections: &self.place.reads, after: None }
    }

    /// The standby, as of now, if there is one that is not passed over; or as it is, if the primary does not answer and the
    /// caller allows for it.
    pub(super) async fn standing_by(&self, leeway: Option<&Arc<Leeway>>) -> Option<StandIn> {
        self.place.standby()?.stand_in(&self.place.reads, leeway).await
    }

    pub(super) fn numbers(&self) -> &Numbers {
        &self.numbers
    }

    /// The time.
    pub(super) fn clock(&self) -> i64 {
        (self.shared.clock)()
    }

    /// The time of a change, later than any before it.
    pub(super) fn time(&self) -> i64 {
        let now = self.clock();
        let later = |last: i64| Some(now.max(last + 1));
        // The closure always has an answer.
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).unwrap_or_else(|it| it);
        now.max(before + 1)
    }

    /// What other nodes are told when the tenant's definitions change.
    pub(super) fn notice(&self) -> String {
        notices::notice(self.shared.node, &self.name)
    }

    /// Another node wrote at this time.
    pub(super) fn not_before(&self, ms: i64) {
        self.last.fetch_max(ms, Ordering::Relaxed);
    }
}

#[async_trait]
impl Look for Records {
    fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    async fn look(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        query::current(&mut self.reading(), keys).await
    }
}
