//! SNOMED CT's Expression Constraint Language (<http://snomed.org/ecl>), by which filters and implicit value sets choose concepts
//! (snomedct.html): what an expression says, and whether the attributes of a concept are what a refinement asks for.
//! Which concepts those are is looked up by whoever has the release.
//!
//! Everything of version 1.5 is read; of later versions the ends of sets, the fields of reference sets, history supplements, sets of
//! values, and filters of members, concepts and descriptions as far as these are kept. What is not read is refused by name.

mod filter;
mod filters;
mod lexer;
mod members;
mod read;
mod refine;
#[cfg(test)]
mod tests;
mod value;
mod wording;

pub use filter::{Choice, ConceptTest, Days, Description, DescriptionTest, Dialect};
pub use members::{Expected, Listed, MemberTest};
pub use refine::Test;
pub use value::{Comparison, Literal, ValueAttribute};
pub use wording::Wording;

/// An expression constraint: a set of concepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// `*`: every concept in use.
    Any,
    /// The concept with this code.
    Concept(String),
    /// `^`: the members of these reference sets.
    Members(Box<Constraint>),
    /// `^ [targetComponentId]`: what the members of these associations name.
    Targets(Box<Constraint>),
    /// `^ [mapTarget] … {{ M … }}`: what some of the members name.
    Listed(Box<Listed>),
    /// What stands so to these.
    Related(Kin, Box<Constraint>),
    /// `!!>`, `!!<`: those of these that have none of them above, or beneath them.
    Ends(End, Box<Constraint>),
    /// `AND`: what is in all.
    All(Vec<Constraint>),
    /// `OR`: what is in any.
    Either(Vec<Constraint>),
    /// `MINUS`: what is in the first and not in the second.
    Without(Box<Constraint>, Box<Constraint>),
    /// `:`: those that have such attributes.
    Refined(Box<Constraint>, Refinement),
    /// `.`: the values that these have of such attributes.
    Values(Box<Constraint>, Box<Constraint>),
    /// `{{ term = "…" }}`: those that have a description which is all of this.
    Described(Box<Constraint>, Vec<DescriptionTest>),
    /// `{{ + HISTORY }}`: these, and those whose place one of them took.
    Supplemented(Box<Constraint>, Supplement),
    /// `{{ C active = … }}`: those that are so.
    Filtered(Box<Constraint>, ConceptTest),
}

/// An end of a set of concepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum End {
    Top,
    Bottom,
}

/// Which associations tell what took the place of concepts that are no longer used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Supplement {
    /// `HISTORY-MIN`: `SAME AS`.
    Least,
    /// `HISTORY-MOD`: also `REPLACED BY`, `WAS A` and `PARTIALLY EQUIVALENT TO`.
    Moderate,
    /// `HISTORY-MAX`, or `HISTORY` alone: every historical association.
    Most,
    /// `HISTORY (…)`: these reference sets.
    These(Box<Constraint>),
}

/// How concepts stand to others in the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// Which way.
    pub way: Way,
    /// Only directly.
    pub is_direct: bool,
    /// And these themselves.
    pub has_self: bool,
}

/// A way in the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Way {
    Below,
    Above,
}

/// What is asked of the attributes of a concept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refinement {
    /// All of these.
    All(Vec<Refinement>),
    /// Any of these.
    Either(Vec<Refinement>),
    /// So many groups that are so.
    Group(Count, Box<Refinement>),
    /// So many attributes that are so.
    Attribute(Attribute),
    /// So many attributes whose values, which are no concepts, are so.
    Value(ValueAttribute),
}

/// An attribute that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// How many there are.
    pub count: Count,
    /// `R`: the concept is the value, and the attribute that of another one.
    pub is_reverse: bool,
    /// Which attribute.
    pub name: Box<Constraint>,
    /// Whether its value is one of these, or none of these.
    pub is_in: bool,
    /// The values.
    pub values: Box<Constraint>,
}

/// How many there have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least.
    pub least: u32,
    /// At the most.
    pub most: u32,
}

impl Default for Count {
    /// One or more.
    fn default() -> Count {
        Count { least: 1, most: u32::MAX }
    }
}

impl Count {
    fn has(self, number: usize) -> bool {
        u32::try_from(number).is_ok_and(|it| (self.least..=self.most).contains(&it))
    }
}
