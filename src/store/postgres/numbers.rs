//! Numbers that nodes make by themselves for a tenant: time-ordered, so that no statement asks a sequence.
//!
//! From the top: 41 bits of milliseconds, 10 bits of the node, 12 bits that count. A node that makes more than 4096 in a
//! millisecond runs ahead of the time by the next. No two are the same as long as no two nodes have the same bits, which
//! come again after 1024 starts; should two nodes make the same one all the same, the later is refused and made anew.
//! An event of the audit log that waits elsewhere keeps its number, and is told from another's by its id ([`crate::AuditPlace`]).
//!
//! Each tenant's are counted apart: how much one writes cannot be told from another's.

use std::sync::atomic::{AtomicI64, Ordering};

/// The first millisecond that has numbers: 2020-01-01. The last is in 2089.
const EPOCH: i64 = 1_577_836_800_000;
const NODE_BITS: u32 = 10;
const COUNT_BITS: u32 = 12;

pub(super) struct Numbers {
    node: i64,
    /// Milliseconds and count of the next number.
    next: AtomicI64,
}

/// Numbers that follow on each other.
pub(super) struct Block {
    node: i64,
    first: i64,
}

impl Numbers {
    /// The numbers of a node, which differ from other nodes' by its own.
    pub(super) fn of_node(node: i64) -> Numbers {
        Numbers { node: node & ((1 << NODE_BITS) - 1), next: AtomicI64::new(0) }
    }

    /// So many numbers, none before this time.
    pub(super) fn take(&self, ms: i64, count: usize) -> Block {
        let least = (ms - EPOCH).max(0) << COUNT_BITS;
        let count = count as i64;
        let behind = |next: i64| next.max(least) + count;
        let before = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| Some(behind(it)));
        let first = before.unwrap_or_else(|it| it).max(least);
        Block { node: self.node, first }
    }
}

impl Block {
    /// The number at a place.
    pub(super) fn at(&self, i: usize) -> i64 {
        let it = self.first + i as i64;
        let (ms, count) = (it >> COUNT_BITS, it & ((1 << COUNT_BITS) - 1));
        (ms << NODE_BITS | self.node) << COUNT_BITS | count
    }
}

/// No number made at this time or later is less.
pub(crate) fn least_at(ms: i64) -> i64 {
    (ms - EPOCH).clamp(0, i64::MAX >> (NODE_BITS + COUNT_BITS)) << (NODE_BITS + COUNT_BITS)
}

/// The time that a number leads with, in milliseconds.
pub(super) fn time_of(number: i64) -> i64 {
    (number >> (NODE_BITS + COUNT_BITS)) + EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;

    #[test]
    fn numbers_rise_and_lead_with_their_time() {
        let numbers = Numbers::of_node(5);
        let mut last = 0;
        for ms in [NOW, NOW, NOW + 1, NOW - 10] {
            let block = numbers.take(ms, 3000);
            for i in 0..3000 {
                let it = block.at(i);
                assert!(it > last && it >= least_at(ms) && time_of(it) <= NOW + 3);
                last = it;
            }
        }
    }

    #[test]
    fn nodes_never_make_the_same() {
        let (a, b) = (Numbers::of_node(1), Numbers::of_node(2));
        let (a, b) = (a.take(NOW, 5000), b.take(NOW, 5000));
        let mut all: Vec<i64> = (0..5000).flat_map(|i| [a.at(i), b.at(i)]).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn times_out_of_range_are_at_its_ends() {
        assert_eq!(least_at(0), 0);
        assert!(least_at(i64::MAX / 2) > least_at(NOW));
        assert!(Numbers::of_node(1023).take(0, 1).at(0) >= 0);
    }
}
