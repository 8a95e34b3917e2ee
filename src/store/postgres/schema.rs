//! The schemas of the directory and of placements, the roles, and bringing a database up to date.

use super::target::Target;
use crate::{Error, Result};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqlStr};
use std::time::Duration;

/// The schema of the directory.
pub(super) const DIRECTORY: &str = "medisync";
/// The role of connections to the directory: it sees no records.
pub(super) const DIRECTORY_ROLE: &str = "medisync_directory";
/// The role of connections to records: it owns nothing, and row-level security holds for it.
pub(super) const DATA_ROLE: &str = "medisync_data";

/// Roles are the cluster's, and several databases of it may be made ready at the same time: whoever comes second finds
/// them there.
const ROLES: &str = "
DO $$
DECLARE
  the text;
BEGIN
  FOREACH the IN ARRAY ARRAY['medisync_data', 'medisync_directory'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = the) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', the);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, the, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', the);
    END IF;
  END LOOP;
END $$";

/// Held while roles are made, which nodes that start together do one after the other.
const ALONE: &str = "SELECT pg_advisory_lock(hashtextextended('medisync migrate', 0))";
const NOT_ALONE: &str = "SELECT pg_advisory_unlock(hashtextextended('medisync migrate', 0))";

/// A table that is changed is locked for a moment. Whoever comes meanwhile waits behind us, and we behind those who were there:
/// not for long, and again after a rest, so that a server which still has the tables in use goes on.
const LOCK_PATIENCE: &str = "SET lock_timeout = '2s'";
const TRIES: u32 = 30;
const REST: Duration = Duration::from_secs(1);

/// How long a request waits for others who make a schema, and how long a schema may take that it has made.
const REQUEST_LOCK: &str = "SET lock_timeout = '5s'";
const REQUEST: Duration = Duration::from_secs(15);
/// An operator waits for whoever makes a schema.
pub(super) const OPERATOR_LOCK: &str = "SET lock_timeout = 0";

/// How long the database may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is kept in a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    Records,
}

impl Kind {
    pub(super) fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Directory => &[
                ("tenants", include_str!("../../../migrations/postgres/directory/0001_tenants.sql")),
                ("moves", include_str!("../../../migrations/postgres/directory/0002_moves.sql")),
                ("jobs", include_str!("../../../migrations/postgres/directory/0003_jobs.sql")),
                ("standbys", include_str!("../../../migrations/postgres/directory/0004_standbys.sql")),
                ("audit", include_str!("../../../migrations/postgres/directory/0005_audit.sql")),
                ("keys", include_str!("../../../migrations/postgres/directory/0006_keys.sql")),
                ("remnants", include_str!("../../../migrations/postgres/directory/0007_remnants.sql")),
            ],
            Kind::Records => &[
                ("records", include_str!("../../../migrations/postgres/tenant/0001_records.sql")),
                ("search", include_str!("../../../migrations/postgres/tenant/0002_search.sql")),
                ("isolation", include_str!("../../../migrations/postgres/tenant/0003_isolation.sql")),
                ("ledger", include_str!("../../../migrations/postgres/tenant/0004_ledger.sql")),
                ("take back", include_str!("../../../migrations/postgres/tenant/0005_take_back.sql")),
                ("compression", include_str!("../../../migrations/postgres/tenant/0006_compression.sql")),
                ("moves", include_str!("../../../migrations/postgres/tenant/0007_moves.sql")),
                ("releases", include_str!("../../../migrations/postgres/tenant/0008_releases.sql")),
                ("audit", include_str!("../../../migrations/postgres/tenant/0009_audit.sql")),
                ("editions", include_str!("../../../migrations/postgres/tenant/0010_editions.sql")),
                ("audit time", include_str!("../../../migrations/postgres/tenant/0011_audit_time.sql")),
                ("marks", include_str!("../../../migrations/postgres/tenant/0012_marks.sql")),
                ("audit encrypted", include_str!("../../../migrations/postgres/tenant/0013_audit_encrypted.sql")),
            ],
        }
    }

    fn role(self) -> &'static str {
        match self {
            Kind::Directory => DIRECTORY_ROLE,
            Kind::Records => DATA_ROLE,
        }
    }

    /// The migrations up to one.
    fn migrator(self, last: usize) -> Migrator {
        let migrations = self.files().iter().take(last).zip(1..).map(|((name, sql), version)| {
            Migration::new(version, (*name).into(), MigrationType::Simple, SqlStr::from_static(sql), false)
        });
        let mut migrator = Migrator::with_migrations(migrations.collect());
        migrator.dangerous_set_table_name("migration");
        // A newer server may have been here: what it added does not disturb an older one (migrations/README.md).
        migrator.set_ignore_missing(true);
        migrator
    }
}

