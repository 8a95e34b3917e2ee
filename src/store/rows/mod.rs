//! Index entries as rows: values hashed with the tenant's key, ranges put into slots.

mod hash;

pub(crate) use hash::IndexHash;

use crate::keys::Marks;
use crate::pairs::{Pairs, UNDATED};
use crate::query::marked::marked;
use fhir::search::fold::fold;
use fhir::search::near::Spot;
use fhir::search::{First, IndexSink, ParamId, Target, Unit};
use rustc_hash::FxHashSet;

/// Widths of the first two classes of date ranges, in microseconds: a day (with the hour that a zone's change
/// may add), a year.
pub(crate) const DATE_WIDTHS: [i64; 2] = [25 * 3_600_000_000, 366 * 24 * 3_600_000_000];

/// The slot of dates of a class.
pub(crate) fn date_slot(param: ParamId, class: i64) -> i64 {
    (param.0 << 2) as i64 + class
}

fn date_class(low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low);
    DATE_WIDTHS.iter().position(|it| width <= *it).unwrap_or(DATE_WIDTHS.len()) as i64
}

/// A date's row: slot and both ends.
fn dated(param: ParamId, low: i64, high: i64) -> (i64, i64, i64) {
    (date_slot(param, date_class(low, high)), low, high)
}

/// The index rows of one resource, made by an [`IndexSink`]'s calls. Opaque outside the store.
pub struct Rows {
    pub(crate) hash: IndexHash,
    pub(crate) keys: Vec<i64>,
    /// (param, target)
    pub(crate) references: Vec<(i64, i64)>,
    /// (param, norm, exact)
    pub(crate) strings: Vec<(i64, String, i64)>,
    /// (slot, low, high)
    pub(crate) dates: Vec<(i64, i64, i64)>,
    /// (slot, low, high), or both of a pair
    pub(crate) numbers: Vec<(i64, f64, f64)>,
    /// What is to be paired.
    pairs: Option<Pairs>,
}

impl Rows {
    pub(crate) fn new(hash: IndexHash) -> Rows {
        Rows {
            hash,
            keys: Vec::with_capacity(32),
            references: Vec::with_capacity(8),
            strings: Vec::new(),
            dates: Vec::with_capacity(4),
            numbers: Vec::new(),
            pairs: None,
        }
    }

    /// Marks the resource as one of this type: without it, no search finds it. That comes first of all.
    pub fn of_type(&mut self, of: &str) {
        debug_assert!(self.keys.is_empty() && self.references.is_empty() && self.dates.is_empty());
        self.keys.push(self.hash.type_key(of));
        self.pairs = Pairs::of(of);
    }

    /// Rows as they were written before there were pairs.
    #[cfg(test)]
    pub(crate) fn leave_unpaired(&mut self) {
        self.pairs = None;
    }

    /// Writes what was to be paired.
    fn pair(&mut self) {
        let Some(pairs) = self.pairs.take() else { return };
        for param in pairs.params(&self.hash) {
            match pairs.dates() {
                [] => self.dates.push((date_slot(param, UNDATED), 0, 0)),
                dates => self.dates.extend(dates.iter().map(|(low, high)| dated(param, *low, *high))),
            }
        }
    }

    /// Pairs what is to be paired, sorts every kind and drops what is there twice, as the tables' primary keys demand.
    pub(crate) fn finish(&mut self) {
        self.pair();
        self.keys.sort_unstable();
        self.keys.dedup();
        self.references.sort_unstable();
        self.references.dedup();
        self.strings.sort_unstable();
        self.strings.dedup();
        self.dates.sort_unstable();
        self.dates.dedup();
        self.numbers.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        self.numbers.dedup();
    }

    /// Puts hashes in the place of the texts of marked parameters.
    pub(crate) fn mark(&mut self, marks: &Marks) {
        for (param, norm, exact) in &mut self.strings {
            let id = ParamId(*param as u64);
            if marks.param(id).is_some() {
                let marked = marked(id);
                *norm = self.hash.marked(marked, norm);
                *exact = self.hash.marked_exact(marked, *exact);
                *param = marked.0 as i64;
            }
        }
    }

    /// The keys as the column `resource.keys` holds them.
    pub(crate) fn packed_keys(&self) -> Vec<u8> {
        self.keys.iter().flat_map(|it| it.to_le_bytes()).collect()
    }

