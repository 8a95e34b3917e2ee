//! Index rows that are made anew, and how far that has come.

use crate::{Key, Rows, Stored};

/// The build that makes index rows anew of what was written before there were all kinds of them. Where a kind is added that resources
/// stored before lack, it gets another number, and each tenant's rows are made anew once.
pub const ALL_ROWS: &str = "rows/1";

/// Index rows of a version that is written already: they take the place of those it has, unless it has got a
/// successor, which brought its own.
#[derive(Debug)]
pub struct Reindexed {
    /// Whose.
    pub key: Key,
    /// The version they were made of.
    pub version: i64,
    /// What it can be found by.
    pub rows: Rows,
}

/// A run over all resources of some types that makes their index rows anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// What it is for.
    pub name: String,
    /// The resource types.
    pub types: Vec<String>,
    /// The store's number of the last resource that is done.
    pub position: i64,
    /// How many resources are done.
    pub done: i64,
    /// How many there were when it began.
    pub total: i64,
    /// How many were passed by, as they are damaged: their index rows are as they were, but for texts of marked elements, which go.
    pub damaged: i64,
    /// Whether it is through.
    pub is_finished: bool,
}

/// A step of a walk over the resources of some types, in the order of their creation.
#[derive(Debug)]
pub struct Walked {
    /// Those found, as they are now.
    pub found: Vec<Stored>,
    /// How many were passed by, as they are damaged; the log tells their rows.
    pub damaged: i64,
    /// Where the next step begins.
    pub position: i64,
    /// Whether there is nothing behind it.
    pub is_end: bool,
}

/// A change of what is kept of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildChange {
    /// It begins; nothing happens if there is one of this name.
    Begin(Build),
    /// It got further; nothing happens if it was dropped meanwhile.
    Advance(Build),
    /// It is no longer wanted, whether it is finished or not.
    Drop(String),
}

/// How far an index being made has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Resources taken in.
    pub done: i64,
    /// Resources in all; more come while it is made.
    pub total: i64,
}
