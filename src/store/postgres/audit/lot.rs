//! What waits to be chained, as far as one row takes it.

use crate::audit::{AuditKey, Unchained};

/// Bytes after which a row takes no more.
const BYTES: usize = 2 << 20;

/// What goes into one row.
pub(super) struct Lot {
    pub(super) places: Vec<i64>,
    /// The events.
    pub(super) body: Vec<u8>,
    /// Something is left for the next row.
    pub(super) is_cut: bool,
    /// How many were left out, as they are not what was written.
    pub(super) untrue: usize,
}

impl Lot {
    pub(super) fn of(key: &AuditKey, waiting: &[Unchained]) -> Lot {
        let mut lot = Lot { places: Vec::new(), body: Vec::new(), is_cut: false, untrue: 0 };
        for it in waiting {
            if lot.body.len() > BYTES {
                lot.is_cut = true;
                break;
            }
            if it.is_true(key) {
                lot.places.push(it.place);
                lot.body.extend_from_slice(&it.body);
            } else {
                lot.untrue += 1;
            }
        }
        lot
    }
}
