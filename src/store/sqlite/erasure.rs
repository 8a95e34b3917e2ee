//! Erasing a tenant: its row in the directory, its file, and its full-text view.

use super::{SqliteStore, options};
use crate::keys::Shelf;
use crate::{Census, Counted, Erased, Erasure, Error, Result};
use async_trait::async_trait;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use std::path::{Path, PathBuf};

#[async_trait]
impl Erasure for SqliteStore {
    async fn census(&self, name: &str) -> Result<Option<Census>> {
        let (Some(kept), Some(tenant)) = (self.shelves().kept(name).await?, self.find(name).await?) else {
            return Ok(None);
        };
        let created = sqlx::query_scalar("SELECT created FROM tenant WHERE name = ?");
        let created = created.bind(name.to_owned()).fetch_one(&self.directory).await?;
        // Its schema is brought up to date, and what is written by then is in the file.
        self.door(&tenant).place().await?;
        let mut connection = options(&self.file(name)).connect().await?;
        let (types, ledger) = counted(&mut connection).await?;
        connection.close().await?;
        Ok(Some(Census { created, types, ledger, ..Census::of_keys(&kept, tenant.secrets()) }))
    }

    async fn destroy_keys(&self, name: &str, record: &str) -> Result<()> {
        let mut transaction = self.directory.begin().await?;
        sqlx::query("INSERT INTO erased (name, record) SELECT name, ? FROM tenant WHERE name = ?")
            .bind(record.to_owned())
            .bind(name.to_owned())
            .execute(&mut *transaction)
            .await?;
        for table in ["DELETE FROM job WHERE tenant = ?", "DELETE FROM tenant WHERE name = ?"] {
            sqlx::query(table).bind(name.to_owned()).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        self.keeper.forget(name);
        // Deleted bytes are overwritten in the file; now the log of changes goes too, which has them as well.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.directory).await?;
        Ok(())
    }

    async fn clear(&self, name: &str) -> Result<()> {
        self.places.close_one(name).await;
        // What waits to be written of the audit log's head would come after it is gone.
        self.settings.heads.flush().await?;
        let head = sqlx::query("DELETE FROM audit_head WHERE tenant = ?");
        head.bind(name.to_owned()).execute(&self.directory).await?;
        let file = self.file(name);
        let with = |end: &str| PathBuf::from(format!("{}{end}", file.display()));
        for file in [file.clone(), with("-wal"), with("-shm")] {
            remove(&file, std::fs::remove_file(&file))?;
        }
        let view = file.with_extension("text");
        remove(&view, std::fs::remove_dir_all(&view))
    }

    async fn certify(&self, name: &str, certificate: &str) -> Result<()> {
        sqlx::query("UPDATE erased SET certificate = ? WHERE name = ?")
            .bind(certificate.to_owned())
            .bind(name.to_owned())
            .execute(&self.directory)
            .await?;
        Ok(())
    }

    async fn erased(&self) -> Result<Vec<Erased>> {
        let rows = sqlx::query_as("SELECT name, record, certificate FROM erased ORDER BY name");
        let rows = rows.fetch_all(&self.directory).await?;
        Ok(rows.into_iter().map(|(name, record, certificate)| Erased { name, record, certificate }).collect())
    }
}

/// Fails where something is left.
fn remove(path: &Path, removed: std::io::Result<()>) -> Result<()> {
    match removed {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::File { path: path.display().to_string(), cause })
        }
        _ => Ok(()),
    }
}

async fn counted(connection: &mut SqliteConnection) -> Result<(Vec<Counted>, i64)> {
    let types = "SELECT r.type, sum(r.method <> 4), count(*) + coalesce(sum(h.versions), 0) FROM resource r \
         LEFT JOIN (SELECT rid, count(*) AS versions FROM history GROUP BY rid) h ON h.rid = r.rid GROUP BY r.type ORDER BY 1";
    let rows = sqlx::query(types).fetch_all(&mut *connection).await?;
    let of = |row: &sqlx::sqlite::SqliteRow| {
        Ok(Counted { of: row.try_get(0)?, current: row.try_get(1)?, versions: row.try_get(2)? })
    };
    let types = rows.iter().map(of).collect::<sqlx::Result<_>>()?;
    let ledger = sqlx::query_scalar("SELECT count(*) FROM ledger").fetch_one(connection).await?;
    Ok((types, ledger))
}
