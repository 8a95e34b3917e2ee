//! Who the tenants are and where their records are kept. Its role sees no records.

use super::attempts::Attempts;
use super::budget::Budget;
use super::connections::{Connections, Purpose, Taken};
use super::owner::Owner;
use super::residence::{Residence, Spot, verify_standby};
use super::schema::{self, Kind};
use super::target::Target;
use crate::audit::{Head, tables};
use crate::keys::{Kept, Shelf, Wrapped};
use crate::{Error, Result};
use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::error::Elapsed;

/// What is read of a tenant.
const COLUMNS: &str = "name, number, index_key, page_key, token_key, wrapped, wrapped_by, database, schema, region, attempt, residence, standby, \
     (SELECT id::text FROM installation) AS installation";
/// The most connections of a node.
const CONNECTIONS: u32 = 4;
/// How long a look into the directory may take.
const TIME: Duration = Duration::from_secs(10);

pub(super) struct Directory {
    pub(super) connections: Connections,
}

/// What the directory says of a tenant.
pub(super) struct Entry {
    pub(super) name: Arc<str>,
    pub(super) kept: Kept,
    /// The tenant in every clinical table.
    pub(super) number: i32,
    pub(super) spot: Spot,
    /// What the place's region is called.
    pub(super) region: Option<String>,
    /// Counts whoever took the tenant in hand to move it, or to open its place again.
    pub(super) attempt: i64,
    /// Counts the places that it had.
    pub(super) residence: i64,
    /// The URL of a standby of the place's own database.
    pub(super) standby: Option<String>,
    /// Which directory this is.
    pub(super) installation: String,
}

impl Entry {
    pub(super) fn owner(&self) -> Owner {
        Owner { number: self.number, installation: self.installation.clone() }
    }
}

impl Directory {
    /// Opens the directory, made and brought up to date if need be.
    pub(super) async fn open(target: &Target) -> Result<Directory> {
        schema::migrate(target, schema::DIRECTORY, Kind::Directory).await?;
        let setup = schema::entering(schema::DIRECTORY, Kind::Directory)?;
        let budget = Budget::new(CONNECTIONS);
        Ok(Directory { connections: Connections::new(target.clone(), &setup, &budget, TIME, Purpose::Truth) })
    }

