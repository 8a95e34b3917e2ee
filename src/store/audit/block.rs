//! Rows, and the blocks that they are sealed into.

use super::chain::{AuditKey, Mac, Of, START};
use super::coding::{self, Event, append, part};
use crate::{Error, Result};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read, Write};

/// From so many events or bytes on the rows that are in no block yet are sealed: a search looks at each of them.
const EVENTS: i64 = 2048;
const BYTES: i64 = 4 << 20;

/// What is kept cannot be read as what was written.
pub(crate) const NO_EVENTS: Error = Error::Audit("what is kept is not what was written");

/// Whether as much is in no block yet as makes one.
pub(crate) fn is_full(events: i64, bytes: i64) -> bool {
    events >= EVENTS || bytes >= BYTES
}

/// What one group commit wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Counted from 1.
    pub(crate) number: i64,
    /// How many events there are up to its end.
    pub(crate) total: i64,
    /// The greatest place of an event.
    pub(crate) newest: i64,
    /// The times of the earliest event and the latest.
    pub(crate) low: i64,
    pub(crate) high: i64,
    pub(crate) mac: Mac,
    pub(crate) body: Bytes,
}

impl Row {
    /// The row behind one with this number, hash and total; `None` if these bytes are no events.
    pub(crate) fn after(key: &AuditKey, number: i64, mac: &Mac, total: i64, body: Bytes) -> Option<Row> {
        let events = coding::events(body.clone())?;
        let (number, total) = (number.checked_add(1)?, total.checked_add(events.len() as i64)?);
        Some(Row {
            number,
            total,
            newest: events.iter().map(|it| it.place).max()?,
            low: events.iter().map(|it| it.at).min()?,
            high: events.iter().map(|it| it.at).max()?,
            mac: key.row(mac, number, total, &body),
            body,
        })
    }
}

/// Rows that were sealed. Once their time is over, all of it stays but the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The numbers of the first row and the last.
    pub(crate) number: i64,
    pub(crate) last: i64,
    /// How many events there are before its first row, and up to the end of its last.
    pub(crate) earlier: i64,
    pub(crate) total: i64,
    /// The least place of an event, the greatest, and the times: see [`Row`].
    pub(crate) oldest: i64,
    pub(crate) newest: i64,
    pub(crate) low: i64,
    pub(crate) high: i64,
    /// The hash of the row before its first, and that of its last.
    pub(crate) before: Mac,
    pub(crate) mac: Mac,
    /// The hash of all of it, so that what stays of it when its events are dropped is still known to be true.
    pub(crate) seal: Mac,
    /// The rows' bodies, each with its length, compressed; empty once they are dropped.
    pub(crate) body: Bytes,
}

impl Block {
    /// Seals rows that follow on each other, behind one with this hash; `None` where there are none.
    pub(crate) fn seal(key: &AuditKey, before: Mac, earlier: i64, rows: &[Row]) -> Result<Option<Block>> {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let mut plain = Vec::new();
        let (mut oldest, mut number, mut mac, mut total) = (last.newest, first.number - 1, before, earlier);
        for row in rows {
            // What is not as it was written is left as it is, for a verification to find.
            if Row::after(key, number, &mac, total, row.body.clone()).as_ref() != Some(row) {
                return Err(NO_EVENTS);
            }
            (number, mac, total) = (row.number, row.mac, row.total);
            append(&mut plain, &row.body);
            let events = coding::events(row.body.clone()).ok_or(NO_EVENTS)?;
            oldest = events.iter().map(|it| it.place).min().unwrap_or(oldest).min(oldest);
        }
        let mut block = Block {
            number: first.number,
            last: last.number,
            earlier,
            total: last.total,
            oldest,
            newest: rows.iter().map(|it| it.newest).max().unwrap_or(0),
            low: rows.iter().map(|it| it.low).min().unwrap_or(0),
            high: rows.iter().map(|it| it.high).max().unwrap_or(0),
            before,
            mac: last.mac,
            seal: START,
            body: packed(&plain).map_err(|_| Error::Audit("a block cannot be compressed"))?.into(),
        };
        block.seal = block.sealed(key);
        Ok(Some(block))
    }

    /// What stays of it when its events are dropped.
    pub(crate) fn stub(&self, key: &AuditKey) -> Block {
        let mut stub = Block { body: Bytes::new(), ..self.clone() };
        stub.seal = stub.sealed(key);
        stub
    }

    /// Whether its events were dropped.
    pub(crate) fn is_stub(&self) -> bool {
        self.body.is_empty()
    }

    /// The hash that its seal must be.
    pub(crate) fn sealed(&self, key: &AuditKey) -> Mac {
        let numbers = [self.number, self.last, self.earlier, self.total, self.oldest, self.newest, self.low, self.high];
        let numbers: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
        key.mac(Of::Block, &[&numbers, &self.before, &self.mac, &self.body])
    }

    /// Its rows, with their hashes made anew; `None` if it is not what was sealed.
    pub(crate) fn rows(&self, key: &AuditKey) -> Option<Vec<Row>> {
        if self.seal != self.sealed(key) {
            return None;
        }
        if self.is_stub() {
            return Some(Vec::new());
        }
        let mut plain = Vec::new();
        ZlibDecoder::new(self.body.as_ref()).read_to_end(&mut plain).ok()?;
        let mut plain = Bytes::from(plain);
        let (mut rows, mut mac, mut total) = (Vec::new(), self.before, self.earlier);
        while !plain.is_empty() {
            let number = self.number - 1 + rows.len() as i64;
            let row = Row::after(key, number, &mac, total, part(&mut plain)?)?;
            (mac, total) = (row.mac, row.total);
            rows.push(row);
        }
        Some(rows)
    }

    /// Its events, in the order of the log.
    pub(crate) fn events(&self, key: &AuditKey) -> Option<Vec<Event>> {
        self.rows(key)?.into_iter().map(|it| coding::events(it.body)).collect::<Option<Vec<_>>>().map(|it| it.concat())
    }

    /// What its events can be found by, each once.
    pub(crate) fn keys(&self, key: &AuditKey) -> Option<Vec<i64>> {
        let mut keys: Vec<i64> = self.events(key)?.into_iter().flat_map(|it| it.keys).collect();
        keys.sort_unstable();
        keys.dedup();
        Some(keys)
    }
}

fn packed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}
