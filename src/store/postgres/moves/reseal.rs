//! Encrypting what is kept of a tenant anew, as a writer among others.

use super::{Side, hold};
use crate::keys::{self, Raw, RawBody, RawRecords};
use crate::postgres::homes::Homes;
use crate::{Error, Key, Result};
use async_trait::async_trait;
use sqlx::postgres::PgRow;
use sqlx::{Connection, Row};

/// The versions behind one, each part by the order of its own table.
const BODIES: &str = "SELECT * FROM (\
     (SELECT rid, version, updated, type, id, body, rkey FROM resource WHERE (rid, version) > ($1, $2) ORDER BY rid LIMIT $3) \
     UNION ALL (SELECT h.rid, h.version, h.updated, r.type, r.id, h.body, r.rkey FROM \
       (SELECT rid, version, updated, body FROM history WHERE (rid, version) > ($1, $2) ORDER BY rid, version LIMIT $3) h \
       CROSS JOIN LATERAL (SELECT type, id, rkey FROM resource WHERE rid = h.rid OFFSET 0) r)\
     ) v ORDER BY rid, version LIMIT $3";

/// Encrypts all that is to be by the tenant's last data key.
pub(in super::super) async fn reseal(homes: &Homes, name: &str, told: &(dyn Fn(usize) + Send + Sync)) -> Result<usize> {
    let entry = homes.directory.find(name).await?.ok_or(Error::NoTenant)?;
    // A copy that is being made would have what it was before.
    let alone = hold(&homes.target, entry.number).await?;
    let mut side = Side::open(&entry.spot, &homes.target, entry.number).await?;
    let done = keys::reseal(&homes.sealer(&entry.name), &mut side, told).await;
    let _ = alone.close().await;
    done
}

#[async_trait]
impl RawRecords for Side {
    async fn page(&mut self, kind: &str, key: &str, limit: i64) -> Result<Vec<Raw>> {
        self.begin(Side::SNAPSHOT).await?;
        let page = "SELECT kind, key, value FROM ledger WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3";
        let rows = self.rows(sqlx::query(page).bind(kind).bind(key).bind(limit)).await?;
        self.commit().await?;
        let raw = |row: &PgRow| Ok(Raw { kind: row.try_get(0)?, key: row.try_get(1)?, value: row.try_get(2)? });
        Ok(rows.iter().map(raw).collect::<sqlx::Result<_>>()?)
    }

    async fn exchange(&mut self, changes: &[(Raw, String)]) -> Result<()> {
        self.enter().await?;
        for (raw, value) in changes {
            let change = "UPDATE ledger SET value = $1 WHERE kind = $2 AND key = $3 AND value = $4";
            let change = sqlx::query(change).bind(value).bind(&raw.kind).bind(&raw.key).bind(&raw.value);
            self.execute(change).await?;
        }
        self.commit().await
    }

    async fn bodies(&mut self, rid: i64, version: i64, limit: i64) -> Result<Vec<RawBody>> {
        self.begin(Side::SNAPSHOT).await?;
        let rows = self.rows(sqlx::query(BODIES).bind(rid).bind(version).bind(limit)).await?;
        self.commit().await?;
        let raw = |row: &PgRow| {
            Ok(RawBody {
                rid: row.try_get(0)?,
                version: row.try_get(1)?,
                updated: row.try_get(2)?,
                key: Key { of: row.try_get(3)?, id: row.try_get(4)? },
                body: row.try_get(5)?,
                rkey: row.try_get(6)?,
            })
        };
        Ok(rows.iter().map(raw).collect::<sqlx::Result<_>>()?)
    }

    async fn exchange_bodies(&mut self, changes: &[(RawBody, Vec<u8>)]) -> Result<()> {
        self.enter().await?;
        for (raw, body) in changes {
            for exchange in [
                "UPDATE resource SET body = $1 WHERE rid = $2 AND version = $3 AND body = $4",
                "UPDATE history SET body = $1 WHERE rid = $2 AND version = $3 AND body = $4",
            ] {
                let exchange = sqlx::query(exchange).bind(body).bind(raw.rid).bind(raw.version).bind(&raw.body);
                self.execute(exchange).await?;
            }
        }
        self.commit().await
    }
}

impl Side {
    /// Begins as every writer: refused where the tenant moved away.
    async fn enter(&mut self) -> Result<()> {
        let number = self.number;
        self.simple(&format!("BEGIN; SELECT enter('{number}', NULL, NULL)")).await
    }
}
