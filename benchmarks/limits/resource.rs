//! The rows of a resource, taken from a real database and written to another.

use crate::request::mixed;
use anyhow::Result;
use rustc_hash::FxHashSet;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Connection, Row, SqliteConnection};
use std::sync::Arc;

/// All rows that one resource has.
#[derive(Clone, Default)]
pub struct Resource {
    pub(super) of: String,
    pub(super) body: Vec<u8>,
    pub(super) keys: Vec<i64>,
    /// Those of `keys` that no other resource has, such as an identifier's: each copy gets its own.
    pub(super) unique: FxHashSet<i64>,
    pub(super) references: Vec<(i64, i64)>,
    pub(super) strings: Vec<(i64, String, i64)>,
    pub(super) dates: Vec<(i64, i64, i64)>,
    pub(super) numbers: Vec<(i64, f64, f64)>,
}

impl Resource {
    /// The rows of the resource with this `rid`.
    pub async fn read(connection: &mut SqliteConnection, rid: i64) -> Result<Resource> {
        let row =
            sqlx::query("SELECT type, body, keys FROM resource WHERE rid = ?").bind(rid).fetch_one(&mut *connection);
        let row = row.await?;
        let packed: Vec<u8> = row.try_get(2)?;
        let keys: Vec<i64> = packed.as_chunks::<8>().0.iter().map(|it| i64::from_le_bytes(*it)).collect();
        let mut unique = FxHashSet::default();
        for key in &keys {
            let holders = sqlx::query("SELECT rid FROM key WHERE key = ? LIMIT 2").bind(key);
            if holders.fetch_all(&mut *connection).await?.len() == 1 {
                unique.insert(*key);
            }
        }
        Ok(Resource {
            of: row.try_get(0)?,
            body: row.try_get(1)?,
            keys,
            unique,
            references: rows(connection, "SELECT param, target FROM reference WHERE rid = ?", rid).await?,
            strings: rows(connection, "SELECT param, norm, exact FROM string WHERE rid = ?", rid).await?,
            dates: rows(connection, "SELECT slot, low, high FROM date WHERE rid = ?", rid).await?,
            numbers: rows(connection, "SELECT slot, low, high FROM number WHERE rid = ?", rid).await?,
        })
    }
}

