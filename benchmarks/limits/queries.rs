//! The limit's reads: a resource by type and id, and a patient's Observations, by statements written by hand.

use super::resource::{connect, options};
use super::routes::bundle;
use anyhow::Result;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use sqlx::Row;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use std::path::Path;

/// Connections that read, as many as the server has for a tenant.
const READERS: u32 = 8;

/// A file to read from.
pub struct Queries {
    pool: SqlitePool,
    /// The server hashes type and id with a key of the tenant's; here it is looked up, which costs no more.
    rkeys: FxHashMap<(String, String), i64>,
    /// What `Observation.subject` is called in the index.
    subject: i64,
}

impl Queries {
    /// Opens the file.
    pub async fn open(file: &Path) -> Result<Queries> {
        let mut connection = connect(file).await?;
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT type, id, rkey FROM resource").fetch_all(&mut connection).await?;
        let subject = sqlx::query_scalar(
            "SELECT x.param FROM resource o JOIN reference x ON x.rid = o.rid JOIN resource p ON p.rkey = x.target \
             WHERE o.type = 'Observation' AND p.type = 'Patient' LIMIT 1",
        );
        let subject = subject.fetch_optional(&mut connection).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_lazy_with(options(file).read_only(true));
        Ok(Queries {
            pool,
            rkeys: rows.into_iter().map(|(of, id, rkey)| ((of, id), rkey)).collect(),
            subject: subject.unwrap_or_default(),
        })
    }

    fn rkey(&self, of: &str, id: &str) -> i64 {
        self.rkeys.get(&(of.to_owned(), id.to_owned())).copied().unwrap_or_default()
    }

    /// The body of a resource.
    pub async fn read(&self, of: &str, id: &str) -> Result<Option<Bytes>> {
        let row =
            sqlx::query("SELECT version, updated, method, body FROM resource WHERE rkey = ? AND type = ? AND id = ?")
                .bind(self.rkey(of, id))
                .bind(of.to_owned())
                .bind(id.to_owned())
                .fetch_optional(&self.pool)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let (_, _): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some(Bytes::from(row.try_get::<Vec<u8>, _>(3)?)))
    }

    /// A Bundle with the first `count` Observations of a patient.
    pub async fn observations(&self, patient: &str, count: usize) -> Result<Bytes> {
        let rows = sqlx::query(
            "SELECT r.type, r.id, r.version, r.updated, r.method, r.body, r.rid FROM \
             (SELECT rid FROM reference WHERE param = ? AND target = ? ORDER BY rid LIMIT ? + 0) p \
             CROSS JOIN resource r ON r.rid = p.rid ORDER BY p.rid",
        )
        .bind(self.subject)
        .bind(self.rkey("Patient", patient))
        .bind(count as i64 + 1)
        .fetch_all(&self.pool)
        .await?;
        let found: Vec<(&str, &str, &[u8])> = rows
            .iter()
            .take(count)
            .map(|it| Ok((it.try_get(0)?, it.try_get(1)?, it.try_get(5)?)))
            .collect::<Result<_>>()?;
        Ok(bundle(found.into_iter()))
    }
}
