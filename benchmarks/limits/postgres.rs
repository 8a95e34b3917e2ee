//! Limit (b) on PostgreSQL: axum and sqlx on the server's own tables, as their owner, so that no policy is in the way.
//! What it writes belongs to a tenant that nobody reads.

use super::resource::{Copy, Resource};
use super::routes::{Limit, MODELS, Models, Statements, bundle};
use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection, Row};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Connections, as many as the load has.
const CONNECTIONS: u32 = 16;
/// The tenant whose rows are written.
const WRITTEN: i32 = 1_000_000_000;

/// All rows of some resources in one statement, a column in an array each.
const WRITE: &str = "\
WITH new_resource AS (
  INSERT INTO resource (tenant, edition, rid, rkey, version, updated, method, type, id, keys, body)
  SELECT $1, 1, u.rid, u.rkey, 1, $2, 1, u.type, u.id, ($3::bigint[])[u.first:u.last], u.body
  FROM unnest($4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::int[], $9::int[], $10::bytea[])
    AS u(rid, rkey, type, id, first, last, body)
), new_key AS (
  INSERT INTO key (tenant, key, rid) SELECT $1, u.key, u.rid FROM unnest($3::bigint[], $11::bigint[]) AS u(key, rid)
), new_reference AS (
  INSERT INTO reference (tenant, param, target, rid)
  SELECT $1, u.* FROM unnest($12::bigint[], $13::bigint[], $14::bigint[]) AS u
), new_string AS (
  INSERT INTO string (tenant, param, norm, exact, rid)
  SELECT $1, u.* FROM unnest($15::bigint[], $16::text[], $17::bigint[], $18::bigint[]) AS u
), new_date AS (
  INSERT INTO date (tenant, slot, low, high, rid)
  SELECT $1, u.* FROM unnest($19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[]) AS u
), new_number AS (
  INSERT INTO number (tenant, slot, low, high, rid)
  SELECT $1, u.* FROM unnest($23::bigint[], $24::float8[], $25::float8[], $26::bigint[]) AS u
)
INSERT INTO change (tenant, seq, rid, version, updated, type)
SELECT $1, u.rid, u.rid, 1, $2, u.type FROM unnest($4::bigint[], $6::text[]) AS u(rid, type)";

struct Tables {
    pool: PgPool,
    /// The tenant that is read.
    tenant: i32,
    /// The server hashes type and id with a key of the tenant's; here it is looked up, which costs no more.
    rkeys: FxHashMap<(String, String), i64>,
    /// What `Observation.subject` is called in the index.
    subject: i64,
    next: AtomicI64,
}

/// Reads and writes the database at `url`; writes copies of what the one at `models` holds.
pub async fn run(url: &str, models: &str) -> Result<()> {
    let mut from = PgConnection::connect_with(&options(models).await?).await?;
    let limit = Limit {
        statements: Tables::open(url).await?,
        created: latest_of_each_type(&mut from).await?,
        any: Models::new(from_everywhere(&mut from).await?)?,
    };
    from.close().await?;
    limit.serve().await
}

/// How a database is connected to: its tables are found wherever the server has put them.
async fn options(url: &str) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url)?.statement_cache_capacity(256);
    let mut connection = PgConnection::connect_with(&options).await?;
    let schema: String = sqlx::query_scalar("SELECT schemaname FROM pg_tables WHERE tablename = 'resource'")
        .fetch_one(&mut connection)
        .await
        .context("no table of resources")?;
    Ok(options.options([("search_path", schema)]))
}

