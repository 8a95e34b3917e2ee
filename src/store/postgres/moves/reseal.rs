//! Encrypting a tenant's ledger anew, as a writer among others.

use super::Side;
use crate::keys::{self, Raw, RawLedger};
use crate::postgres::homes::Homes;
use crate::{Error, Result};
use async_trait::async_trait;
use sqlx::Row;

/// Encrypts all entries by the tenant's last data key.
pub(in super::super) async fn reseal(homes: &Homes, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize> {
    let entry = homes.directory.find(name).await?.ok_or(Error::NoTenant)?;
    let mut side = Side::open(&entry.spot, &homes.target, entry.number).await?;
    keys::reseal(&homes.sealer(&entry.name), &mut side, told).await
}

#[async_trait]
impl RawLedger for Side {
    async fn page(&mut self, kind: &str, key: &str, limit: i64) -> Result<Vec<Raw>> {
        self.begin(Side::SNAPSHOT).await?;
        let page = "SELECT kind, key, value FROM ledger WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3";
        let rows = self.rows(sqlx::query(page).bind(kind).bind(key).bind(limit)).await?;
        self.commit().await?;
        let raw = |row: &sqlx::postgres::PgRow| {
            Ok(Raw { kind: row.try_get(0)?, key: row.try_get(1)?, value: row.try_get(2)? })
        };
        Ok(rows.iter().map(raw).collect::<sqlx::Result<_>>()?)
    }

    async fn exchange(&mut self, changes: &[(Raw, String)]) -> Result<()> {
        let number = self.number;
        // As every writer: refused where the tenant moved away.
        self.simple(&format!("BEGIN; SELECT enter('{number}', NULL, NULL)")).await?;
        for (raw, value) in changes {
            let change = "UPDATE ledger SET value = $1 WHERE kind = $2 AND key = $3 AND value = $4";
            let change = sqlx::query(change).bind(value).bind(&raw.kind).bind(&raw.key).bind(&raw.value);
            self.execute(change).await?;
        }
        self.commit().await
    }
}
