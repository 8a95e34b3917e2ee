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
mod concerned;
mod filter;
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

use crate::spec::SearchParam;
use crate::units::{Scale, UCUM};
pub use alone::{Alone, is_told_alone};
pub use alternatives::own_alternatives;
pub use codes::{Codes, CodesAsked, Codings, NO_CODES};
pub use composite::has_components_served;
pub use concerned::{pointing, record_types, records_of};
pub use filter::{Clause, Filter, RangeTest, Shelf, Side, StringTest, Test, TokenTest, UnitTest, is_served};
pub use index::Indexer;
pub use modifier::numbers;
use near::Spot;
pub use owned::Owners;
pub use pairing::Pairing;
pub use query::{Query, QueryError};
pub use single::has_one_value;
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
    /// Under this number, whatever the type, stand the patients to whom a resource refers elsewhere than by the parameters
    /// of their compartment.
    pub const PATIENTS: ParamId = ParamId((1 << 32) + 2);
    /// Under this number, whatever the type, stand the security labels of a resource as a whole.
    pub const LABELS: ParamId = ParamId((1 << 32) + 3);
    /// Under this number, whatever the type, stand the codes of what a resource contains.
    pub const CODES: ParamId = ParamId((1 << 32) + 4);
    /// Under this number, whatever the type, stand the references that a resource has in place of codes.
    pub const CODED_BY: ParamId = ParamId((1 << 32) + 5);

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
        let mut parts = relative(text, base).split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(of), Some(id), None, ..) | (Some(of), Some(id), Some("_history"), Some(_), None)
                if of.starts_with(|it: char| it.is_ascii_uppercase()) && !id.is_empty() && !of.contains(':') =>
            {
                Target::Local { of, id }
            }
            _ => Target::Url(text),
        }
    }

    /// `Patient/1/_history/2`, where a reference as written names a version of something on this server.
    pub fn versioned(text: &'a str, base: &str) -> Option<&'a str> {
        let is_local = matches!(Target::parse(text, base), Target::Local { .. });
        Some(relative(text, base)).filter(|it| is_local && names_version(it))
    }
}

/// A reference without this server's own base.
fn relative<'a>(text: &'a str, base: &str) -> &'a str {
    match text.strip_prefix(base) {
        Some(rest) if !base.is_empty() => rest.strip_prefix('/').unwrap_or(text),
        _ => text,
    }
}

/// Whether an address names a version.
fn names_version(address: &str) -> bool {
    address.contains("/_history/")
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

#[cfg(test)]
mod tests;
