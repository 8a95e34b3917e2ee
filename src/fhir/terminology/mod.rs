//! Terminology (terminologies.html), its pure half: code systems with their hierarchy, value sets and the codes that
//! they are made of, and what R4 itself publishes of both.
//!
//! Nothing here fetches anything: [`Sources`] holds the resources that somebody resolved, and what is missing there is
//! told by name. Every answer is whole or an error: a value set is never cut, and never counted as empty because a
//! part of it is not at hand.

mod builtin;
mod code_system;
mod concept_map;
pub mod ecl;
mod expand;
mod filter;
mod hierarchy;
mod languages;
mod media_types;
mod published;
pub mod release;
mod sources;
mod value_set;
mod versions;

pub use builtin::{ALL_LANGUAGES, BuiltIn, Grammar, builtin};
pub use code_system::{CodeSystem, Concept, Content, Designation, Property, in_language};
pub use concept_map::{ConceptMap, Mapped, Product, Translate, Translation};
pub use expand::{Expander, Expansion, Member};
pub use hierarchy::Subsumption;
pub use media_types::is_registered;
pub use published::{Kind, published, published_urls};
pub use sources::Sources;
pub use value_set::{Filter, Include, Listed, ValueSet};
pub use versions::{Pin, Versions};

#[cfg(test)]
mod tests;

/// Parts a canonical from its version (references.html#canonical): `http://…|1.0`.
pub fn unversioned(canonical: &str) -> (&str, Option<&str>) {
    match canonical.rsplit_once('|') {
        Some((url, version)) => (url, Some(version)),
        None => (canonical, None),
    }
}
