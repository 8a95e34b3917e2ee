//! Verification: the whole log is read in the order of its chain, and everything that it is made of is made anew and
//! compared.

use super::block::{Block, Row, keys_of};
use super::chain::{AuditKey, Head, Mac, START};
use super::tables::{self, Log};
use super::{AuditFault, AuditHead, AuditVerdict, coding};
use crate::Result;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Rows that are read at a time.
const ROWS: i64 = 200;
/// The most faults that are told.
const FAULTS: usize = 1000;
/// The most of them that are told of what is in no row yet: the chain is looked at however much of that there is.
const UNCHAINED: usize = 100;
/// How long what is written may wait to be chained, in milliseconds.
const PATIENCE: i64 = 60_000;

/// How long what looks late is given to be chained.
const SOON: Duration = Duration::from_secs(5);

/// An event that was met: its place, and enough of its id's hash to tell it from others'.
type Met = (i64, [u8; 16]);

/// How far a verification has come.
struct Walk<'a> {
    key: &'a AuditKey,
    head: Option<Head>,
    /// The last row that was there, its hash and the events up to it.
    number: i64,
    mac: Mac,
    total: i64,
    /// The last row that is in a block, and how many blocks there were.
    sealed: i64,
    blocks: i64,
    dropped: i64,
    /// The events, 24 bytes for each.
    met: Vec<Met>,
    faults: Vec<AuditFault>,
}

/// Verifies a log, and tells after each step how many events were looked at, of how many as far as that is known.
pub(crate) async fn verify(log: &dyn Log, told: &(dyn Fn(i64, i64) + Send + Sync)) -> Result<AuditVerdict> {
    // Before the log: it only ever points to what is written.
    let head = log.head().await?;
    let (key, met, faults) = (log.key(), Vec::new(), Vec::new());
    let mut walk = Walk { key, head, number: 0, mac: START, total: 0, sealed: 0, blocks: 0, dropped: 0, met, faults };
    if head.is_some_and(|it| !it.is_signed(key)) {
        walk.head = None;
        walk.fault(AuditFault::Unsigned);
    }
    // Before the rows: what is chained meanwhile is in one of them.
    let waiting = walk.unchained(log).await?;
    let expected = head.map_or(0, |it| it.at.events);
    while walk.faults.len() < FAULTS && walk.number < i64::MAX {
        if let Some(block) = log.blocks(tables::block_from(walk.number + 1)).await?.pop() {
            let keys = walk.block(&block);
            let indexed = log.count(tables::indexed(log.dialect(), block.number, keys.clone())).await?;
            // Unless it was dropped meanwhile.
            if indexed < keys.len() as i64
                && log.blocks(tables::block_of(block.number)).await?.pop().as_ref() == Some(&block)
            {
                walk.fault(AuditFault::Index(block.number));
            }
        } else {
            let rows = log.rows(tables::rows_from(walk.number + 1, ROWS)).await?;
            let is_sealed_now = rows.first().is_none_or(|it| it.number > walk.number + 1);
            if is_sealed_now && !log.blocks(tables::block_from(walk.number + 1)).await?.is_empty() {
                continue;
            }
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(|it| walk.row(it));
        }
        told(walk.total, expected);
    }
    walk.strays(log).await?;
    // The first head may have been written since, just before the first row.
    let head = if head.is_none() && walk.number > 0 { log.head().await?.filter(|it| it.is_signed(key)) } else { head };
    Ok(walk.verdict(head, waiting))
}

