//! Encrypting what is kept of a tenant anew, as a writer among others.

use super::{Side, fence, hold, release};
use crate::keys::{self, Raw, RawBody, RawRecords, Size, edition, size};
use crate::postgres::attempts::Attempts;
use crate::postgres::homes::Homes;
use crate::postgres::runner::within_tenant;
use crate::query::{Dialect, Sql};
use crate::{Error, Result};
use async_trait::async_trait;
use sqlx::postgres::PgRow;

/// The edition of the tenant's keys that writes must be by.
pub(in crate::postgres) const FENCED: &str = "SELECT coalesce(max(edition), 0) FROM definition";

/// Encrypts all that is to be by the tenant's last data key.
pub(in super::super) async fn reseal(homes: &Homes, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize> {
    let number = homes.directory.find(name).await?.ok_or(Error::NoTenant)?.number;
    // A copy that is being made would have what it was before.
    let alone = hold(&homes.target, number).await?;
    let entry = homes.directory.find(name).await?.ok_or(Error::NoTenant)?;
    let mut side = Side::open(&entry.spot, &homes.target, &entry.owner()).await?;
    let done = keys::reseal(&homes.sealer(&entry.name), &mut side, told).await;
    release(alone).await;
    done
}

#[async_trait]
impl RawRecords for Side {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    /// Writers share a lock until they have committed (the function `enter` of the migrations): whoever has it alone has seen the
    /// last of those who came before.
    async fn fence(&mut self, edition: u32) -> Result<()> {
        let number = self.number;
        fence::hold(self, fence::ATTEMPT).await?;
        // Of what is encrypted anew the change log tells nothing: a copy that was broken off is made anew.
        self.simple("DELETE FROM leaving; DELETE FROM reindexed").await?;
        self.simple(&format!(
            "INSERT INTO definition AS d (tenant, number, edition) VALUES ({number}, 0, {edition}) \
             ON CONFLICT (tenant) DO UPDATE SET edition = greatest(d.edition, excluded.edition)"
        ))
        .await?;
        self.commit().await
    }

    async fn fenced(&mut self) -> Result<u32> {
        edition(self.seen(Sql::new(FENCED)).await?.first().ok_or(sqlx::Error::RowNotFound)?)
    }

    async fn entries(&mut self, statement: Sql) -> Result<Vec<Raw>> {
        self.seen(statement).await?.iter().map(Raw::read).collect()
    }

    async fn sizes(&mut self, statement: Sql) -> Result<Vec<Size>> {
        self.seen(statement).await?.iter().map(size).collect()
    }

    async fn bodies(&mut self, statement: Sql) -> Result<Vec<RawBody>> {
        self.seen(statement).await?.iter().map(RawBody::read).collect()
    }

    /// Again if others are in the way.
    async fn change(&mut self, statements: Vec<Sql>) -> Result<()> {
        let mut attempts = Attempts::default();
        loop {
            let Err(error) = self.change_once(&statements).await else { return Ok(()) };
            let Some(rest) = attempts.after(&error) else { return Err(error) };
            self.roll_back().await?;
            tokio::time::sleep(rest).await;
        }
    }
}

impl Side {
    /// Begins as every writer: refused where the tenant moved away.
    async fn change_once(&mut self, statements: &[Sql]) -> Result<()> {
        let number = self.number;
        self.begin(Side::SHARED_VIEW).await?;
        self.simple(&format!("SELECT enter('{number}', NULL, NULL)")).await?;
        for statement in statements {
            self.execute(within_tenant(statement.clone())?).await?;
        }
        self.commit().await
    }

    /// The rows of a statement as one moment has them.
    async fn seen(&mut self, statement: Sql) -> Result<Vec<PgRow>> {
        self.begin(Side::SNAPSHOT).await?;
        let rows = self.rows(within_tenant(statement)?).await?;
        self.commit().await?;
        Ok(rows)
    }
}
