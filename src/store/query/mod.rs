//! The search compiler: a plan's filters and orders as statements, and the choice among the ways to a page. It is
//! written once for all engines, whose tables have the same names and columns: an engine says how it spells what is
//! spelled differently ([`Dialect`]), and runs what it is given ([`Runner`]).

mod choose;
mod dialect;
mod filter;
mod keys;
mod links;
mod logical;
mod probe;
mod range;
mod search;
mod sort;
mod sql;
mod strings;
mod walk;

pub(crate) use dialect::Dialect;
pub(crate) use filter::Answers;
pub(crate) use search::{count, page};
pub(crate) use sort::Way;
pub(crate) use sql::{Bind, Sql};

#[cfg(test)]
pub(crate) use {
    choose::{Aim, Choice, choose},
    filter::Filters,
    logical::Logical,
    search::unsorted,
    walk::{missing, values},
};

use crate::rows::IndexHash;
use crate::{Position, Result, Stored};
use async_trait::async_trait;

/// What runs the compiler's statements: a connection to one tenant's data.
#[async_trait]
pub(crate) trait Runner: Send {
    /// How the engine spells.
    fn dialect(&self) -> Dialect;
    /// What keys the tenant's index.
    fn hash(&self) -> IndexHash;
    /// Beyond so many rows an index range counts as large: it is walked rather than gathered.
    fn enough(&self) -> i64;
    /// The only row of a statement whose columns are counts.
    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>>;
    /// The rows of a statement whose columns are `type, id, version, updated, method, body, rid` and as many sort
    /// values as there are `keys`.
    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>>;
}

/// A row of a page.
pub(crate) struct Found {
    pub(crate) stored: Stored,
    /// Its place in the order.
    pub(crate) position: Position,
}
