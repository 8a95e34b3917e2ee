//! Structural validation (validation.html): whether a resource is what the tables say its type may be.
//!
//! One walk over the parsed JSON visits every value once, with the element that it stands for. It reports every
//! problem it finds, each with the FHIRPath of the element and a sentence that says what was expected, and never what
//! was there: a diagnostic may end in a log. On a good resource the walk allocates next to nothing; the path of a
//! problem is found only when there is one.
//!
//! What a type asks of its elements is compiled once ([`Validator::new`]) from the tables, so that neither names nor
//! bindings are looked up during the walk. `Walk::value` is the one place that meets every value together with its
//! element and type: invariants and profiles belong there.

mod codes;
mod expression;
mod hint;
mod members;
mod reference;
mod resource;
mod rules;
mod walk;

use crate::json::Value;
use crate::outcome::Issue;
use crate::spec::{Spec, TypeId};
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

/// Validates resources against the tables of one FHIR version.
pub struct Validator<'s> {
    spec: &'s Spec,
    /// By [`TypeId`].
    types: Vec<TypeRules<'s>>,
    /// `Element`: what the `_` companion of a primitive is.
    companion: Option<TypeId>,
}

impl<'s> Validator<'s> {
    /// A validator by these tables.
    pub fn new(spec: &'s Spec) -> Validator<'s> {
        Validator {
            spec,
            types: spec.types().iter().map(|it| TypeRules::compile(spec, it)).collect(),
            companion: spec.type_named("Element"),
        }
    }

    /// Every problem of a resource, up to a hundred; none if it is valid.
    pub fn resource(&self, resource: Value<'_>, references: References) -> Vec<Issue> {
        walk::Walk::new(self, resource, references).run()
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
mod tests;
