//! What a tenant's file has, as it is kept, to be encrypted anew.

use crate::keys::{Raw, RawBody, RawRecords};
use crate::{Key, Result};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};

/// The versions behind one, each part by the order of its own table.
const BODIES: &str = "SELECT * FROM (\
     SELECT rid, version, updated, type, id, body, rkey FROM (\
       SELECT rid, version, updated, type, id, body, rkey FROM resource WHERE (rid, version) > (?1, ?2) ORDER BY rid LIMIT ?3) \
     UNION ALL SELECT rid, version, updated, type, id, body, rkey FROM (\
       SELECT h.rid, h.version, h.updated, r.type, r.id, h.body, r.rkey FROM history h CROSS JOIN resource r ON r.rid = h.rid \
       WHERE (h.rid, h.version) > (?1, ?2) ORDER BY h.rid, h.version LIMIT ?3)\
     ) ORDER BY rid, version LIMIT ?3";

/// On a connection of its own.
#[async_trait]
impl RawRecords for SqliteConnection {
    async fn page(&mut self, kind: &str, key: &str, limit: i64) -> Result<Vec<Raw>> {
        let page = "SELECT kind, key, value FROM ledger WHERE (kind, key) > (?, ?) ORDER BY kind, key LIMIT ?";
        let page = sqlx::query_as(page).bind(kind.to_owned()).bind(key.to_owned()).bind(limit);
        let rows: Vec<(String, String, String)> = page.fetch_all(self).await?;
        Ok(rows.into_iter().map(|(kind, key, value)| Raw { kind, key, value }).collect())
    }

    async fn exchange(&mut self, changes: &[(Raw, String)]) -> Result<()> {
        let mut transaction = self.begin_with("BEGIN IMMEDIATE").await?;
        for (raw, value) in changes {
            sqlx::query("UPDATE ledger SET value = ? WHERE kind = ? AND key = ? AND value = ?")
                .bind(value.clone())
                .bind(raw.kind.clone())
                .bind(raw.key.clone())
                .bind(raw.value.clone())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn bodies(&mut self, rid: i64, version: i64, limit: i64) -> Result<Vec<RawBody>> {
        let rows = sqlx::query(BODIES).bind(rid).bind(version).bind(limit).fetch_all(self).await?;
        let raw = |row: &SqliteRow| {
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
        let mut transaction = self.begin_with("BEGIN IMMEDIATE").await?;
        for (raw, body) in changes {
            for exchange in [
                "UPDATE resource SET body = ? WHERE rid = ? AND version = ? AND body = ?",
                "UPDATE history SET body = ? WHERE rid = ? AND version = ? AND body = ?",
            ] {
                let exchange = sqlx::query(exchange).bind(body.as_slice()).bind(raw.rid).bind(raw.version);
                exchange.bind(raw.body.as_slice()).execute(&mut *transaction).await?;
            }
        }
        Ok(transaction.commit().await?)
    }
}
