//! Rows, and the blocks that they are sealed into.

use super::chain::{AuditKey, Mac, Of, START};
use super::coding::{Event, Events, append, part};
use crate::{Error, Result};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{Read, Write};

/// From so many events or bytes on the rows that are in no block yet are sealed: a search looks at each of them.
const EVENTS: i64 = 2048;
const BYTES: i64 = 4 << 20;

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
        let mut span = Span::default();
        Events(&body).try_for_each(|it| it.map(|it| span.take(&it)))?;
        let (number, total) = (number.checked_add(1)?, total.checked_add(span.events)?);
        let Span { newest, low, high, .. } = span;
        (span.events > 0).then(|| Row {
            number,
            total,
            newest,
            low,
            high,
            mac: key.row(mac, number, total, &body),
            body,
        })
    }
}

/// Where events stand and when they were.
#[derive(Clone, Copy)]
struct Span {
    events: i64,
    oldest: i64,
    newest: i64,
    low: i64,
    high: i64,
}

impl Default for Span {
    fn default() -> Span {
        Span { events: 0, oldest: i64::MAX, newest: i64::MIN, low: i64::MAX, high: i64::MIN }
    }
}

impl Span {
    fn take(&mut self, event: &Event<'_>) {
        self.events += 1;
        (self.oldest, self.newest) = (self.oldest.min(event.place), self.newest.max(event.place));
        (self.low, self.high) = (self.low.min(event.at), self.high.max(event.at));
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
    /// The rows' bodies, each with its length, compressed and then encrypted; empty once they are dropped.
    pub(crate) body: Bytes,
}

impl Block {
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
        ZlibDecoder::new(key.decrypted(&self.body).as_ref()).read_to_end(&mut plain).ok()?;
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

    /// Whether it is what was written: its [`Block::rows`] come to where it says; of dropped ones nothing is known but the
    /// seal.
    pub(crate) fn is_true(&self, rows: Option<&[Row]>) -> bool {
        match rows {
            None => false,
            Some(_) if self.is_stub() => self.last >= self.number,
            Some(rows) => {
                rows.last().is_some_and(|it| (it.number, it.mac, it.total) == (self.last, self.mac, self.total))
            }
        }
    }

    /// What its events can be found by; `None` if it is not what was sealed.
    pub(crate) fn keys(&self, key: &AuditKey) -> Option<Vec<i64>> {
        self.rows(key).map(|it| keys_of(&it))
    }

    /// The same, if it is what was written.
    pub(crate) fn true_keys(&self, key: &AuditKey) -> Option<Vec<i64>> {
        self.rows(key).filter(|it| self.is_true(Some(it))).map(|it| keys_of(&it))
    }
}

/// What the events of a block's rows can be found by, each once.
pub(super) fn keys_of(rows: &[Row]) -> Vec<i64> {
    told_by(rows.iter()).1
}

/// Where the events of rows stand, and what they can be found by, each key once.
fn told_by<'r>(rows: impl Iterator<Item = &'r Row>) -> (Span, Vec<i64>) {
    let (mut span, mut keys) = (Span::default(), Vec::new());
    for event in rows.flat_map(|it| Events(&it.body).flatten()) {
        span.take(&event);
        keys.extend(event.keys());
    }
    keys.sort_unstable();
    keys.dedup();
    (span, keys)
}

/// A block that was made, on its way into a log.
pub(crate) struct Sealed {
    pub(crate) block: Block,
    /// What the index is to have of it.
    pub(crate) keys: Vec<i64>,
    /// Whether its rows are what was written.
    pub(crate) is_true: bool,
}

impl Sealed {
    /// Seals rows, behind one of this number, hash and total. Those that follow on each other become one block, until it has
    /// enough. One that is not what was written, or stands behind a gap, becomes one alone: so it is still there for a
    /// verification to find, and the rest goes on.
    pub(crate) fn of(key: &AuditKey, (number, mac, total): (i64, Mac, i64), rows: &[Row]) -> Result<Vec<Sealed>> {
        let (mut number, mut mac, mut total, mut lots) = (number, mac, total, Vec::<Lot<'_>>::new());
        for row in rows {
            let is_true = Row::after(key, number, &mac, total, row.body.clone()).as_ref() == Some(row);
            match lots.last_mut() {
                Some(lot) if is_true && lot.has_room() => lot.add(row),
                _ => {
                    let mut lot = Lot { before: mac, earlier: total, is_true, rows: Vec::new(), bytes: 0 };
                    lot.add(row);
                    lots.push(lot);
                }
            }
            (number, mac, total) = (row.number, row.mac, row.total);
        }
        lots.iter().filter_map(|it| it.sealed(key).transpose()).collect()
    }
}

/// Rows that become one block.
struct Lot<'r> {
    before: Mac,
    earlier: i64,
    /// Whether they are what was written.
    is_true: bool,
    rows: Vec<&'r Row>,
    bytes: usize,
}

impl<'r> Lot<'r> {
    fn add(&mut self, row: &'r Row) {
        self.bytes += row.body.len();
        self.rows.push(row);
    }

    /// Whether another row may be added.
    fn has_room(&self) -> bool {
        let events = self.rows.last().map_or(0, |it| it.total - self.earlier);
        self.is_true && !is_full(events, self.bytes as i64)
    }

    /// The block. What it says of its events is told by the events, and not by the rows: a wrong place would have it looked
    /// through where it does not belong.
    fn sealed(&self, key: &AuditKey) -> Result<Option<Sealed>> {
        let (Some(first), Some(last)) = (self.rows.first(), self.rows.last()) else { return Ok(None) };
        let mut plain = Vec::with_capacity(self.bytes);
        self.rows.iter().for_each(|it| append(&mut plain, &it.body));
        let (span, keys) = told_by(self.rows.iter().copied());
        let packed = packed(&plain).map_err(|_| Error::Audit("a block cannot be compressed"))?;
        let span = if span.events == 0 { Span { events: 0, oldest: 0, newest: 0, low: 0, high: 0 } } else { span };
        let mut block = Block {
            number: first.number,
            last: last.number,
            earlier: self.earlier,
            total: last.total,
            oldest: span.oldest,
            newest: span.newest,
            low: span.low,
            high: span.high,
            before: self.before,
            mac: last.mac,
            seal: START,
            body: key.encrypted(&packed)?.into(),
        };
        block.seal = block.sealed(key);
        Ok(Some(Sealed { block, keys, is_true: self.is_true }))
    }
}

fn packed(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}
