//! What is asked of a resource's index entries.

use super::near::Disk;
use super::text::TextTest;
use super::{Owners, ParamId};
use crate::spec::{ParamType, SearchParam};
use std::sync::Arc;

/// All that must hold of a resource to be found: every clause.
pub type Filter = Vec<Clause>;

/// One AND-ed part of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// At least one holds (the OR of comma-separated values). Empty: nothing is found.
    Any(Vec<Test>),
    /// None holds, which a resource without a value passes as well (search.html#modifiers, `:not`).
    None(Vec<Test>),
}

/// A single condition on a resource's index entries.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Its logical id is this one.
    Id(String),
    /// The parameter has a value.
    Present(ParamId, Shelf),
    /// A token; system and code as [`TokenTest`] says.
    Token(ParamId, TokenTest),
    /// A string.
    String(ParamId, StringTest),
    /// A date or period that passes all of these at once.
    Date(ParamId, Vec<RangeTest<i64>>),
    /// A number.
    Number(ParamId, RangeTest<f64>),
    /// A quantity in a unit, or in any (`UnitTest::Any`).
    Quantity(ParamId, UnitTest, RangeTest<f64>),
    /// A reference to one of the server's resources.
    Local {
        /// The parameter.
        param: ParamId,
        /// Type of the resource pointed to.
        of: String,
        /// Its id.
        id: String,
    },
    /// A reference or canonical by its URL.
    Url(ParamId, String),
    /// A reference to a resource, or to what stands above or below it in a hierarchy (search.html#recursive).
    Kin {
        /// The parameter.
        param: ParamId,
        /// Type of the resources of the hierarchy.
        of: String,
        /// Id of the one that is named.
        id: String,
        /// The parameter of that type by which resources refer to what is above them.
        parent: ParamId,
        /// Which of them.
        side: Side,
    },
    /// A URI, compared whole.
    Uri(ParamId, String),
    /// A position within a disk.
    Near(ParamId, Disk),
    /// Full text: one of the parameter's texts, or all of them together, have these words.
    Text(ParamId, TextTest),
    /// A chain (search.html#chaining): the parameter points to a resource of type `of` that passes the filter.
    Chain {
        /// The reference parameter.
        param: ParamId,
        /// Whether a resource points to one at most by it ([`super::has_one_value`]).
        is_single: bool,
        /// Type of the resource pointed to.
        of: String,
        /// What must hold of it.
        filter: Filter,
    },
    /// A reverse chain (search.html#has): a resource of type `of` that passes the filter points here.
    Has {
        /// Type of the resource that points.
        of: String,
        /// Its reference parameter.
        param: ParamId,
        /// What must hold of it.
        filter: Filter,
    },
    /// A pair of numbers of one match of a composite, each of which passes.
    Numbers(ParamId, RangeTest<f64>, RangeTest<f64>),
    /// A match of a composite (search.html#composite) passes both tests, which are on the composite itself.
    Composite {
        /// The composite parameter.
        param: ParamId,
        /// On the first component: a token with a code, a reference or a URI.
        first: Box<Test>,
        /// On what belongs to it.
        last: Box<Test>,
    },
    /// It is in the compartment of one of these (compartmentdefinition.html): by one of the parameters, or as itself.
    Owned {
        /// The parameters by which resources of its type are in the compartments.
        params: Vec<ParamId>,
        /// Whether it may be one of them.
        is_owner: bool,
        /// Whose compartments.
        owners: Arc<Owners>,
    },
    /// Each reference by these parameters leads to a resource that is here, and that is of another type than this.
    Unowned {
        /// The parameters.
        params: Vec<ParamId>,
        /// The type.
        of: String,
    },
    /// It is of this type: of what is led to.
    Of(String),
    /// One of the references by these parameters leads to a resource that is here and passes the filter, of whatever type.
    Leads {
        /// The parameters.
        params: Vec<ParamId>,
        /// What must hold of what is led to.
        filter: Filter,
    },
    /// All of these hold: one alternative of several parts.
    All(Filter),
}

