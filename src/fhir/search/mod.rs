//! Search (search.html), its pure half: what a resource can be found by, and what a query asks for.
//!
//! [`index`] walks a resource once and tells an [`IndexSink`] every value that a search parameter selects;
//! [`query`] reads the text of a parameter into [`Test`]s. A store turns both into rows and SQL, and finds
//! for a query just the resources whose index entries pass it.

mod alone;
mod alternatives;
mod care;
mod codes;
mod composite;
pub mod fold;
pub mod index;
mod indexed;
mod looked;
mod modifier;
pub mod near;
pub mod number;
mod owned;
mod pairing;
pub mod query;
mod single;
pub mod text;

use crate::spec::{ParamType, SearchParam};
use crate::units::{Scale, UCUM};
pub use alone::{Alone, is_told_alone};
pub use alternatives::own_alternatives;
pub use codes::{Codes, CodesAsked, Codings, NO_CODES};
pub use composite::has_components_served;
pub use index::Indexer;
pub use modifier::numbers;
use near::{Disk, Spot};
pub use owned::Owners;
pub use pairing::Pairing;
pub use query::{Query, QueryError};
pub use single::has_one_value;
use std::sync::Arc;
pub use text::TextTest;

/// A search parameter of a resource type, as stores know it: a stable number made of both names.
///
/// 32 bits of FNV-1a over `Type?code`. It is unique among R4's parameters (a test counts), and a tenant's own
/// parameter whose number is taken would be refused. Greater numbers are a store's own: those of the parameters that
/// it makes of a composite and its first value ([`IndexSink::composite`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParamId(pub u64);

impl ParamId {
    /// Under this number stands what identifies a resource itself: logical references lead to it.
    pub const IDENTITY: ParamId = ParamId(1 << 32);
    /// Under this number a store may make parameters of a code, for the dates of what has it ([`Pairing`]).
    pub const DATED: ParamId = ParamId((1 << 32) + 1);

    /// The number of parameter `code` of resource type `of`.
    pub fn of(of: &str, code: &str) -> ParamId {
        let bytes = of.bytes().chain([b'?']).chain(code.bytes());
        let hash = bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        ParamId(u64::from(hash))
    }

    /// Under this number stand the security labels of a type's elements ([`labelled`](crate::mask::labelled)).
    pub fn inline_labels(of: &str) -> ParamId {
        ParamId::of(of, "_inline-security")
    }

    /// The number of a search parameter for resource type `of`; a tenant's own one has another each time it is made.
    pub fn of_param(of: &str, param: &SearchParam) -> ParamId {
        match &param.own {
            None => ParamId::of(of, &param.code),
            Some(own) => ParamId::of(of, &format!("{}|{}", param.code, own.generation)),
        }
    }
}

/// Where a reference points (references.html#literal), as written: `Type/id` on this server, or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target<'a> {
    /// `Patient/1`, a relative reference or one to this server's own base; a version is dropped.
    Local {
        /// Resource type.
        of: &'a str,
        /// Logical id.
        id: &'a str,
    },
    /// Anything else: another server's resource, a canonical, a `urn:`.
    Url(&'a str),
}

impl<'a> Target<'a> {
    /// Reads a reference or canonical as written; `base` is this server's base URL without a slash at its end.
    pub fn parse(text: &'a str, base: &str) -> Target<'a> {
        let relative = match text.strip_prefix(base) {
            Some(rest) if !base.is_empty() => rest.strip_prefix('/').unwrap_or(text),
            _ => text,
        };
        let mut parts = relative.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(of), Some(id), None, ..) | (Some(of), Some(id), Some("_history"), Some(_), None)
                if of.starts_with(|it: char| it.is_ascii_uppercase()) && !id.is_empty() && !of.contains(':') =>
            {
                Target::Local { of, id }
            }
            _ => Target::Url(text),
        }
    }
}

/// Takes what a resource can be found by. `param` is the parameter the value belongs to. A sink that is for some kinds
/// of values only lets the others pass.
pub trait IndexSink {
    /// The parameter has a value at all (for `:missing`).
    fn present(&mut self, _param: ParamId) {}
    /// A token; `system` is `None` where the value has none.
    fn token(&mut self, _param: ParamId, _system: Option<&str>, _code: &str) {}
    /// A code system without a code.
    fn system(&mut self, _param: ParamId, _system: &str) {}
    /// A string as written.
    fn string(&mut self, _param: ParamId, _text: &str) {}
    /// A date or period, microseconds since the epoch, both ends inclusive.
    fn date(&mut self, _param: ParamId, _low: i64, _high: i64) {}
    /// A number, or a range of numbers, both ends inclusive.
    fn number(&mut self, _param: ParamId, _low: f64, _high: f64) {}
    /// Two numbers of one match of a composite.
    fn numbers(&mut self, _param: ParamId, _first: f64, _second: f64) {}
    /// A quantity in its unit; `code` and `unit` are what Quantity.code and Quantity.unit say. It is found by any of
    /// its texts, and by its base unit where [`Unit::scale`] has one.
    fn quantity(&mut self, _param: ParamId, _unit: Unit<'_>, _low: f64, _high: f64) {}
    /// A reference.
    fn reference(&mut self, _param: ParamId, _target: &Target<'_>) {}
    /// A reference by an identifier alone, perhaps with the type of what it refers to (references.html#logical).
    fn logical(&mut self, _param: ParamId, _of: Option<&str>, _system: Option<&str>, _value: &str) {}
    /// An identifier of the resource itself, which is of this type.
    fn identified(&mut self, _of: &str, _system: Option<&str>, _value: &str) {}
    /// A URI.
    fn uri(&mut self, _param: ParamId, _uri: &str) {}
    /// A position.
    fn place(&mut self, _param: ParamId, _spot: &Spot) {}
    /// The parameter under which the values are told that belong to this first value of a composite.
    fn composite(&mut self, param: ParamId, _first: First<'_>) -> ParamId {
        param
    }
}

/// The value of a composite's first component, in one of the forms in which a query may give it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum First<'a> {
    /// A code in any system or none.
    Code(&'a str),
    /// A code of this system, or without any.
    Coding(Option<&'a str>, &'a str),
    /// A reference.
    Reference(&'a Target<'a>),
    /// A URI.
    Uri(&'a str),
}

/// The unit of a quantity (datatypes.html#Quantity).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Quantity.system.
    pub system: Option<&'a str>,
    /// Quantity.code.
    pub code: Option<&'a str>,
    /// Quantity.unit, the human-readable form.
    pub unit: Option<&'a str>,
}

impl Unit<'_> {
    /// How quantities in this unit are compared with those in others: by UCUM (search.html#quantity).
    pub fn scale(&self) -> Option<Scale> {
        match (self.system, self.code) {
            (Some(UCUM), Some(code)) => Scale::of(code),
            _ => None,
        }
    }
}

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
        /// Whether a resource points to one at most by it ([`has_one_value`]).
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

#[cfg(test)]
mod tests;
