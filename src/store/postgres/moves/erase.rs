//! Erasing a tenant: nobody writes meanwhile, and whoever comes later finds the place closed and the directory without it.

use super::super::PostgresStore;
use super::{Side, fence, hold, release, remnants};
use crate::postgres::directory::Directory;
use crate::postgres::owner::Owner;
use crate::postgres::residence::Spot;
use crate::{Census, Counted, Erased, Erasure, Error, Result};
use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

#[async_trait]
impl Erasure for PostgresStore {
    async fn census(&self, name: &str) -> Result<Option<Census>> {
        let directory = &self.homes.directory;
        let Some(entry) = directory.find(name).await? else { return Ok(None) };
        let tenant = self.homes.shared.keeper.tenant(entry.name.clone(), entry.kept.clone()).await?;
        let created = directory.fetch(|| sqlx::query("SELECT created FROM tenant WHERE name = $1").bind(name)).await?;
        let created = created.first().map(|it| it.try_get(0)).transpose()?.unwrap_or_default();
        let mut side = Side::open(&entry.spot, &self.homes.target, &entry.owner()).await?;
        let (types, ledger) = counted(&mut side).await?;
        Ok(Some(Census { created, types, ledger, ..Census::of_keys(&entry.kept, tenant.secrets()) }))
    }

    async fn destroy_keys(&self, name: &str, record: &str) -> Result<()> {
        let (directory, target) = (&self.homes.directory, &self.homes.target);
        let Some(entry) = directory.take(name).await? else { return Ok(()) };
        let alone = hold(target, entry.number).await?;
        let mut side = Side::open(&entry.spot, target, &entry.owner()).await?;
        fence::hold(&mut side, fence::ATTEMPT).await?;
        // In this order: a place that is closed and still has its tenant is opened again by the nodes.
        directory.remove(name, record).await?;
        fence::close(&mut side, entry.attempt).await?;
        side.commit().await?;
        self.homes.shared.keeper.forget(name);
        release(alone).await;
        Ok(())
    }

    async fn clear(&self, name: &str) -> Result<()> {
        self.homes.remove_text(name).await?;
        let (directory, target) = (&self.homes.directory, &self.homes.target);
        let Some((owner, spot)) = directory.place_of_erased(name).await? else { return Ok(()) };
        let alone = hold(target, owner.number).await?;
        let done = remnants::clear_all(directory, target, &owner, spot).await;
        release(alone).await;
        done
    }

    async fn certify(&self, name: &str, certificate: &str) -> Result<()> {
        let text = "UPDATE erased SET certificate = $2 WHERE name = $1 \
             AND NOT EXISTS (SELECT FROM remnant r WHERE r.tenant = erased.number)";
        match self.homes.directory.change(|| sqlx::query(text).bind(name).bind(certificate)).await? {
            true => Ok(()),
            false => Err(Error::Directory("a copy of what the tenant had is noted, and has to be taken away first")),
        }
    }

    async fn erased(&self) -> Result<Vec<Erased>> {
        self.homes.directory.erased().await
    }
}

async fn counted(side: &mut Side) -> Result<(Vec<Counted>, i64)> {
    let types = "SELECT r.type, count(*) FILTER (WHERE r.method <> 4), (count(*) + coalesce(sum(h.versions), 0))::bigint \
         FROM resource r LEFT JOIN (SELECT rid, count(*) AS versions FROM history GROUP BY rid) h ON h.rid = r.rid \
         GROUP BY r.type ORDER BY r.type COLLATE \"C\"";
    side.begin(Side::SNAPSHOT).await?;
    let rows = side.rows(sqlx::query(types)).await?;
    let of = |row: &PgRow| Ok(Counted { of: row.try_get(0)?, current: row.try_get(1)?, versions: row.try_get(2)? });
    let types = rows.iter().map(of).collect::<sqlx::Result<_>>()?;
    let ledger = side.row(sqlx::query("SELECT count(*) FROM ledger")).await?.try_get(0)?;
    side.commit().await?;
    Ok((types, ledger))
}

impl Directory {
    /// Takes a tenant and its keys out, and keeps where its records are and why.
    async fn remove(&self, name: &str, record: &str) -> Result<()> {
        let text = "WITH gone AS (DELETE FROM tenant WHERE name = $1 RETURNING name, number, schema, database) \
             INSERT INTO erased (name, number, schema, database, record) SELECT g.*, $2 FROM gone g";
        self.change(|| sqlx::query(text).bind(name).bind(record)).await.map(drop)
    }

    async fn place_of_erased(&self, name: &str) -> Result<Option<(Owner, Spot)>> {
        let text = "SELECT number, i.id::text, schema, database FROM erased, installation i \
             WHERE name = $1 AND certificate IS NULL";
        let rows = self.fetch(|| sqlx::query(text).bind(name)).await?;
        let of = |row: &PgRow| {
            let owner = Owner { number: row.try_get(0)?, installation: row.try_get(1)? };
            Ok((owner, Spot { schema: row.try_get(2)?, database: row.try_get(3)? }))
        };
        rows.first().map(of).transpose()
    }

    pub(in super::super) async fn erased(&self) -> Result<Vec<Erased>> {
        let rows = self.fetch(|| sqlx::query("SELECT name, record, certificate FROM erased ORDER BY name")).await?;
        let of =
            |row: &PgRow| Ok(Erased { name: row.try_get(0)?, record: row.try_get(1)?, certificate: row.try_get(2)? });
        rows.iter().map(of).collect()
    }
}
