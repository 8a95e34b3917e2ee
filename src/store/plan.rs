//! What is asked of a store, and the pages that it answers with.

use crate::{Key, Stored};
use fhir::search::{Filter, ParamId};

/// A search: what to find, in which order, from where on.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One for each resource type to be searched; all have as many sort keys in the same directions.
    pub branches: Vec<Branch>,
    /// Only what comes behind this position.
    pub after: Option<Position>,
    /// The most to return.
    pub limit: usize,
}

/// The part of a search that looks at one resource type.
#[derive(Clone, Debug)]
pub struct Branch {
    /// The resource type.
    pub of: String,
    /// What must hold.
    pub filter: Filter,
    /// Order; behind it, and where it is empty, resources come in the order of their creation (or the reverse,
    /// where the first key is descending). Where it is empty and nothing is gone on with, the store may take that of
    /// [`SortBy::Target`] instead, of a chain by a reference that does not repeat.
    pub sort: Vec<Sort>,
}

/// One key of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What to sort by.
    pub by: SortBy,
    /// Greatest first. Resources without a value come last either way.
    pub descending: bool,
    /// No resource has more than one value, so that a filter by the same parameter bounds the order's index.
    pub is_single: bool,
}

/// What to sort by. Of several values the least counts, or the greatest if descending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// Logical id.
    Id,
    /// A string parameter, folded.
    String(ParamId),
    /// The start of a date parameter.
    Date(ParamId),
    /// A number or quantity parameter, whatever its unit.
    Number(ParamId),
    /// The age of what a reference parameter points to: the oldest first.
    Target(ParamId),
}

/// A place in an ordered result: the sort values and row of the last resource returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Position {
    /// One for each sort key.
    pub values: Vec<SortValue>,
    /// The store's number of the resource.
    pub row: i64,
    /// The order it is a place in, where no order was asked for and the store took that of [`SortBy::Target`].
    pub along: Option<ParamId>,
}

impl Position {
    /// The end of the order it is a place in, where the store took that itself: what goes back from there is the last page
    /// of the same order. `None` where there is none but the order asked for.
    pub fn end(&self) -> Option<Position> {
        let values = vec![SortValue::Int(i64::MAX)];
        self.along.map(|_| Position { values, row: i64::MAX, along: self.along })
    }

    /// Whether it is behind all places.
    pub(crate) fn is_end(&self) -> bool {
        self.row == i64::MAX
    }
}

/// The value a resource is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    /// It has none.
    Missing,
    /// A date in microseconds.
    Int(i64),
    /// A number.
    Real(f64),
    /// A string.
    Text(String),
}

/// A page of a search.
#[derive(Debug, Default)]
pub struct Page {
    /// What was found, in order.
    pub found: Vec<Stored>,
    /// Where to go on; `None` if this was the end.
    pub next: Option<Position>,
    /// Where to go back from; `None` if this was the beginning.
    pub previous: Option<Position>,
}

/// Which versions to list.
#[derive(Clone, Debug)]
pub struct History {
    /// Of what.
    pub scope: Scope,
    /// Only versions made at or after this time, in milliseconds.
    pub since: Option<i64>,
    /// Only versions that were current at some time between these, in milliseconds, both ends included.
    pub at: Option<(i64, i64)>,
    /// Only versions before this place in the change log.
    pub before: Option<i64>,
    /// The most to return.
    pub limit: usize,
}

/// Whose versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One resource's.
    Instance(Key),
    /// A resource type's.
    Type(String),
    /// All.
    System,
}

/// A page of a history.
#[derive(Debug, Default)]
pub struct HistoryPage {
    /// Versions, newest first.
    pub versions: Vec<Stored>,
    /// How many versions there are in all, within `since` and `at`.
    pub total: i64,
    /// Where to go on.
    pub next: Option<i64>,
}
