//! The search compiler: a plan's filters and orders as statements, and the choice among the ways to a page. It is
//! written once for all engines, whose tables have the same names and columns: an engine says how it spells what is
//! spelled differently ([`Dialect`]), and runs what it is given ([`Runner`]).

mod along;
mod built;
mod choose;
mod counts;
mod criteria;
mod dialect;
mod ends;
mod filter;
mod guard;
mod hierarchy;
mod history;
mod keys;
mod links;
mod logical;
pub(crate) mod marked;
mod owned;
mod pairs;
mod probe;
mod range;
mod records;
pub(crate) mod releases;
mod search;
mod sizes;
mod sort;
mod sql;
mod strings;
mod walk;

pub(crate) use counts::Counts;
pub(crate) use criteria::canonical;
pub(crate) use dialect::Dialect;
pub(crate) use filter::Answers;
pub(crate) use guard::still_holds;
pub(crate) use history::history;
pub(crate) use records::{count_of, current, lived, lived_bodies, living, loaded, version, walk};
pub(crate) use search::{count, page};
pub(crate) use sort::Way;
pub(crate) use sql::{Bind, Sql};

#[cfg(test)]
pub(crate) use {
    along::{Along, Place, rows as along},
    choose::{Aim, Choice, Walk, choose},
    filter::Filters,
    logical::Logical,
    pairs::paired,
    search::unsorted,
    walk::{bounds, rows, values, whole},
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
    /// From so many rows on it is considered whether there is a better way than to gather them.
    fn enough(&self) -> i64;
    /// The counts that are remembered of the tenant.
    fn counted(&self) -> Option<&Counts> {
        None
    }
    /// The only row of a statement whose columns are counts.
    async fn counts(&mut self, statement: Sql) -> Result<Vec<i64>>;
    /// The rows of a statement whose columns are `type, id, version, updated, method, body, rid` and as many sort
    /// values as there are `keys`.
    async fn rows(&mut self, statement: Sql, keys: usize) -> Result<Vec<Found>>;
    /// The same, but for the damaged ones; how many these are.
    async fn sound_rows(&mut self, statement: Sql) -> Result<(Vec<Found>, i64)> {
        Ok((self.rows(statement, 0).await?, 0))
    }
}

/// A row of a page.
pub(crate) struct Found {
    pub(crate) stored: Stored,
    /// Its place in the order.
    pub(crate) position: Position,
}