impl Walk<'_> {
    fn fault(&mut self, fault: AuditFault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Goes on to a number. Whether all before it were there.
    fn reach(&mut self, number: i64) -> bool {
        let next = self.number + 1;
        if number > next {
            self.fault(AuditFault::Missing(next, number - 1));
        }
        number == next
    }

    fn row(&mut self, row: &Row) {
        let follows = self.reach(row.number);
        let made = Row::after(self.key, self.number, &self.mac, self.total, row.body.clone());
        // Behind a gap it is not known what it was chained to.
        if follows && made.as_ref() != Some(row) {
            self.fault(AuditFault::Row(row.number));
        }
        self.meet(&row.body);
        self.stand(row.number, row.mac, row.total);
    }

    /// Looks at a block; the keys that the index must have of it.
    fn block(&mut self, block: &Block) -> Vec<i64> {
        let follows = self.reach(block.number);
        let fault = AuditFault::Block(block.number, block.last);
        let is_chained = !follows || (block.before == self.mac && block.earlier == self.total);
        let rows = block.rows(self.key);
        let is_true = block.is_true(rows.as_deref());
        if !is_chained || !is_true {
            self.fault(fault);
        }
        let keys = rows.as_deref().filter(|_| is_true).map(keys_of).unwrap_or_default();
        for row in rows.into_iter().flatten() {
            self.meet_head(row.number, &row.mac, row.total);
            self.meet(&row.body);
        }
        self.blocks += 1;
        self.dropped += if block.is_stub() { block.total.wrapping_sub(block.earlier) } else { 0 };
        // One that is not what was sealed may say anything of where it ends.
        self.sealed = block.last.max(block.number);
        self.stand(self.sealed, block.mac, block.total);
        keys
    }

    fn stand(&mut self, number: i64, mac: Mac, total: i64) {
        self.meet_head(number, &mac, total);
        (self.number, self.mac, self.total) = (number, mac, total);
    }

    fn meet_head(&mut self, number: i64, mac: &Mac, total: i64) {
        if let Some(head) = self.head.filter(|it| it.at.row == number)
            && (head.at.hash, head.at.events) != (*mac, total)
        {
            self.fault(AuditFault::Head(number));
        }
    }

    /// Looks for rows where blocks are, and for blocks within others.
    async fn strays(&mut self, log: &dyn Log) -> Result<()> {
        let end = self.sealed.saturating_add(1);
        let rows = log.count(tables::below("audit_row", end)).await?;
        if rows > 0 || log.count(tables::below("audit_block", end)).await? > self.blocks {
            self.fault(AuditFault::Stray(self.sealed));
        }
        Ok(())
    }

    /// Looks at what is not chained yet, the newest first; how many events that is.
    async fn unchained(&mut self, log: &dyn Log) -> Result<i64> {
        let (mut count, mut oldest, mut before): (i64, Option<i64>, i64) = (0, None, i64::MAX);
        loop {
            let rows = log.unchained(before, ROWS).await?;
            for waiting in &rows {
                before = waiting.place;
                if waiting.is_true(self.key) {
                    oldest = Some(waiting.place);
                } else if self.faults.len() < UNCHAINED {
                    self.fault(AuditFault::Waiting(waiting.place));
                }
                count += coding::events(&waiting.body).map_or(0, |it| it.len() as i64);
            }
            if (rows.len() as i64) < ROWS {
                break;
            }
        }
        if let Some(place) = oldest.filter(|it| log.now().saturating_sub(log.time_of(*it)) > PATIENCE) {
            // What waited on a node's disk is old when it is written, and chained soon after.
            tokio::time::sleep(SOON).await;
            let still = log.unchained(place.saturating_add(1), 1).await?;
            if still.first().is_some_and(|it| it.place == place) {
                self.fault(AuditFault::Late(log.time_of(place)));
            }
        }
        Ok(count)
    }

    /// Notes events, to find those that are there twice: whoever puts a copy of what was written behind it needs no key.
    fn meet(&mut self, events: &[u8]) {
        for event in coding::events(events).into_iter().flatten() {
            let mut id = [0; 16];
            let hash = Sha256::digest(event.id.as_bytes());
            id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
            self.met.push((event.place, id));
        }
    }

    /// Two at one place are two events ([`super::AuditPlace`]), unless they have one id.
    fn find_repeated(&mut self) {
        let mut met = std::mem::take(&mut self.met);
        met.sort_unstable_by_key(|it| (it.1, it.0));
        let repeated = met.windows(2).filter_map(|pair| match pair {
            [one, other] => (one.1 == other.1).then_some(other.0),
            _ => None,
        });
        for place in repeated.take(FAULTS) {
            self.fault(AuditFault::Twice(place));
        }
    }

    fn verdict(mut self, head: Option<Head>, waiting: i64) -> AuditVerdict {
        self.find_repeated();
        match head {
            Some(head) if self.head.is_some() && head.at.row > self.number => {
                self.fault(AuditFault::Cut(self.number, head.at.row));
            }
            None if self.number > 0 => self.fault(AuditFault::Unsigned),
            _ => {}
        }
        let at = head.map_or(0, |it| it.at.at);
        let head = AuditHead { row: self.number, events: self.total, hash: self.mac, at };
        AuditVerdict { head, dropped: self.dropped, waiting, faults: self.faults }
    }
}
