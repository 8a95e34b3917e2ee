//! Who the tenants are and where their records are kept. Its role sees no records.

use super::connections::{Connections, Taken};
use super::schema::{self, Kind};
use super::target::Target;
use crate::{Error, Result, Secrets, Tenant};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use std::sync::Arc;
use std::time::Duration;

/// The schema that tenants share unless they have one of their own.
const POOL: &str = "medisync_pool";
/// The most connections of a node.
const CONNECTIONS: u32 = 4;
/// How long a look into the directory may take.
const TIME: Duration = Duration::from_secs(10);

pub(super) struct Directory {
    connections: Connections,
}

/// Where a tenant's records are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Placement {
    /// Another database's URL; `None`: the directory's.
    pub(super) database: Option<String>,
    pub(super) schema: String,
}

impl Placement {
    fn pool() -> Placement {
        Placement { database: None, schema: POOL.to_owned() }
    }

    /// How its database is reached, if the directory's is so.
    pub(super) fn target(&self, directory: &Target) -> Result<Target> {
        match &self.database {
            Some(url) => Ok(url.parse()?),
            None => Ok(directory.clone()),
        }
    }
}

/// What the directory says of a tenant.
pub(super) struct Entry {
    pub(super) tenant: Tenant,
    /// The tenant in every clinical table.
    pub(super) number: i32,
    pub(super) placement: Placement,
}

impl Directory {
    /// Opens the directory, made and brought up to date if need be.
    pub(super) async fn open(target: &Target) -> Result<Directory> {
        schema::migrate(target, schema::DIRECTORY, Kind::Directory).await?;
        let setup = schema::entering(schema::DIRECTORY, Kind::Directory)?;
        Ok(Directory { connections: Connections::new(target.clone(), &setup, CONNECTIONS, TIME) })
    }

    /// What tells a node from the others: by chance, as there are more nodes than numbers in the end; and a number that no
    /// other has that started lately.
    pub(super) async fn node(&self) -> Result<(i64, i64)> {
        let node = "SELECT hashtextextended(gen_random_uuid()::text, 0), nextval('node')";
        let rows = self.fetch(|| sqlx::query(node)).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    pub(super) async fn find(&self, name: &str) -> Result<Option<Entry>> {
        let find = || {
            let text =
                "SELECT name, number, index_key, page_key, token_key, database, schema FROM tenant WHERE name = $1";
            sqlx::query(text).bind(name)
        };
        self.fetch(find).await?.first().map(entry).transpose()
    }

    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let rows = self.fetch(|| sqlx::query("SELECT name FROM tenant ORDER BY name")).await?;
        Ok(rows.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<_>>()?)
    }

    /// Where records are: the shared schema, and whatever else tenants have.
    pub(super) async fn placements(&self) -> Result<Vec<Placement>> {
        let rows = self.fetch(|| sqlx::query("SELECT DISTINCT database, schema FROM tenant")).await?;
        let mut all = rows.iter().map(placement).collect::<Result<Vec<_>>>()?;
        if !all.contains(&Placement::pool()) {
            all.push(Placement::pool());
        }
        Ok(all)
    }

    /// Succeeds if the database answers.
    pub(super) async fn ping(&self) -> Result<()> {
        self.fetch(|| sqlx::query("SELECT FROM tenant LIMIT 1")).await.map(|_| ())
    }

    /// Enters a tenant into the shared schema; `false` if the name is taken.
    pub(super) async fn enter(&self, name: &str, secrets: &Secrets, now_ms: i64) -> Result<bool> {
        let mut taken = self.connections.take().await?;
        let entered = sqlx::query(
            "INSERT INTO tenant (name, created, index_key, page_key, token_key, placement, schema) \
             VALUES ($1, $2, $3, $4, $5, 'pool', $6) ON CONFLICT (name) DO NOTHING",
        )
        .bind(name)
        .bind(now_ms)
        .bind(secrets.index_key.as_slice())
        .bind(secrets.page_key.as_slice())
        .bind(secrets.token_key.as_slice())
        .bind(POOL)
        .execute(&mut taken.connection)
        .await?;
        taken.commit().await?;
        taken.give_back();
        Ok(entered.rows_affected() > 0)
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    /// Runs a query that changes nothing that matters; once more if the connection turned out to be broken.
    async fn fetch<'q>(&self, query: impl Fn() -> Query<'q, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        let mut taken = self.connections.take().await?;
        let rows = match self.fetch_on(&mut taken, query()).await {
            Err(error) if error.is_connection_lost() => {
                taken = self.connections.take_new().await?;
                self.fetch_on(&mut taken, query()).await?
            }
            rows => rows?,
        };
        taken.give_back();
        Ok(rows)
    }

    async fn fetch_on(&self, taken: &mut Taken<'_>, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        let work = async {
            let rows = query.fetch_all(&mut taken.connection).await?;
            taken.commit().await?;
            Ok::<_, sqlx::Error>(rows)
        };
        Ok(tokio::time::timeout(self.connections.patience(), work).await.map_err(|_| Error::Silent)??)
    }
}

fn entry(row: &PgRow) -> Result<Entry> {
    let secrets = Secrets {
        index_key: exact_bytes(row.try_get("index_key")?)?,
        page_key: exact_bytes(row.try_get("page_key")?)?,
        token_key: row.try_get("token_key")?,
    };
    let tenant = Tenant { name: row.try_get::<String, _>("name")?.into(), secrets: Arc::new(secrets) };
    Ok(Entry { tenant, number: row.try_get("number")?, placement: placement(row)? })
}

fn placement(row: &PgRow) -> Result<Placement> {
    Ok(Placement { database: row.try_get("database")?, schema: row.try_get("schema")? })
}

fn exact_bytes<const N: usize>(bytes: Vec<u8>) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| Error::Directory("a tenant's key has the wrong length"))
}
