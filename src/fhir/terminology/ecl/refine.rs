//! Whether a concept has the attributes that a refinement asks for.

use super::Count;
use crate::terminology::release::{Places, Relation};
use std::collections::BTreeSet;

/// A refinement whose concepts were looked up.
#[derive(Clone, Debug)]
pub enum Test {
    /// All of these.
    All(Vec<Test>),
    /// Any of these.
    Either(Vec<Test>),
    /// So many groups that are so.
    Group(Count, Box<Test>),
    /// To be one of these.
    At(Places),
    /// So many attributes of these, with different values.
    Attribute {
        /// How many.
        count: Count,
        /// Which attributes.
        kinds: Places,
        /// Whether their values are some of these, or none of these.
        is_in: bool,
        /// The values; `None` is any.
        values: Option<Places>,
    },
}

impl Test {
    /// Whether a concept passes that has these relations, by their groups.
    pub fn passes(&self, place: u32, relations: &[Relation]) -> bool {
        match self {
            Test::All(tests) => tests.iter().all(|it| it.passes(place, relations)),
            Test::Either(tests) => tests.iter().any(|it| it.passes(place, relations)),
            Test::At(places) => places.has(place),
            Test::Group(count, test) => {
                // What is in group 0 stands by itself.
                let groups = relations.chunk_by(|a, b| a.group == b.group && a.group != 0);
                count.has(groups.filter(|it| test.passes(place, it)).count())
            }
            Test::Attribute { count, kinds, is_in, values } => {
                let is_meant = |it: &&Relation| {
                    kinds.has(it.kind) && values.as_ref().is_none_or(|places| places.has(it.value)) == *is_in
                };
                let found: BTreeSet<(u32, u32)> =
                    relations.iter().filter(is_meant).map(|it| (it.kind, it.value)).collect();
                count.has(found.len())
            }
        }
    }
}