impl Tables {
    async fn open(url: &str) -> Result<Tables> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        let pool = pool.connect_lazy_with(options(url).await?);
        let tenant: Option<i32> =
            sqlx::query_scalar("SELECT tenant FROM resource LIMIT 1").fetch_optional(&pool).await?;
        let rows: Vec<(String, String, i64)> = sqlx::query_as("SELECT type, id, rkey FROM resource WHERE tenant <> $1")
            .bind(WRITTEN)
            .fetch_all(&pool)
            .await?;
        let subject: Option<i64> = sqlx::query_scalar(
            "SELECT x.param FROM resource o JOIN reference x ON x.tenant = o.tenant AND x.rid = o.rid \
             JOIN resource p ON p.tenant = x.tenant AND p.rkey = x.target \
             WHERE o.type = 'Observation' AND p.type = 'Patient' LIMIT 1",
        )
        .fetch_optional(&pool)
        .await?;
        let begun = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        Ok(Tables {
            pool,
            tenant: tenant.unwrap_or_default(),
            rkeys: rows.into_iter().map(|(of, id, rkey)| ((of, id), rkey)).collect(),
            subject: subject.unwrap_or_default(),
            next: AtomicI64::new(i64::try_from(begun)?),
        })
    }

    fn rkey(&self, of: &str, id: &str) -> i64 {
        self.rkeys.get(&(of.to_owned(), id.to_owned())).copied().unwrap_or_default()
    }
}

#[async_trait]
impl Statements for Tables {
    async fn read(&self, of: &str, id: &str) -> Result<Option<Bytes>> {
        let row = sqlx::query(
            "SELECT version, updated, method, body FROM resource WHERE tenant = $1 AND rkey = $2 AND type = $3 AND id = $4",
        )
        .bind(self.tenant)
        .bind(self.rkey(of, id))
        .bind(of)
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (_, _): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some(Bytes::from(row.try_get::<Vec<u8>, _>(3)?)))
    }

    async fn observations(&self, patient: &str, count: usize) -> Result<Bytes> {
        let rows = sqlx::query(
            "SELECT r.type, r.id, r.version, r.updated, r.method, r.body, r.rid FROM \
             (SELECT rid FROM reference WHERE tenant = $1 AND param = $2 AND target = $3 ORDER BY rid LIMIT $4) p \
             JOIN resource r ON r.tenant = $1 AND r.rid = p.rid ORDER BY p.rid",
        )
        .bind(self.tenant)
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

    async fn write(&self, resources: Vec<Arc<Resource>>) -> Result<()> {
        let first = self.next.fetch_add(resources.len() as i64, Ordering::Relaxed);
        let copies: Vec<Copy> =
            resources.into_iter().zip(first..).map(|(resource, rid)| Copy { resource, rid }).collect();
        let columns = Columns::of(&copies);
        columns.query(first / 1000).execute(&self.pool).await?;
        Ok(())
    }
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// The rows of some resources, by columns.
#[derive(Default)]
struct Columns {
    rids: Vec<i64>,
    rkeys: Vec<i64>,
    types: Vec<String>,
    ids: Vec<String>,
    firsts: Vec<i32>,
    lasts: Vec<i32>,
    bodies: Vec<Vec<u8>>,
    keys: (Vec<i64>, Vec<i64>),
    references: (Vec<i64>, Vec<i64>, Vec<i64>),
    strings: (Vec<i64>, Vec<String>, Vec<i64>, Vec<i64>),
    dates: (Vec<i64>, Vec<i64>, Vec<i64>, Vec<i64>),
    numbers: (Vec<i64>, Vec<f64>, Vec<f64>, Vec<i64>),
}

impl Columns {
    fn of(copies: &[Copy]) -> Columns {
        let mut all = Columns::default();
        for copy in copies {
            let (it, rid) = (&copy.resource, copy.rid);
            all.rids.push(rid);
            all.rkeys.push(crate::request::mixed(rid as u64) as i64);
            all.types.push(it.of.clone());
            all.ids.push(copy.id());
            all.bodies.push(it.body.clone());
            all.firsts.push(all.keys.0.len() as i32 + 1);
            all.keys.extend(copy.keys().map(|key| (key, rid)));
            all.lasts.push(all.keys.0.len() as i32);
            all.references.extend(it.references.iter().map(|row| (row.0, row.1, rid)));
            all.strings.extend(it.strings.iter().map(|row| (row.0, row.1.clone(), row.2, rid)));
            all.dates.extend(it.dates.iter().map(|row| (row.0, row.1, row.2, rid)));
            all.numbers.extend(it.numbers.iter().map(|row| (row.0, row.1, row.2, rid)));
        }
        all
    }

    fn query(self, now: i64) -> Query<'static> {
        sqlx::query(WRITE)
            .bind(WRITTEN)
            .bind(now)
            .bind(self.keys.0)
            .bind(self.rids)
            .bind(self.rkeys)
            .bind(self.types)
            .bind(self.ids)
            .bind(self.firsts)
            .bind(self.lasts)
            .bind(self.bodies)
            .bind(self.keys.1)
            .bind(self.references.0)
            .bind(self.references.1)
            .bind(self.references.2)
            .bind(self.strings.0)
            .bind(self.strings.1)
            .bind(self.strings.2)
            .bind(self.strings.3)
            .bind(self.dates.0)
            .bind(self.dates.1)
            .bind(self.dates.2)
            .bind(self.dates.3)
            .bind(self.numbers.0)
            .bind(self.numbers.1)
            .bind(self.numbers.2)
            .bind(self.numbers.3)
    }
}

