//! The change log, by which a copy catches up, and the small tables that it tells nothing of.

use super::copy::State;
use super::side::Side;
use super::{Mover, verify};
use crate::Result;
use sqlx::{AssertSqlSafe, Row};

/// Changes that are read at a time.
const CHANGES: i64 = 5_000;
/// Tables that are compared and copied by parts, by what a hash has of each row.
const SMALL: [&str; 5] = ["loaded", "build", "definition", "ledger", "code_release"];

/// What a round found and copied.
#[derive(Default)]
pub(super) struct Round {
    /// Its moment, as PostgreSQL writes snapshots: oldest running transaction, next one, running ones.
    pub(super) seen: String,
    /// The resources that had changed.
    pub(super) resources: Vec<i64>,
    /// The changes in the log.
    pub(super) changes: Vec<i64>,
}

/// What is visible to the transaction under way.
pub(super) async fn snapshot(side: &mut Side) -> Result<String> {
    let row = side.row(sqlx::query("SELECT pg_current_snapshot()::text")).await?;
    Ok(row.try_get(0)?)
}

/// The transaction before which all had ended.
pub(super) fn oldest(snapshot: &str) -> i64 {
    snapshot.split(':').next().and_then(|it| it.parse().ok()).unwrap_or(0)
}

impl Mover<'_> {
    /// Copies what changed, as of the moment that the former place's transaction sees: then the copy is as it was then.
    pub(super) async fn round(&mut self, state: &mut State) -> Result<Round> {
        let seen = snapshot(&mut self.from).await?;
        let before = (state.seen.clone(), oldest(&state.seen).to_string());
        let new = "tx >= $2::text::xid8 AND NOT pg_visible_in_snapshot(tx, $1::text::pg_snapshot)";
        let changed =
            format!("SELECT seq, rid FROM change WHERE {new} UNION ALL SELECT 0, rid FROM reindexed WHERE {new}");
        let rows = self.from.rows(sqlx::query(AssertSqlSafe(changed)).bind(before.0).bind(before.1)).await?;
        let mut round = Round { seen, ..Round::default() };
        for row in rows {
            round.changes.push(row.try_get(0)?);
            round.resources.push(row.try_get(1)?);
        }
        round.resources.sort_unstable();
        round.resources.dedup();
        self.copy_log(state).await?;
        self.exchange_all(&round.resources).await?;
        self.copy_releases().await?;
        self.copy_audit().await?;
        for table in SMALL {
            self.copy_small(table).await?;
        }
        Ok(round)
    }

    /// Copies the change log. The position is the new one once what is before it is committed: a switch that is broken off in
    /// between goes on from the former one.
    async fn copy_log(&mut self, state: &mut State) -> Result<()> {
        let next = "SELECT c::text, tx::text::bigint, seq FROM change c WHERE (tx, seq) > ($1::text::xid8, $2) ORDER BY tx, seq LIMIT $3";
        // Another database knows nothing of these transactions: there the changes are its mover's.
        let tx = if self.keeps_transactions { "tx" } else { "pg_current_xact_id()" };
        let insert = format!(
            "INSERT INTO change (tenant, seq, rid, version, updated, tx, type) \
             SELECT tenant, seq, rid, version, updated, {tx}, type FROM unnest($1::text[]::change[]) ON CONFLICT DO NOTHING"
        );
        loop {
            let query = sqlx::query(next).bind(state.tx.to_string()).bind(state.seq).bind(CHANGES);
            let rows = self.from.rows(query).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let next = State { tx: last.try_get(1)?, seq: last.try_get(2)?, ..state.clone() };
            let rows: Vec<String> = rows.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<_>>()?;
            self.to.begin(Side::SHARED_VIEW).await?;
            self.to.execute(sqlx::query(AssertSqlSafe(insert.as_str())).bind(&rows)).await?;
            self.to.save_within(&next).await?;
            self.to.commit().await?;
            *state = next;
        }
    }

    /// Copies the parts of a table that are not the same on both sides.
    async fn copy_small(&mut self, table: &str) -> Result<()> {
        let there = verify::parts(&mut self.from, table).await?;
        self.to.begin(Side::SHARED_VIEW).await?;
        let here = verify::parts(&mut self.to, table).await?;
        let differs = |part: &i64| there.get(part) != here.get(part);
        let parts: Vec<i64> = (0..verify::PARTS).filter(differs).collect();
        if !parts.is_empty() {
            let part = verify::part_of("t");
            let rows = format!("SELECT t::text FROM {table} t WHERE {part} = ANY ($1)");
            let rows = self.from.texts(sqlx::query(AssertSqlSafe(rows)).bind(&parts)).await?;
            let delete = format!("DELETE FROM {table} t WHERE {part} = ANY ($1)");
            self.to.execute(sqlx::query(AssertSqlSafe(delete)).bind(&parts)).await?;
            self.to.insert(table, &rows).await?;
        }
        self.to.commit().await
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_snapshot_begins_with_its_oldest_transaction() {
        assert_eq!(super::oldest("795:799:795,797"), 795);
    }
}
