//! The copy of resources with all that hangs on them.

use super::log::{self, Round};
use super::side::Side;
use super::{Mover, Moving, fence, verify};
use crate::{Error, Result};
use sqlx::{AssertSqlSafe, Row};

/// Tables that have rows of a resource, found by its row.
pub(super) const BY_RESOURCE: [&str; 5] = ["resource", "reference", "string", "date", "number"];
/// The most resources that are looked at together, and bytes of bodies after which no more are copied together.
const LOT: i64 = 500;
const BYTES: i64 = 8 << 20;

/// How far a copy has come.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// What was visible to this snapshot is in the copy, once all resources are.
    pub(super) seen: String,
    /// Resources up to this row are in the copy.
    pub(super) rid: i64,
    /// The change log up to this transaction
    pub(super) tx: i64,
    /// and place is in the copy, but for transactions that ended later.
    pub(super) seq: i64,
}

impl State {
    /// After a round everything of its moment is in the copy; what had not ended then is looked at again.
    pub(super) fn after(&mut self, round: &Round) -> &State {
        *self = State { seen: round.seen.clone(), tx: log::oldest(&round.seen), seq: 0, rid: self.rid };
        self
    }
}

impl Mover<'_> {
    /// What there is of the copy already, if it is of the same residence; a new one otherwise.
    pub(super) async fn begin(&mut self) -> Result<State> {
        let attempt = self.entry.attempt;
        // From then on no earlier mover writes there.
        self.to.at_once(&format!("UPDATE arriving SET attempt = greatest(attempt, {attempt})")).await?;
        if let Some(state) = self.found().await? {
            self.to.attempt = Some(attempt);
            return Ok(state);
        }
        self.verify_unserved().await?;
        self.to.purge().await?;
        let number = self.from.number;
        // Nobody writes while it is said: who makes index rows anew afterwards notes it.
        fence::hold(&mut self.from, fence::ATTEMPT).await?;
        let leaves = format!("DELETE FROM reindexed; INSERT INTO leaving VALUES ({number}) ON CONFLICT DO NOTHING");
        self.from.simple(&leaves).await?;
        self.from.commit().await?;
        let state = State { seen: log::snapshot(&mut self.from).await?, rid: i64::MIN, ..State::default() };
        let arriving = sqlx::query("INSERT INTO arriving VALUES ($1, $2, $3::text::pg_snapshot, $4, $5, $6, $7)")
            .bind(number)
            .bind(self.entry.residence)
            .bind(state.seen.clone())
            .bind(state.rid)
            .bind(state.tx)
            .bind(state.seq)
            .bind(attempt);
        self.to.begin(Side::SHARED_VIEW).await?;
        self.to.simple(&self.entry.owner().marking()).await?;
        self.to.execute(arriving).await?;
        self.to.commit().await?;
        self.to.attempt = Some(attempt);
        Ok(state)
    }

    /// Fails where somebody may be served from the new place: what is there is neither a copy nor closed.
    async fn verify_unserved(&mut self) -> Result<()> {
        let has_rows = ["change", "ledger", "audit_new", "audit_row", "audit_block"]
            .map(|table| format!("EXISTS (SELECT FROM {table})"))
            .join(" OR ");
        let is_served =
            format!("SELECT ({has_rows}) AND NOT EXISTS (SELECT FROM arriving) AND NOT EXISTS (SELECT FROM closed)");
        self.to.begin(Side::SNAPSHOT).await?;
        let is_served: bool = self.to.row(sqlx::query(AssertSqlSafe(is_served))).await?.try_get(0)?;
        self.to.commit().await?;
        match is_served {
            true => {
                Err(Error::CannotMove("the new place has records that may be in use, and are not touched".to_owned()))
            }
            false => Ok(()),
        }
    }

    async fn found(&mut self) -> Result<Option<State>> {
        self.from.begin(Side::SNAPSHOT).await?;
        let leaves = self.from.rows(sqlx::query("SELECT FROM leaving")).await?;
        self.from.commit().await?;
        self.to.begin(Side::SNAPSHOT).await?;
        let query = sqlx::query("SELECT seen::text, rid, tx, seq FROM arriving WHERE residence = $1 AND attempt = $2")
            .bind(self.entry.residence)
            .bind(self.entry.attempt);
        let rows = self.to.rows(query).await?;
        self.to.commit().await?;
        let Some(row) = rows.first().filter(|_| !leaves.is_empty()) else { return Ok(None) };
        let (seen, rid, tx, seq): (String, _, _, _) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        // A transaction that had not ended when the log was looked at may have an earlier place.
        let (tx, seq) = (tx, seq).min((log::oldest(&seen), 0));
        Ok(Some(State { seen, rid, tx, seq }))
    }

    /// Copies all resources behind those that are copied.
    pub(super) async fn copy_all(&mut self, state: &mut State) -> Result<()> {
        let mut progress = self.progress(state).await?;
        loop {
            self.from.begin(Side::SNAPSHOT).await?;
            let next = sqlx::query(
                "SELECT rid, octet_length(body)::bigint FROM resource WHERE rid > $1 ORDER BY rid LIMIT $2",
            );
            let rows = self.from.rows(next.bind(state.rid).bind(LOT)).await?;
            let lot = first_lot(&sized(&rows)?);
            let Some(last) = lot.last() else {
                self.from.commit().await?;
                return Ok(());
            };
            let next = State { rid: *last, ..state.clone() };
            self.exchange(&lot, Some(&next)).await?;
            self.from.commit().await?;
            *state = next;
            progress.0 += lot.len() as u64;
            (self.told)(Moving::Copying(progress.0, progress.1));
        }
    }

    /// Has the next mover begin the copy anew, as this one is not the same. It stays known that the tenant is not served from there.
    pub(super) async fn reject(&mut self) -> Result<()> {
        // Whatever is under way there is left.
        self.to.reconnect().await?;
        self.to.at_once("UPDATE arriving SET residence = -1").await
    }

    /// How many resources are copied and how many there are.
    async fn progress(&mut self, state: &State) -> Result<(u64, u64)> {
        self.from.begin(Side::SNAPSHOT).await?;
        let count = "SELECT count(*) FILTER (WHERE rid <= $1), count(*) FROM resource";
        let row = self.from.row(sqlx::query(count).bind(state.rid)).await?;
        self.from.commit().await?;
        Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
    }

    /// Copies these resources in lots, within the transaction that the former place is in.
    pub(super) async fn exchange_all(&mut self, rids: &[i64]) -> Result<()> {
        for rids in rids.chunks(LOT as usize) {
            let sizes = "SELECT rid, octet_length(body)::bigint FROM resource WHERE rid = ANY ($1) ORDER BY rid";
            let rows = self.from.rows(sqlx::query(sizes).bind(rids)).await?;
            let mut left = sized(&rows)?;
            while !left.is_empty() {
                let lot = first_lot(&left);
                self.exchange(&lot, None).await?;
                left.drain(..lot.len());
            }
        }
        Ok(())
    }

    /// Puts these resources as they are at the former place now in the place of what the copy has of them, and compares.
    async fn exchange(&mut self, rids: &[i64], state: Option<&State>) -> Result<()> {
        self.copy_history(rids).await?;
        let mut tables = Vec::new();
        for table in BY_RESOURCE {
            let rows = format!("SELECT t.line FROM {}", verify::each_of(table, "x::text AS line"));
            tables.push((table, self.from.texts(sqlx::query(AssertSqlSafe(rows)).bind(rids)).await?));
        }
        self.to.begin(Side::SHARED_VIEW).await?;
        // The index rows that the copy has, by their places (0005_take_back.sql).
        let places = |table| format!("ARRAY(SELECT t.ctid FROM {})", verify::each_of(table, "ctid"));
        let [references, strings, dates, numbers] = ["reference", "string", "date", "number"].map(places);
        let keys = format!(
            "ARRAY(SELECT k.ctid FROM {} CROSS JOIN unnest(t.keys) AS v(key) \
             CROSS JOIN LATERAL (SELECT ctid FROM key WHERE key = v.key AND rid = t.rid OFFSET 0) k)",
            verify::each_of("resource", "*")
        );
        let take_back = format!("SELECT take_back({keys}, {references}, {strings}, {dates}, {numbers})");
        self.to.execute(sqlx::query(AssertSqlSafe(take_back)).bind(rids)).await?;
        self.to.execute(sqlx::query("DELETE FROM resource WHERE rid = ANY ($1)").bind(rids)).await?;
        for (table, rows) in tables {
            self.to.insert(table, &rows).await?;
        }
        let keys = "INSERT INTO key (tenant, key, rid) SELECT r.tenant, u.key, r.rid \
             FROM resource r CROSS JOIN unnest(r.keys) AS u(key) WHERE r.rid = ANY ($1)";
        self.to.execute(sqlx::query(keys).bind(rids)).await?;
        verify::resources(&mut self.from, &mut self.to, rids).await?;
        if let Some(state) = state {
            self.to.save_within(state).await?;
        }
        self.to.commit().await
    }

    /// Copies the superseded versions of these resources that the copy lacks; none ever changes.
    async fn copy_history(&mut self, rids: &[i64]) -> Result<()> {
        let versions =
            "SELECT rid, version, octet_length(body)::bigint FROM history WHERE rid = ANY ($1) ORDER BY rid, version";
        let there = self.from.rows(sqlx::query(versions).bind(rids)).await?;
        self.to.begin(Side::SHARED_VIEW).await?;
        let here = self.to.rows(sqlx::query(versions).bind(rids)).await?;
        let mut here = here.iter().map(version).collect::<Result<Vec<_>>>()?.into_iter().peekable();
        let mut lot: (Vec<i64>, Vec<i64>, i64) = Default::default();
        for row in &there {
            let (rid, version) = version(row)?;
            if here.next_if_eq(&(rid, version)).is_some() {
                continue;
            }
            lot.0.push(rid);
            lot.1.push(version);
            lot.2 += row.try_get::<i64, _>(2)?;
            if lot.2 > BYTES || lot.0.len() >= LOT as usize {
                self.copy_versions(&std::mem::take(&mut lot)).await?;
            }
        }
        self.copy_versions(&lot).await?;
        self.to.commit().await
    }

    async fn copy_versions(&mut self, (rids, versions, _): &(Vec<i64>, Vec<i64>, i64)) -> Result<()> {
        let rows = "SELECT h.line FROM unnest($1::bigint[], $2::bigint[]) AS u(rid, version) \
             CROSS JOIN LATERAL (SELECT v::text AS line FROM history v WHERE rid = u.rid AND version = u.version OFFSET 0) h";
        let rows = self.from.texts(sqlx::query(rows).bind(rids).bind(versions)).await?;
        self.to.insert("history", &rows).await
    }
}

fn version(row: &sqlx::postgres::PgRow) -> Result<(i64, i64)> {
    Ok((row.try_get(0)?, row.try_get(1)?))
}

fn sized(rows: &[sqlx::postgres::PgRow]) -> Result<Vec<(i64, i64)>> {
    rows.iter().map(version).collect::<Result<_, Error>>()
}

/// As many of the resources, in their order, as go together.
fn first_lot(sized: &[(i64, i64)]) -> Vec<i64> {
    let mut bytes = 0;
    let fits = |(_, size): &&(i64, i64)| {
        let fits = bytes <= BYTES;
        bytes += size;
        fits
    };
    sized.iter().take_while(fits).map(|(rid, _)| *rid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_ends_after_the_one_that_is_too_much() {
        assert_eq!(first_lot(&[(1, 10), (2, BYTES), (3, 1), (4, 1)]), [1, 2]);
        assert_eq!(first_lot(&[(1, BYTES + 1), (2, 0)]), [1]);
        assert!(first_lot(&[]).is_empty());
    }
}
