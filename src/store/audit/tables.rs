//! What is read of an audit log's tables: the statements, and what their rows say, for both engines.

use super::block::{Block, Row};
use super::chain::{AuditKey, Head, Mac, NO_MAC};
use super::{AuditHead, AuditQuery, coding};
use crate::Result;
use crate::query::{Dialect, Sql};
use crate::rows::IndexHash;
use async_trait::async_trait;
use bytes::Bytes;
use sqlx::{ColumnIndex, Decode, Row as SqlRow, Type};

/// One tenant's log, as an engine reads it.
#[async_trait]
pub(crate) trait Log: Send + Sync {
    /// How the engine spells.
    fn dialect(&self) -> Dialect;
    /// What keys the hashes of the index.
    fn hash(&self) -> &IndexHash;
    /// What chains it.
    fn key(&self) -> &AuditKey;
    /// What [`ROW`] selects.
    async fn rows(&self, statement: Sql) -> Result<Vec<Row>>;
    /// What [`BLOCK`] selects.
    async fn blocks(&self, statement: Sql) -> Result<Vec<Block>>;
    /// The only row of a statement whose columns are counts.
    async fn count(&self, statement: Sql) -> Result<i64>;
    /// What is written and in no row yet, the newest first: so many of those whose first event stands before a place.
    async fn unchained(&self, before: i64, most: i64) -> Result<Vec<Unchained>>;
    /// When an event was written, by its place, in milliseconds since the epoch.
    fn time_of(&self, place: i64) -> i64;
    /// A place behind all that was written until a millisecond.
    fn place_after(&self, ms: i64) -> i64;
    /// The time, in milliseconds since the epoch.
    fn now(&self) -> i64;
    /// The head that the directory has.
    async fn head(&self) -> Result<Option<Head>>;
}

/// Events that are written and in no row yet.
pub(crate) struct Unchained {
    /// No other statement's, and none of its events stands before it.
    pub(crate) place: i64,
    pub(crate) mac: Mac,
    pub(crate) body: Bytes,
}

impl Unchained {
    /// Whether it is as it was written.
    pub(crate) fn is_true(&self, key: &AuditKey) -> bool {
        self.mac == key.unchained(self.place, &self.body) && coding::events(&self.body).is_some()
    }
}

/// The columns of a [`Row`].
pub(crate) const ROW: &str = "number, total, newest, low, high, mac, body";
/// The columns of a [`Block`].
pub(crate) const BLOCK: &str = "number, last, earlier, total, oldest, newest, low, high, before, mac, seal, body";

/// The rows that may have what is looked for.
pub(crate) fn tail(query: &AuditQuery) -> Sql {
    let mut sql = Sql::new(&format!("SELECT {ROW} FROM audit_row WHERE high >= ? AND low <= ? ORDER BY number"));
    sql.bind(query.from.unwrap_or(i64::MIN)).bind(query.until.unwrap_or(i64::MAX));
    sql
}

/// Of the blocks that may have what is looked for, by hashes of keys, and whose newest event stands before a place, the one
/// whose newest event stands last.
pub(crate) fn last_block(dialect: Dialect, query: &AuditQuery, keys: &[Vec<i64>], newest: i64) -> Sql {
    let mut sql = Sql::new(&format!(
        "SELECT {BLOCK} FROM audit_block b WHERE newest < ? AND oldest < ? AND high >= ? AND low <= ? AND body <> ?"
    ));
    sql.bind(newest).bind(query.before.map_or(i64::MAX, |it| it.0));
    sql.bind(query.from.unwrap_or(i64::MIN)).bind(query.until.unwrap_or(i64::MAX)).bind(Vec::<u8>::new());
    for keys in keys {
        let mut found = Sql::new(&format!("SELECT 1 FROM {}", dialect.list()));
        found.push(&dialect.then("audit_key k", "k.hash = w.value AND k.block = b.number")).bind(keys.clone());
        sql.push(" AND ").append(dialect.exists(found));
    }
    sql.push(" ORDER BY newest DESC").limit(1);
    sql
}

/// Of the blocks that have events from before a time and after it, the next by the time of its latest event.
pub(crate) fn block_of_time(at: i64, after: (i64, i64)) -> Sql {
    let mut sql = Sql::new(&format!(
        "SELECT {BLOCK} FROM audit_block WHERE high >= ? AND (high, number) > (?, ?) AND low <= ? AND body <> ? \
         ORDER BY high, number"
    ));
    sql.bind(at).bind(after.0).bind(after.1).bind(at).bind(Vec::<u8>::new()).limit(1);
    sql
}

/// What is written and in no row yet, the oldest first, behind a place.
pub(crate) fn waiting(after: i64, most: i64) -> Sql {
    let mut sql = Sql::new("SELECT place, mac, body FROM audit_new WHERE place > ? ORDER BY place");
    sql.bind(after).limit(most);
    sql
}

