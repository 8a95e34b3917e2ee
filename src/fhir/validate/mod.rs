//! Structural validation (validation.html): whether a resource is what the tables say its type may be.
//!
//! One walk over the parsed JSON visits every value once, with the element that it stands for. It reports every
//! problem it finds, each with the FHIRPath of the element and a sentence that says what was expected, and never what
//! was there: a diagnostic may end in a log. On a good resource the walk allocates next to nothing; the path of a
//! problem is found only when there is one.
//!
//! Invariants are evaluated where the walk meets their element (`invariant.rs`); warnings only if they are asked for.
//!
//! What a type asks of its elements is compiled once ([`Validator::new`]) from the tables, so that neither names nor
//! bindings are looked up during the walk.

mod bundle;
mod codes;
mod errata;
pub(crate) mod expression;
pub(crate) mod hint;
mod invariant;
mod members;
mod profile;
mod reference;
mod report;
mod resource;
mod rules;
mod walk;

use crate::json::Value;
use crate::outcome::Issue;
use crate::path::{Offline, Services};
use crate::spec::{Spec, TypeId};
pub use profile::{AskedProfile, Fault, Members, Profiles, Profiling, Unique, UniqueValue};
use rules::TypeRules;
use std::sync::LazyLock;

/// Which references a resource may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// Literal references only (references.html#literal).
    Literal,
    /// Conditional references too, as in a transaction (http.html#trules).
    OrConditional,
}

/// What is asked of a validation.
#[derive(Clone, Copy)]
pub struct Demands<'a> {
    /// Which references the resource may hold.
    pub references: References,
    /// Whether warnings are told too; a write has no use for them.
    pub warnings: bool,
    /// The time that `now()` tells in invariants, in milliseconds since 1970.
    pub now: Option<i64>,
    /// What invariants may ask for beyond the resource.
    pub services: &'a dyn Services,
    /// Which profiles apply; none, and none of those in `meta.profile`, if it is not said.
    pub profiling: Option<Profiling<'a>>,
}

impl Demands<'_> {
    /// Errors only, without a time and without services.
    pub fn errors(references: References) -> Demands<'static> {
        Demands { references, warnings: false, now: None, services: &Offline, profiling: None }
    }
}

/// Validates resources against the tables of one FHIR version.
pub struct Validator<'s> {
    spec: &'s Spec,
    /// By [`TypeId`].
    types: Vec<TypeRules<'s>>,
    /// `Element`: what the `_` companion of a primitive is.
    companion: Option<TypeId>,
    bundle: Option<TypeId>,
}

impl<'s> Validator<'s> {
    /// A validator by these tables.
    pub fn new(spec: &'s Spec) -> Validator<'s> {
        Validator {
            spec,
            types: spec.types().iter().map(|it| TypeRules::compile(spec, it)).collect(),
            companion: spec.type_named("Element"),
            bundle: spec.type_named("Bundle"),
        }
    }

    /// Every error of a resource, up to a hundred; none if it is valid.
    pub fn resource<'a>(&'a self, resource: Value<'a>, references: References) -> Vec<Issue> {
        self.check(resource, &Demands::errors(references))
    }

    /// Every problem of a resource that is asked for, up to a hundred.
    pub fn check<'a>(&'a self, resource: Value<'a>, demands: &Demands<'a>) -> Vec<Issue> {
        walk::Walk::new(self, resource, demands).run()
    }

    /// How many types it has rules for.
    pub fn rules_of_types(&self) -> usize {
        self.types.len()
    }

    fn rules(&self, of: TypeId) -> &TypeRules<'s> {
        &self.types[of.0 as usize]
    }
}

/// The validator of R4.
pub fn r4() -> &'static Validator<'static> {
    static R4: LazyLock<Validator<'static>> = LazyLock::new(|| Validator::new(crate::spec::r4()));
    &R4
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod mutants;
#[cfg(test)]
mod tests;