    /// The connections to its database.
    pub(super) fn budget(&self) -> &Budget {
        self.connections.budget()
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
        let text = format!("SELECT {COLUMNS} FROM tenant WHERE name = $1");
        let find = || sqlx::query(AssertSqlSafe(text.clone())).bind(name);
        self.fetch(find).await?.first().map(entry).transpose()
    }

    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let rows = self.fetch(|| sqlx::query("SELECT name FROM tenant ORDER BY name")).await?;
        Ok(rows.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<_>>()?)
    }

    /// Where records are: the shared schema, and whatever else tenants have.
    pub(super) async fn spots(&self) -> Result<Vec<Spot>> {
        let all = "SELECT DISTINCT database, schema FROM tenant ORDER BY database NULLS FIRST, schema";
        let rows = self.fetch(|| sqlx::query(all)).await?;
        let mut all = rows.iter().map(spot).collect::<Result<Vec<_>>>()?;
        if !all.contains(&Spot::pool()) {
            all.push(Spot::pool());
        }
        Ok(all)
    }

    /// Succeeds if the database answers and takes writes.
    pub(super) async fn ping(&self) -> Result<()> {
        if self.takes_writes().await? {
            return Ok(());
        }
        // That was a connection to what is the primary no more, or nothing is written anywhere.
        self.connections.forget();
        if self.takes_writes().await? { Ok(()) } else { Err(Error::ReadOnly) }
    }

    async fn takes_writes(&self) -> Result<bool> {
        let ask = "SELECT NOT current_setting('transaction_read_only')::bool, EXISTS (SELECT FROM tenant)";
        let rows = self.fetch(|| sqlx::query(ask)).await?;
        Ok(rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?)
    }

    /// Enters a tenant that is to be kept there; `false` if the name is taken.
    pub(super) async fn enter(
        &self,
        name: &str,
        wrapped: &Wrapped,
        now_ms: i64,
        residence: &Residence,
    ) -> Result<bool> {
        let text = "WITH n AS (SELECT nextval('tenant_number_seq')::int AS number) \
             INSERT INTO tenant (number, name, created, index_key, page_key, token_key, wrapped, wrapped_by, placement, schema, \
             database, region, standby) \
             OVERRIDING SYSTEM VALUE SELECT number, $1, $2, '', '', '', $3, $4, $5, replace($6, '{}', number::text), $7, $8, $9 \
             FROM n WHERE NOT EXISTS (SELECT FROM erased WHERE name = $1) ON CONFLICT (name) DO NOTHING";
        let enter = || {
            let query = sqlx::query(text).bind(name).bind(now_ms).bind(wrapped.bytes.as_slice()).bind(&wrapped.by);
            let query = query.bind(residence.placement.word()).bind(residence.schema_pattern());
            let query = query.bind(residence.url.as_deref()).bind(residence.region.as_deref());
            query.bind(residence.standby.as_deref())
        };
        self.change(enter).await
    }

    /// Takes a tenant in hand: whoever did so before can no longer change where it is. `None` if there is no such tenant.
    pub(super) async fn take(&self, name: &str) -> Result<Option<Entry>> {
        let text = format!("UPDATE tenant SET attempt = attempt + 1 WHERE name = $1 RETURNING {COLUMNS}");
        // Made twice it does no harm.
        let take = || sqlx::query(AssertSqlSafe(text.clone())).bind(name);
        self.fetch(take).await?.first().map(entry).transpose()
    }

    /// Says that a tenant is at another place from now on, which tells every node, and that its former one is left behind, to be
    /// kept or not; `None` if somebody else has taken it in hand since.
    pub(super) async fn point(&self, entry: &Entry, residence: &Residence, keep: bool) -> Result<Option<Entry>> {
        let mut taken = self.connections.take().await?;
        let text = format!(
            "WITH pointed AS (UPDATE tenant SET placement = $3, schema = $4, database = $5, region = $6, standby = $7, \
               attempt = attempt + 1, residence = residence + 1 WHERE name = $1 AND attempt = $2 RETURNING {COLUMNS}), \
             arrived AS (DELETE FROM remnant r USING pointed p \
               WHERE r.tenant = p.number AND r.schema = p.schema AND r.database IS NOT DISTINCT FROM p.database), \
             left_behind AS (INSERT INTO remnant (tenant, schema, database, kept) SELECT number, $8, $9, $10 FROM pointed \
               ON CONFLICT (tenant, schema, database) DO UPDATE SET kept = excluded.kept) \
             SELECT * FROM pointed"
        );
        let spot = residence.spot(entry.number);
        let row = sqlx::query(AssertSqlSafe(text))
            .bind(&*entry.name)
            .bind(entry.attempt)
            .bind(residence.placement.word())
            .bind(spot.schema)
            .bind(spot.database)
            .bind(residence.region.as_deref())
            .bind(residence.standby.as_deref())
            .bind(&entry.spot.schema)
            .bind(&entry.spot.database)
            .bind(keep)
            .fetch_optional(&mut taken.connection)
            .await?;
        taken.commit().await?;
        taken.give_back();
        row.as_ref().map(self::entry).transpose()
    }

    /// Enters the standby of the place that a tenant has in another database.
    pub(super) async fn stand_by(&self, name: &str, standby: Option<&str>) -> Result<()> {
        let entry = self.find(name).await?.ok_or_else(|| Error::CannotStandBy("there is no such tenant".to_owned()))?;
        verify_standby(entry.spot.database.is_some(), standby).map_err(Error::CannotStandBy)?;
        let enter = || sqlx::query("UPDATE tenant SET standby = $2 WHERE name = $1").bind(name).bind(standby);
        self.fetch(enter).await.map(drop)
    }

    /// Where a tenant's audit log was lately.
    pub(super) async fn audit_head(&self, tenant: i32) -> Result<Option<Head>> {
        let find = "SELECT number, events, hash, at, signature FROM audit_head WHERE tenant = $1";
        self.fetch(|| sqlx::query(find).bind(tenant)).await?.first().map(tables::head).transpose()
    }

    /// Enters where a tenant's audit log is, never an earlier head over a later one.
    pub(super) async fn put_audit_head(&self, tenant: i32, head: &Head) -> Result<()> {
        let put = "INSERT INTO audit_head AS h (tenant, number, events, hash, at, signature) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (tenant) DO UPDATE SET number = excluded.number, events = excluded.events, hash = excluded.hash, \
             at = excluded.at, signature = excluded.signature WHERE h.number < excluded.number";
        let at = head.at;
        // Made twice it does no harm.
        let put = || {
            let query = sqlx::query(put).bind(tenant).bind(at.row).bind(at.events).bind(at.hash.to_vec());
            query.bind(at.at).bind(head.signature.to_vec())
        };
        self.fetch(put).await.map(drop)
    }

    pub(super) async fn close(&self) {
        self.connections.close().await;
    }

    /// Runs a statement that changes something, again if others are in the way; whether it did.
    pub(super) async fn change<'q>(&self, query: impl Fn() -> Query<'q, Postgres, PgArguments>) -> Result<bool> {
        let mut attempts = Attempts::default();
        loop {
            let done = self.change_once(query()).await;
            let Some(rest) = done.as_ref().err().and_then(|it| attempts.after(it)) else { return done };
            tokio::time::sleep(rest).await;
        }
    }

    async fn change_once(&self, query: Query<'_, Postgres, PgArguments>) -> Result<bool> {
        let mut taken = self.connections.take().await?;
        let work = async {
            let done = query.execute(&mut taken.connection).await?;
            taken.commit().await?;
            Ok::<_, sqlx::Error>(done)
        };
        let done = tokio::time::timeout(self.connections.patience(), work).await;
        Ok(ended(taken, done)?.rows_affected() > 0)
    }

    /// Runs a query that changes nothing that matters; once more if the connection turned out to be broken, and again if
    /// others are in the way.
    pub(super) async fn fetch<'q>(&self, query: impl Fn() -> Query<'q, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        let mut attempts = Attempts::default();
        loop {
            let done = self.fetch_once(&query).await;
            let Some(rest) = done.as_ref().err().and_then(|it| attempts.after(it)) else { return done };
            tokio::time::sleep(rest).await;
        }
    }

    async fn fetch_once<'q>(&self, query: impl Fn() -> Query<'q, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        // The broken one has made room by then: there are few, and all may be broken.
        match self.fetch_on(self.connections.take().await?, query()).await {
            Err(error) if error.is_connection_lost() => {
                self.fetch_on(self.connections.take_new().await?, query()).await
            }
            rows => rows,
        }
    }

    async fn fetch_on(&self, mut taken: Taken<'_>, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        let work = async {
            let rows = query.fetch_all(&mut taken.connection).await?;
            taken.commit().await?;
            Ok::<_, sqlx::Error>(rows)
        };
        let rows = tokio::time::timeout(self.connections.patience(), work).await;
        ended(taken, rows)
    }
}

