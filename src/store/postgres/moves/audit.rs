//! The copy of the audit log. Blocks are copied once; what is in none is little, and is exchanged whole in each round.

use super::Mover;
use super::side::Side;
use super::verify::AUDIT_TAIL;
use crate::audit::{AuditKey, tables};
use crate::{Error, Result};
use rustc_hash::FxHashMap;
use sqlx::{AssertSqlSafe, Row};

impl Mover<'_> {
    /// Copies what the copy lacks, as of the moment that the former place's transaction sees.
    pub(super) async fn copy_audit(&mut self) -> Result<()> {
        let there = seals(&mut self.from).await?;
        self.to.begin(Side::SNAPSHOT).await?;
        let here = seals(&mut self.to).await?;
        self.to.commit().await?;
        let differs = |one: &FxHashMap<i64, Vec<u8>>, other: &FxHashMap<i64, Vec<u8>>| {
            let mut numbers: Vec<i64> =
                one.iter().filter(|(number, seal)| other.get(*number) != Some(seal)).map(|it| *it.0).collect();
            numbers.sort_unstable();
            numbers
        };
        let (gone, new) = (differs(&here, &there), differs(&there, &here));
        let mut tails = Vec::new();
        for table in AUDIT_TAIL {
            let lines = format!("SELECT t::text FROM {table} t");
            tails.push((table, self.from.texts(sqlx::query(AssertSqlSafe(lines))).await?));
        }
        self.to.begin(Side::SHARED_VIEW).await?;
        self.to.execute(sqlx::query("SELECT audit_clear($1)").bind(gone)).await?;
        for (table, lines) in tails {
            self.to.insert(table, &lines).await?;
        }
        self.to.commit().await?;
        for number in new {
            self.copy_block(number).await?;
        }
        Ok(())
    }

    /// Copies a block with what the index has of it, which is made anew of what the block holds.
    async fn copy_block(&mut self, number: i64) -> Result<()> {
        let find = format!("SELECT {} FROM audit_block WHERE number = $1", tables::BLOCK);
        let block = tables::block(&self.from.row(sqlx::query(AssertSqlSafe(find)).bind(number)).await?)?;
        let tenant = self.order.keeper.tenant(self.entry.name.clone(), self.entry.kept.clone()).await?;
        let key = AuditKey::new(tenant.secrets(), self.order.keeper.random());
        let keys = block.keys(&key).ok_or_else(|| {
            let told = "its audit log is not as it was written; `medisync audit verify` tells where";
            Error::CannotMove(told.to_owned())
        })?;
        let line = self.from.texts(sqlx::query("SELECT t::text FROM audit_block t WHERE number = $1").bind(number));
        let line = line.await?;
        let index =
            "INSERT INTO audit_key (tenant, hash, block) SELECT $1, k.hash, $2 FROM unnest($3::bigint[]) AS k(hash)";
        let index = sqlx::query(index).bind(self.to.number).bind(number).bind(keys);
        self.to.begin(Side::SHARED_VIEW).await?;
        self.to.insert("audit_block", &line).await?;
        self.to.execute(index).await?;
        self.to.commit().await
    }
}

/// The seals of a side's blocks.
async fn seals(side: &mut Side) -> Result<FxHashMap<i64, Vec<u8>>> {
    let rows = side.rows(sqlx::query("SELECT number, seal FROM audit_block")).await?;
    rows.iter().map(|it| Ok((it.try_get(0)?, it.try_get(1)?))).collect()
}

impl Side {
    /// Takes away what is here of the tenant's audit log, some at a time: nobody has the right to but a function, which looks that
    /// the tenant is not served from here.
    pub(super) async fn purge_audit(&mut self) -> Result<()> {
        let is_there = "SELECT EXISTS (SELECT FROM audit_new) OR EXISTS (SELECT FROM audit_row) \
             OR EXISTS (SELECT FROM audit_block) OR EXISTS (SELECT FROM audit_key)";
        loop {
            self.begin(Side::SHARED_VIEW).await?;
            let is_there: bool = self.row(sqlx::query(is_there)).await?.try_get(0)?;
            if is_there {
                self.execute(sqlx::query("SELECT audit_clear(NULL)")).await?;
            }
            self.commit().await?;
            if !is_there {
                return Ok(());
            }
        }
    }
}