async fn rows<T>(connection: &mut SqliteConnection, statement: &'static str, rid: i64) -> Result<Vec<T>>
where
    T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
{
    Ok(sqlx::query_as(statement).bind(rid).fetch_all(connection).await?)
}

/// A resource about to be written again, under a number of its own.
pub struct Copy {
    /// What is written.
    pub resource: Arc<Resource>,
    /// Its row number, which also makes its id and unique keys.
    pub rid: i64,
}

impl Copy {
    pub(super) fn id(&self) -> String {
        let (high, low) = (mixed(self.rid as u64), mixed(!self.rid as u64));
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = i64> {
        let new = |it: i64| mixed((it ^ self.rid) as u64) as i64;
        self.resource.keys.iter().map(move |it| if self.resource.unique.contains(it) { new(*it) } else { *it })
    }
}

/// Writes all rows of the copies, a statement for each table and chunk of rows, without a transaction of its own.
pub async fn write(connection: &mut SqliteConnection, copies: &[Copy], seq: i64) -> Result<()> {
    let now = seq / 1000;
    let rows = copies.iter().map(|it| (it, it.keys().flat_map(i64::to_le_bytes).collect::<Vec<u8>>()));
    insert(connection, &RESOURCE, rows.collect(), |(it, keys), to| {
        to.add(it.rid)?;
        to.add(mixed(it.rid as u64) as i64)?;
        to.add(it.resource.of.clone())?;
        to.add(it.id())?;
        to.add(1_i64)?;
        to.add(now)?;
        to.add(1_i64)?;
        to.add(keys.clone())?;
        to.add(it.resource.body.clone())
    })
    .await?;
    let mut keys: Vec<(i64, i64)> = copies.iter().flat_map(|it| it.keys().map(|key| (key, it.rid))).collect();
    // In the order of the tree, neighbours share a page.
    keys.sort_unstable();
    insert(connection, &KEY, keys, |it, to| {
        to.add(it.0)?;
        to.add(it.1)
    })
    .await?;
    insert(connection, &REFERENCE, of_each(copies, |it| &it.references), |(rid, it), to| {
        to.add(it.0)?;
        to.add(it.1)?;
        to.add(*rid)
    })
    .await?;
    insert(connection, &STRING, of_each(copies, |it| &it.strings), |(rid, it), to| {
        to.add(*rid)?;
        to.add(it.0)?;
        to.add(it.1.clone())?;
        to.add(it.2)
    })
    .await?;
    insert(connection, &DATE, of_each(copies, |it| &it.dates), |(rid, it), to| {
        to.add(*rid)?;
        to.add(it.0)?;
        to.add(it.1)?;
        to.add(it.2)
    })
    .await?;
    insert(connection, &NUMBER, of_each(copies, |it| &it.numbers), |(rid, it), to| {
        to.add(*rid)?;
        to.add(it.0)?;
        to.add(it.1)?;
        to.add(it.2)
    })
    .await?;
    let changes = copies.iter().zip(seq..).collect();
    insert(connection, &CHANGE, changes, |(it, seq): &(&Copy, i64), to| {
        to.add(*seq)?;
        to.add(it.rid)?;
        to.add(1_i64)?;
        to.add(now)?;
        to.add(it.resource.of.clone())
    })
    .await
}

/// The rows of one kind of all copies, with their `rid`.
fn of_each<T>(copies: &[Copy], kind: impl Fn(&Resource) -> &Vec<T>) -> Vec<(i64, &T)> {
    copies.iter().flat_map(|it| kind(&it.resource).iter().map(|row| (it.rid, row))).collect()
}

/// A table as it is written to.
struct Table {
    lead: &'static str,
    width: usize,
    /// Rows in a statement, the most first: few sizes, so that each statement is prepared once.
    chunks: &'static [usize],
}

const NARROW: &[usize] = &[256, 32, 4, 1];
const RESOURCE: Table = Table {
    lead: "INSERT INTO resource (rid, rkey, type, id, version, updated, method, keys, body) VALUES ",
    width: 9,
    chunks: &[8, 1],
};
const KEY: Table = Table { lead: "INSERT INTO key (key, rid) VALUES ", width: 2, chunks: NARROW };
const REFERENCE: Table = Table { lead: "INSERT INTO reference (param, target, rid) VALUES ", width: 3, chunks: NARROW };
const STRING: Table = Table { lead: "INSERT INTO string (rid, param, norm, exact) VALUES ", width: 4, chunks: NARROW };
const DATE: Table = Table { lead: "INSERT INTO date (rid, slot, low, high) VALUES ", width: 4, chunks: NARROW };
const NUMBER: Table = Table { lead: "INSERT INTO number (rid, slot, low, high) VALUES ", width: 4, chunks: NARROW };
const CHANGE: Table =
    Table { lead: "INSERT INTO change (seq, rid, version, updated, type) VALUES ", width: 5, chunks: NARROW };

type Bound = Result<(), sqlx::error::BoxDynError>;

async fn insert<T>(
    connection: &mut SqliteConnection,
    table: &Table,
    rows: Vec<T>,
    bind: impl Fn(&T, &mut SqliteArguments) -> Bound,
) -> Result<()> {
    let group = format!("({})", vec!["?"; table.width].join(", "));
    let mut rest = rows.as_slice();
    while let Some(size) = table.chunks.iter().find(|it| **it <= rest.len()) {
        let (chunk, behind) = rest.split_at(*size);
        rest = behind;
        let statement = format!("{}{}", table.lead, vec![group.as_str(); *size].join(", "));
        let mut arguments = SqliteArguments::default();
        for row in chunk {
            bind(row, &mut arguments).map_err(|it| anyhow::anyhow!(it))?;
        }
        sqlx::query_with(AssertSqlSafe(statement), arguments).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The greatest row number and place in the change log.
pub async fn last(connection: &mut SqliteConnection) -> Result<(i64, i64)> {
    let last = sqlx::query_as(
        "SELECT (SELECT coalesce(max(rid), 0) FROM resource), (SELECT coalesce(max(seq), 0) FROM change)",
    );
    Ok(last.fetch_one(connection).await?)
}

/// Opens a file as the server does: a commit returns when it is on disk.
pub fn options(file: &std::path::Path) -> sqlx::sqlite::SqliteConnectOptions {
    sqlx::sqlite::SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
        .busy_timeout(std::time::Duration::from_secs(10))
        .pragma("cache_size", "-65536")
        .pragma("mmap_size", "1099511627776")
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", "4096")
        .pragma("journal_size_limit", "67108864")
        .statement_cache_capacity(256)
}

/// Runs SQL that answers nothing.
pub async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
    sqlx::query(statement).execute(connection).await?;
    Ok(())
}

/// A connection to a file.
pub async fn connect(file: &std::path::Path) -> Result<SqliteConnection> {
    Ok(SqliteConnection::connect_with(&options(file)).await?)
}
