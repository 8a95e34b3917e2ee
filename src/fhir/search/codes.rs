//! Codes that a query takes from terminology (search.html#modifiers: `:in`, `:not-in`, `:above`, `:below`).
//!
//! A query is read without any I/O: where it needs codes that are not there yet, reading fails with what it needs
//! ([`super::QueryError::Needs`]), somebody looks that up, and the query is read again.

use rustc_hash::{FxBuildHasher, FxHashMap};
use std::sync::Arc;

/// A set of codes by what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CodesAsked {
    /// Those of a value set, by its canonical URL or a literal reference.
    In(String),
    /// This code and those that it subsumes.
    Below {
        /// The code system.
        system: String,
        /// The code.
        code: String,
    },
    /// This code and those that subsume it.
    Above {
        /// The code system.
        system: String,
        /// The code.
        code: String,
    },
}

/// Systems with codes.
pub type Codings = Arc<[(Arc<str>, String)]>;

/// The sets of codes that a query may use.
#[derive(Debug)]
pub struct Codes {
    known: FxHashMap<CodesAsked, Codings>,
}

impl Codes {
    /// None: whatever is asked for is needed.
    pub const fn none() -> Codes {
        Codes { known: FxHashMap::with_hasher(FxBuildHasher) }
    }

    /// Enters a set of codes.
    pub fn add(&mut self, asked: CodesAsked, codings: Codings) {
        self.known.insert(asked, codings);
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn get(&self, asked: &CodesAsked) -> Option<&Codings> {
        self.known.get(asked)
    }
}

/// The sets of codes of a query that needs none.
pub static NO_CODES: Codes = Codes::none();