    fn number_in(&mut self, slot: i64, low: f64, high: f64) {
        // A sum with zero makes -0 a 0, which is the same number but sorts elsewhere.
        let (low, high) = (low + 0.0, high + 0.0);
        let is_range = i64::from(low != high);
        self.numbers.push((slot | is_range, low, high));
    }
}

/// The keys that a `resource.keys` column holds.
pub(crate) fn unpacked_keys(packed: &[u8]) -> FxHashSet<i64> {
    packed.chunks_exact(8).filter_map(|it| it.try_into().ok().map(i64::from_le_bytes)).collect()
}

/// Prints nothing of the content.
impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rows({} keys)", self.keys.len())
    }
}

impl IndexSink for Rows {
    fn present(&mut self, param: ParamId) {
        self.keys.push(self.hash.present(param));
    }

    fn token(&mut self, param: ParamId, system: Option<&str>, code: &str) {
        let in_any_system = self.hash.code(param, code);
        if let Some(pairs) = &mut self.pairs {
            pairs.code(param, in_any_system);
        }
        self.keys.push(in_any_system);
        self.keys.push(self.hash.coding(param, system.unwrap_or(""), code));
        if let Some(system) = system {
            self.system(param, system);
        }
    }

    fn system(&mut self, param: ParamId, system: &str) {
        self.keys.push(self.hash.system(param, system));
    }

    fn string(&mut self, param: ParamId, text: &str) {
        self.strings.push((param.0 as i64, fold(text), self.hash.exact(text)));
    }

    fn date(&mut self, param: ParamId, low: i64, high: i64) {
        if let Some(pairs) = &mut self.pairs {
            pairs.date(param, low, high);
        }
        self.dates.push(dated(param, low, high));
    }

    fn number(&mut self, param: ParamId, low: f64, high: f64) {
        self.number_in(self.hash.number(param), low, high);
    }

    fn numbers(&mut self, param: ParamId, first: f64, second: f64) {
        self.numbers.push((self.hash.numbers(param), first + 0.0, second + 0.0));
    }

    fn composite(&mut self, param: ParamId, first: First<'_>) -> ParamId {
        let first = match first {
            First::Code(code) => self.hash.code(param, code),
            First::Coding(system, code) => self.hash.coding(param, system.unwrap_or(""), code),
            First::Reference(target) => self.hash.target(target),
            First::Uri(uri) => self.hash.uri(param, uri),
        };
        self.hash.composite(param, first)
    }

    fn quantity(&mut self, param: ParamId, unit: Unit<'_>, low: f64, high: f64) {
        self.number(param, low, high);
        if let (Some(system), Some(code)) = (unit.system, unit.code) {
            match unit.scale() {
                Some(scale) => {
                    let slot = self.hash.coded_unit(param, system, &scale.base());
                    let least = scale.to_base(low);
                    self.number_in(slot, least, if low == high { least } else { scale.to_base(high) });
                }
                None => self.number_in(self.hash.coded_unit(param, system, code), low, high),
            }
        }
        for name in [unit.code, unit.unit].into_iter().flatten() {
            self.number_in(self.hash.named_unit(param, name), low, high);
        }
    }

    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        let target = self.hash.target(target);
        if let Some(pairs) = &mut self.pairs {
            pairs.patient(param, target);
        }
        self.references.push((param.0 as i64, target));
    }

    fn logical(&mut self, param: ParamId, of: Option<&str>, system: Option<&str>, value: &str) {
        let target = self.hash.identifier(of.unwrap_or(""), system, value);
        self.references.push((param.0 as i64, target));
        self.keys.push(self.hash.logical(param));
    }

    fn identified(&mut self, of: &str, system: Option<&str>, value: &str) {
        let targets = ["", of].map(|of| self.hash.identifier(of, system, value));
        self.references.extend(targets.map(|target| (ParamId::IDENTITY.0 as i64, target)));
    }

    fn uri(&mut self, param: ParamId, uri: &str) {
        self.keys.push(self.hash.uri(param, uri));
    }

    fn place(&mut self, param: ParamId, spot: &Spot) {
        self.numbers.extend(spot.rows().map(|it| (self.hash.places(param, it), spot.x + 0.0, spot.y + 0.0)));
    }
}