/// What came of work on a connection, which is closed if the work failed.
fn ended<T>(taken: Taken<'_>, done: Result<sqlx::Result<T>, Elapsed>) -> Result<T> {
    let done = done.map_or(Err(Error::Silent), |it| it.map_err(Error::from));
    match &done {
        Ok(_) => taken.give_back(),
        Err(error) => taken.lose(error),
    }
    done
}

#[async_trait]
impl Shelf for Directory {
    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>> {
        let rows = self.fetch(|| sqlx::query("SELECT name, wrapped_by FROM tenant ORDER BY name")).await?;
        Ok(rows.iter().map(|it| Ok((it.try_get(0)?, it.try_get(1)?))).collect::<sqlx::Result<_>>()?)
    }

    async fn kept(&self, name: &str) -> Result<Option<Kept>> {
        Ok(self.find(name).await?.map(|it| it.kept))
    }

    async fn signing_key(&self) -> Result<Option<Wrapped>> {
        let rows = self.fetch(|| sqlx::query("SELECT wrapped_by, wrapped FROM signing_key")).await?;
        let read = |row: &PgRow| Ok(Wrapped { by: row.try_get(0)?, bytes: row.try_get(1)? });
        rows.first().map(read).transpose()
    }

    async fn exchange_signing_key(&self, before: Option<&Wrapped>, after: &Wrapped) -> Result<bool> {
        let text = "INSERT INTO signing_key AS s VALUES ('signing', $1, $2) ON CONFLICT (name) DO UPDATE \
             SET wrapped = excluded.wrapped, wrapped_by = excluded.wrapped_by WHERE s.wrapped = $3";
        let former = before.map(|it| it.bytes.as_slice());
        self.change(|| sqlx::query(text).bind(&after.bytes).bind(&after.by).bind(former)).await
    }

    async fn exchange(&self, name: &str, before: &Kept, after: &Wrapped) -> Result<bool> {
        let text = "UPDATE tenant SET wrapped = $2, wrapped_by = $3, index_key = '', page_key = '', token_key = '' \
             WHERE name = $1 AND wrapped IS NOT DISTINCT FROM $4";
        let former = before.wrapped().map(|it| it.bytes.as_slice());
        self.change(|| sqlx::query(text).bind(name).bind(&after.bytes).bind(&after.by).bind(former)).await
    }
}

fn entry(row: &PgRow) -> Result<Entry> {
    Ok(Entry {
        name: row.try_get::<String, _>("name")?.into(),
        kept: kept(row)?,
        number: row.try_get("number")?,
        spot: spot(row)?,
        region: row.try_get("region")?,
        attempt: row.try_get("attempt")?,
        residence: row.try_get("residence")?,
        standby: row.try_get("standby")?,
        installation: row.try_get("installation")?,
    })
}

fn kept(row: &PgRow) -> Result<Kept> {
    if let Some(bytes) = row.try_get("wrapped")? {
        return Ok(Kept::Wrapped(Wrapped { by: row.try_get("wrapped_by")?, bytes }));
    }
    Kept::bare(row.try_get("index_key")?, row.try_get("page_key")?, row.try_get("token_key")?)
}

fn spot(row: &PgRow) -> Result<Spot> {
    Ok(Spot { database: row.try_get("database")?, schema: row.try_get("schema")? })
}