/// The same from the newest on, before a place.
pub(crate) fn waiting_before(before: i64, most: i64) -> Sql {
    let mut sql = Sql::new("SELECT place, mac, body FROM audit_new WHERE place < ? ORDER BY place DESC");
    sql.bind(before).limit(most);
    sql
}

/// Rows from a number on.
pub(crate) fn rows_from(number: i64, most: i64) -> Sql {
    let mut sql = Sql::new(&format!("SELECT {ROW} FROM audit_row WHERE number >= ? ORDER BY number"));
    sql.bind(number).limit(most);
    sql
}

/// The rows of these numbers.
pub(crate) fn rows_between(first: i64, last: i64) -> Sql {
    let mut sql = Sql::new(&format!("SELECT {ROW} FROM audit_row WHERE number BETWEEN ? AND ? ORDER BY number"));
    sql.bind(first).bind(last);
    sql
}

/// The first block that begins with a row of this number or a later one.
pub(crate) fn block_from(number: i64) -> Sql {
    let mut sql = Sql::new(&format!("SELECT {BLOCK} FROM audit_block WHERE number >= ? ORDER BY number"));
    sql.bind(number).limit(1);
    sql
}

/// The block that has a row, if it is sealed.
pub(crate) fn block_of(number: i64) -> Sql {
    let mut sql = Sql::new(&format!("SELECT {BLOCK} FROM audit_block WHERE number <= ? ORDER BY number DESC"));
    sql.bind(number).limit(1);
    sql
}

/// The oldest block behind a number whose events are all from before a time and not dropped yet.
pub(crate) fn block_before(ms: i64, after: i64) -> Sql {
    let mut sql = Sql::new(&format!(
        "SELECT {BLOCK} FROM audit_block WHERE high < ? AND number > ? AND body <> ? ORDER BY number"
    ));
    sql.bind(ms).bind(after).bind(Vec::<u8>::new()).limit(1);
    sql
}

/// How many rows and blocks have a lesser number than this.
pub(crate) fn below(table: &str, number: i64) -> Sql {
    let mut sql = Sql::new(&format!("SELECT count(*) FROM {table} WHERE number < ?"));
    sql.bind(number);
    sql
}

/// How many of these keys the index has of a block.
pub(crate) fn indexed(dialect: Dialect, block: i64, keys: Vec<i64>) -> Sql {
    let found = dialect.then("audit_key k", "k.hash = w.value AND k.block = ?");
    let mut sql = Sql::new(&format!("SELECT count(*) FROM {}{found}", dialect.list()));
    sql.bind(keys).bind(block);
    sql
}

/// Reads a row of [`ROW`].
pub(crate) fn row<R>(row: &R, key: &AuditKey) -> Result<Row>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Row {
        number: row.try_get(0)?,
        total: row.try_get(1)?,
        newest: row.try_get(2)?,
        low: row.try_get(3)?,
        high: row.try_get(4)?,
        mac: mac(row.try_get(5)?),
        body: key.decrypted(&row.try_get::<Vec<u8>, _>(6)?.into()),
    })
}

/// Reads a row of [`BLOCK`].
pub(crate) fn block<R>(row: &R) -> Result<Block>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Block {
        number: row.try_get(0)?,
        last: row.try_get(1)?,
        earlier: row.try_get(2)?,
        total: row.try_get(3)?,
        oldest: row.try_get(4)?,
        newest: row.try_get(5)?,
        low: row.try_get(6)?,
        high: row.try_get(7)?,
        before: mac(row.try_get(8)?),
        mac: mac(row.try_get(9)?),
        seal: mac(row.try_get(10)?),
        body: Bytes::from(row.try_get::<Vec<u8>, _>(11)?),
    })
}

/// Reads a row of `place, mac, body`.
pub(crate) fn unchained<R>(row: &R, key: &AuditKey) -> Result<Unchained>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let body = key.decrypted(&row.try_get::<Vec<u8>, _>(2)?.into());
    Ok(Unchained { place: row.try_get(0)?, mac: mac(row.try_get(1)?), body })
}

/// Reads a row of `row, events, hash, at, signature`.
pub(crate) fn head<R>(row: &R) -> Result<Head>
where
    R: SqlRow,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let at =
        AuditHead { row: row.try_get(0)?, events: row.try_get(1)?, hash: mac(row.try_get(2)?), at: row.try_get(3)? };
    Ok(Head { at, signature: mac(row.try_get(4)?) })
}

/// A hash as a column has it. One of another length is none that was written: what reads goes on, and who compares it finds
/// that it is another.
fn mac(bytes: Vec<u8>) -> Mac {
    bytes.try_into().unwrap_or(NO_MAC)
}
