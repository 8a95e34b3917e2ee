//! The schemas of the directory's and the tenants' files, and bringing a file up to date.

use super::options;
use crate::Result;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection, SqlStr, SqliteConnection};
use std::path::Path;
use std::sync::LazyLock;

/// Schema of `directory.sqlite`.
pub(super) static DIRECTORY: LazyLock<Migrator> = LazyLock::new(|| {
    migrator(&[
        ("tenants", include_str!("../../../migrations/sqlite/directory/0001_tenants.sql")),
        ("jobs", include_str!("../../../migrations/sqlite/directory/0002_jobs.sql")),
        ("audit", include_str!("../../../migrations/sqlite/directory/0003_audit.sql")),
        ("keys", include_str!("../../../migrations/sqlite/directory/0004_keys.sql")),
    ])
});

/// Schema of each tenant's file.
pub(super) static TENANT: LazyLock<Migrator> = LazyLock::new(|| {
    migrator(&[
        ("records", include_str!("../../../migrations/sqlite/tenant/0001_records.sql")),
        ("search", include_str!("../../../migrations/sqlite/tenant/0002_search.sql")),
        ("builds", include_str!("../../../migrations/sqlite/tenant/0003_builds.sql")),
        ("ledger", include_str!("../../../migrations/sqlite/tenant/0004_ledger.sql")),
        ("releases", include_str!("../../../migrations/sqlite/tenant/0005_releases.sql")),
        ("audit", include_str!("../../../migrations/sqlite/tenant/0006_audit.sql")),
        ("fence", include_str!("../../../migrations/sqlite/tenant/0007_fence.sql")),
        ("audit time", include_str!("../../../migrations/sqlite/tenant/0008_audit_time.sql")),
    ])
});

/// Bytes in a page: see docs/decisions/0002-sqlite-layout.md.
const PAGE_SIZE: u32 = 4096;

fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().zip(1..).map(|((name, sql), version)| {
        Migration::new(version, (*name).into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Brings a file's schema up to date, making the file if it is not there.
pub(super) async fn migrate(file: &Path, schema: &Migrator) -> Result<()> {
    let options = options(file).create_if_missing(true).page_size(PAGE_SIZE);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    schema.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}