/// Where something stands in a hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To what it is part of, and further.
    Above,
    /// To its parts, and theirs.
    Below,
}

/// Which kind of index a parameter's values are kept in, so that a store knows where to look for presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Shelf {
    Key,
    String,
    Date,
    Number,
    Reference,
}

impl Shelf {
    /// Where it is kept that a parameter of this type has a value; `None` if it is not.
    pub fn of(kind: ParamType) -> Option<Shelf> {
        match kind {
            // Of a composite and a position, presence alone.
            ParamType::Token | ParamType::Uri | ParamType::Composite | ParamType::Special => Some(Shelf::Key),
            ParamType::String => Some(Shelf::String),
            ParamType::Date => Some(Shelf::Date),
            ParamType::Number | ParamType::Quantity => Some(Shelf::Number),
            ParamType::Reference => Some(Shelf::Reference),
        }
    }
}

/// Whether this server has a parameter, and has it whole; of those without an expression, the ones on full text.
pub fn is_served(param: &SearchParam) -> bool {
    let is_whole = param.own.as_ref().is_none_or(|it| it.building.is_none());
    is_whole && Shelf::of(param.kind).is_some() && (param.kind == ParamType::String || !param.expression.is_empty())
}

/// What a token must be (search.html#token).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenTest {
    /// `code`: in any system or none.
    Code(String),
    /// `system|code`.
    Coding(String, String),
    /// `|code`: without a system.
    NoSystem(String),
    /// `system|`: any code of the system.
    System(String),
}

/// What a string must be (search.html#string); the texts are as written in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringTest {
    /// Starts with it, case and accents apart.
    Prefix(String),
    /// Is it, to the letter (`:exact`).
    Exact(String),
    /// Has it somewhere, case and accents apart (`:contains`).
    Contains(String),
    /// Is it, case and accents apart (`eq` of search_filter.html).
    Folded(String),
    /// Ends with it, case and accents apart (`ew` of search_filter.html).
    Suffix(String),
}

/// What the unit of a quantity must be (search.html#quantity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitTest {
    /// Any unit.
    Any,
    /// `|system|code`; of UCUM, the base unit, in which values are then given ([`crate::units::Scale`]).
    Coded(String, String),
    /// `||code`: Quantity.code or Quantity.unit.
    Named(String),
}

/// A comparison of a value's range `[low, high]` with the query's (search.html#prefix).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeTest<T> {
    /// Lies within both ends: `eq`, `ap`.
    Within(T, T),
    /// Does not lie within: `ne`.
    NotWithin(T, T),
    /// Shares some point with the range: `ap` on dates and ranges.
    Overlaps(T, T),
    /// Reaches above: `high > it`: `gt`.
    Above(T),
    /// Reaches above the second end, or lies within both: `ge`.
    AtOrAbove(T, T),
    /// Reaches below: `low < it`: `lt`.
    Below(T),
    /// Reaches below the first end, or lies within both: `le`.
    AtOrBelow(T, T),
    /// Starts after: `low > it`: `sa`.
    StartsAfter(T),
    /// Ends before: `high < it`: `eb`.
    EndsBefore(T),
}

impl<T: PartialOrd + Copy> RangeTest<T> {
    /// Whether a value's range passes: the definition that stores' SQL must agree with.
    pub fn passes(&self, low: T, high: T) -> bool {
        match *self {
            RangeTest::Within(from, to) => low >= from && high <= to,
            RangeTest::NotWithin(from, to) => low < from || high > to,
            RangeTest::Overlaps(from, to) => low <= to && high >= from,
            RangeTest::Above(it) => high > it,
            RangeTest::AtOrAbove(from, to) => low >= from || high > to,
            RangeTest::Below(it) => low < it,
            RangeTest::AtOrBelow(from, to) => low < from || high <= to,
            RangeTest::StartsAfter(it) => low > it,
            RangeTest::EndsBefore(it) => high < it,
        }
    }
}