/// A schema's name in SQL. It is only ever made of this crate's own words and numbers.
pub(super) fn quoted(schema: &str) -> Result<String> {
    let is_plain = schema.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
    if is_plain { Ok(format!("\"{schema}\"")) } else { Err(Error::Directory("a schema's name")) }
}

/// What a connection sets so that it finds the tables of a schema and has the rights of its role only.
pub(super) fn entering(schema: &str, kind: Kind) -> Result<String> {
    Ok(format!("SET ROLE {}; SET search_path = {}; ", kind.role(), quoted(schema)?))
}

/// Brings a schema up to date, making it if it is not there. Where nothing is missing nothing is done, so that a login
/// that may not change a schema can use one.
pub(super) async fn migrate(target: &Target, schema: &str, kind: Kind) -> Result<()> {
    migrate_to(target, schema, kind, kind.files().len(), OPERATOR_LOCK).await
}

/// The same for a request, which waits for nothing for long. Each migration stays that was made, so that the next request goes on.
pub(super) async fn make_ready(target: &Target, schema: &str, kind: Kind) -> Result<()> {
    let making = migrate_to(target, schema, kind, kind.files().len(), REQUEST_LOCK);
    tokio::time::timeout(REQUEST, making).await.map_err(|_| Error::Silent)?
}

/// The same, up to a migration.
pub(super) async fn migrate_to(
    target: &Target,
    schema: &str,
    kind: Kind,
    last: usize,
    lock_patience: &str,
) -> Result<()> {
    let name = quoted(schema)?;
    let mut connection = connect(target).await?;
    if !has_all(&mut connection, &name, last).await? {
        // A lock is a session's, and so is what is set.
        if target.is_pooled {
            return Err(Error::Behind);
        }
        let role = kind.role();
        // Each schema is made by one at a time, and different ones side by side.
        let lock = format!("SELECT pg_advisory_lock(hashtextextended('medisync migrate {schema}', 0))");
        let make = format!(
            "CREATE SCHEMA IF NOT EXISTS {name}; GRANT USAGE ON SCHEMA {name} TO {role}; SET search_path = {name}"
        );
        for statement in [lock_patience, ALONE, ROLES, NOT_ALONE, &lock, &make, LOCK_PATIENCE] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        run(&mut connection, &kind.migrator(last)).await?;
    }
    connection.close().await?;
    Ok(())
}

/// Runs the migrations that are missing, each in a transaction of its own.
async fn run(connection: &mut PgConnection, migrator: &Migrator) -> Result<()> {
    let mut tries = 0;
    loop {
        match migrator.run_direct(None, &mut *connection, false).await {
            Err(error) if tries < TRIES && is_locked(&error) => tries += 1,
            done => return Ok(done?),
        }
        tokio::time::sleep(REST).await;
    }
}

/// Whether somebody had a table in use for too long.
fn is_locked(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else { return false };
    // lock_not_available
    crate::error::postgres_code(cause).as_deref() == Some("55P03")
}

/// Fails with [`Error::Behind`] where a schema lacks something.
pub(super) async fn verify(target: &Target, schema: &str, kind: Kind) -> Result<()> {
    let name = quoted(schema)?;
    let mut connection = connect(target).await?;
    let is_current = has_all(&mut connection, &name, kind.files().len()).await?;
    connection.close().await?;
    if is_current { Ok(()) } else { Err(Error::Behind) }
}

async fn connect(target: &Target) -> Result<PgConnection> {
    let connected = tokio::time::timeout(PATIENCE, target.options.connect()).await;
    Ok(connected.map_err(|_| sqlx::Error::PoolTimedOut)??)
}

/// Whether a schema has all migrations up to one. Asked in plain text, which any pooler hands on.
async fn has_all(connection: &mut PgConnection, name: &str, last: usize) -> Result<bool> {
    let there = format!("SELECT to_regclass('{name}.migration') IS NOT NULL");
    let there = sqlx::raw_sql(AssertSqlSafe(there)).fetch_one(&mut *connection).await?;
    if !there.try_get::<bool, _>(0)? {
        return Ok(false);
    }
    let count = format!("SELECT count(*) >= {last} FROM {name}.migration WHERE success AND version <= {last}");
    let row = sqlx::raw_sql(AssertSqlSafe(count)).fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}

/// Refuses a role that row-level security does not hold for: a superuser, one that may pass it by, or one that owns a
/// table and could switch it off. `connection` is as requests use it.
pub(super) async fn verify_role(connection: &mut PgConnection) -> Result<()> {
    let row = sqlx::query(
        "SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND pg_has_role(r.oid, c.relowner, 'USAGE')) \
         FROM pg_roles r WHERE r.rolname = current_user",
    )
    .fetch_one(connection)
    .await?;
    if row.try_get(0)? { Err(Error::Role) } else { Ok(()) }
}
