//! Blocks on their way into a log, with what the index is to have of them.

use super::block::{Block, Row};
use super::chain::{AuditKey, Mac};
use crate::Result;

/// A block that was made.
pub(crate) struct Sealed {
    pub(crate) block: Block,
    pub(crate) keys: Vec<i64>,
    /// Whether its rows are what was written.
    pub(crate) is_true: bool,
}

impl Sealed {
    /// Seals rows ([`Block::seal`]).
    pub(crate) fn of(key: &AuditKey, end: (i64, Mac, i64), rows: &[Row]) -> Result<Vec<Sealed>> {
        let blocks = Block::seal(key, end, rows)?.into_iter().map(|block| {
            let is_true = block.is_true(block.rows(key).as_deref());
            let keys = block.keys(key).unwrap_or_default();
            Sealed { block, keys, is_true }
        });
        Ok(blocks.collect())
    }
}