/// The resources created last, by type: the benchmark has just created them over HTTP.
async fn latest_of_each_type(connection: &mut PgConnection) -> Result<FxHashMap<String, Models>> {
    let mut created = FxHashMap::default();
    for of in ["Observation", "Patient"] {
        let rids = "SELECT rid FROM resource WHERE tenant <> $1 AND type = $2 ORDER BY rid DESC LIMIT $3";
        let rids: Vec<i64> =
            sqlx::query_scalar(rids).bind(WRITTEN).bind(of).bind(MODELS).fetch_all(&mut *connection).await?;
        created.insert(of.to_owned(), Models::new(read_all(connection, rids).await?)?);
    }
    Ok(created)
}

/// Resources spread over all.
async fn from_everywhere(connection: &mut PgConnection) -> Result<Vec<Arc<Resource>>> {
    let rids = "SELECT rid FROM (SELECT rid, row_number() OVER (ORDER BY rid) AS n, count(*) OVER () AS all_rows \
                FROM resource WHERE tenant <> $1) r WHERE n % (1 + all_rows / $2) = 0 ORDER BY rid";
    let rids: Vec<i64> = sqlx::query_scalar(rids).bind(WRITTEN).bind(4 * MODELS).fetch_all(&mut *connection).await?;
    read_all(connection, rids).await
}

async fn read_all(connection: &mut PgConnection, rids: Vec<i64>) -> Result<Vec<Arc<Resource>>> {
    let mut all = Vec::with_capacity(rids.len());
    for rid in rids {
        all.push(Arc::new(read(connection, rid).await?));
    }
    Ok(all)
}

/// The rows of the resource with this `rid`.
async fn read(connection: &mut PgConnection, rid: i64) -> Result<Resource> {
    let row = sqlx::query("SELECT type, body, keys, tenant FROM resource WHERE rid = $1 AND tenant <> $2");
    let row = row.bind(rid).bind(WRITTEN).fetch_one(&mut *connection).await?;
    let (keys, tenant): (Vec<i64>, i32) = (row.try_get(2)?, row.try_get(3)?);
    let unique: Vec<i64> = sqlx::query_scalar(
        "SELECT k FROM unnest($1::bigint[]) k WHERE (SELECT count(*) FROM (SELECT 1 FROM key WHERE tenant = $2 AND key = k LIMIT 2) h) = 1",
    )
    .bind(&keys)
    .bind(tenant)
    .fetch_all(&mut *connection)
    .await?;
    Ok(Resource {
        of: row.try_get(0)?,
        body: row.try_get(1)?,
        keys,
        unique: unique.into_iter().collect(),
        references: rows(connection, "SELECT param, target FROM reference WHERE tenant = $1 AND rid = $2", tenant, rid)
            .await?,
        strings: rows(connection, "SELECT param, norm, exact FROM string WHERE tenant = $1 AND rid = $2", tenant, rid)
            .await?,
        dates: rows(connection, "SELECT slot, low, high FROM date WHERE tenant = $1 AND rid = $2", tenant, rid).await?,
        numbers: rows(connection, "SELECT slot, low, high FROM number WHERE tenant = $1 AND rid = $2", tenant, rid)
            .await?,
    })
}

async fn rows<T>(connection: &mut PgConnection, statement: &'static str, tenant: i32, rid: i64) -> Result<Vec<T>>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    Ok(sqlx::query_as(statement).bind(tenant).bind(rid).fetch_all(connection).await?)
}
