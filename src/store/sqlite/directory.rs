//! Who the tenants are, and their keys.

use super::{SqliteStore, options};
use crate::keys::{self, Kept, Shelf, Wrapped};
use crate::{Error, Result, Secrets, Tenant};
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqliteRow};
use sqlx::{ConnectOptions, Connection, Row};
use std::path::Path;

/// How the directory of a folder is opened: keys that are no more leave nothing in the file.
pub(super) fn directory_options(folder: &Path) -> SqliteConnectOptions {
    options(&folder.join("directory.sqlite")).pragma("secure_delete", "on")
}

impl SqliteStore {
    pub(super) async fn find(&self, name: &str) -> Result<Option<Tenant>> {
        match self.shelves().kept(name).await? {
            Some(kept) => self.keeper.tenant(name.into(), kept).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether a folder's directory has keys that a master key wraps.
    pub async fn is_wrapped(folder: &Path) -> Result<bool> {
        let mut connection = directory_options(folder).connect().await?;
        let there = "SELECT count(*) FROM pragma_table_info('tenant') WHERE name = 'wrapped'";
        let is_there: bool = sqlx::query_scalar(there).fetch_one(&mut connection).await?;
        let any = "SELECT EXISTS (SELECT 1 FROM tenant WHERE wrapped_by <> ?)";
        let is_wrapped = is_there && sqlx::query_scalar(any).bind(keys::NONE).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(is_wrapped)
    }

    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let names = sqlx::query_scalar("SELECT name FROM tenant ORDER BY name").fetch_all(&self.directory).await?;
        Ok(names)
    }

    /// Enters a tenant; `false` if the name is taken.
    pub(super) async fn enter(&self, name: &str, secrets: &Secrets, now_ms: i64) -> Result<bool> {
        if !Tenant::is_name(name) {
            return Err(Error::TenantName);
        }
        let wrapped = self.keeper.wrap(name, secrets).await?;
        let done = sqlx::query(
            "INSERT INTO tenant (name, created, index_key, page_key, token_key, wrapped, wrapped_by) \
             SELECT ?1, ?2, x'', x'', x'', ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM erased WHERE name = ?1) \
             ON CONFLICT DO NOTHING",
        )
        .bind(name.to_owned())
        .bind(now_ms)
        .bind(wrapped.bytes)
        .bind(wrapped.by)
        .execute(&self.directory)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Where tenants' keys stand.
pub(super) struct Shelves(pub(super) SqlitePool);

#[async_trait]
impl Shelf for Shelves {
    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>> {
        let all = "SELECT name, wrapped_by FROM tenant ORDER BY name";
        Ok(sqlx::query_as(all).fetch_all(&self.0).await?)
    }

    async fn kept(&self, name: &str) -> Result<Option<Kept>> {
        let row = sqlx::query("SELECT wrapped, wrapped_by, index_key, page_key, token_key FROM tenant WHERE name = ?")
            .bind(name.to_owned())
            .fetch_optional(&self.0)
            .await?;
        row.as_ref().map(kept).transpose()
    }

    async fn signing_key(&self) -> Result<Option<Wrapped>> {
        let row = sqlx::query_as("SELECT wrapped_by, wrapped FROM signing_key").fetch_optional(&self.0).await?;
        Ok(row.map(|(by, bytes)| Wrapped { by, bytes }))
    }

    async fn exchange_signing_key(&self, before: Option<&Wrapped>, after: &Wrapped) -> Result<bool> {
        let done = sqlx::query(
            "INSERT INTO signing_key VALUES ('signing', ?1, ?2) ON CONFLICT (name) DO UPDATE \
             SET wrapped = excluded.wrapped, wrapped_by = excluded.wrapped_by WHERE signing_key.wrapped = ?3",
        )
        .bind(after.bytes.clone())
        .bind(after.by.clone())
        .bind(before.map(|it| it.bytes.clone()))
        .execute(&self.0)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn exchange(&self, name: &str, before: &Kept, after: &Wrapped) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE tenant SET wrapped = ?, wrapped_by = ?, index_key = x'', page_key = x'', token_key = x'' \
             WHERE name = ? AND wrapped IS ?",
        )
        .bind(after.bytes.clone())
        .bind(after.by.clone())
        .bind(name.to_owned())
        .bind(before.wrapped().map(|it| it.bytes.clone()))
        .execute(&self.0)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

fn kept(row: &SqliteRow) -> Result<Kept> {
    if let Some(bytes) = row.try_get("wrapped")? {
        return Ok(Kept::Wrapped(Wrapped { by: row.try_get("wrapped_by")?, bytes }));
    }
    Kept::bare(row.try_get("index_key")?, row.try_get("page_key")?, row.try_get("token_key")?)
}
