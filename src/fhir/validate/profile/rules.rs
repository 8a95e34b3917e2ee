//! A profile in the form that it is checked by: of each element only what the profile adds to its type.

use super::additional::Additional;
use super::aggregation::Aggregation;
use super::element::{Max, SlicingRules, Wanted};
use crate::path::{Children, Expression};
use crate::spec::{Binding, TypeId};
use crate::validate::invariant::Invariant;

/// What each value of an element must be.
#[derive(Default)]
pub(super) struct Rules {
    /// The types it may have; none: those of the base.
    pub types: Vec<TypeRule>,
    pub value: Option<Wanted>,
    pub binding: Option<Binding>,
    pub additional: Vec<Additional>,
    pub max_length: Option<u32>,
    pub invariants: Vec<Invariant<'static>>,
    pub children: Vec<Child>,
}

/// A type that an element may have.
pub(super) struct TypeRule {
    pub of: TypeId,
    /// Profiles, of which a value must meet one.
    pub profiles: Vec<Box<str>>,
    /// Profiles of what a Reference points to.
    pub targets: Vec<Box<str>>,
    /// Where that may lie.
    pub aggregation: Aggregation,
}

impl TypeRule {
    /// A type of which no more is asked.
    pub(super) fn of(of: TypeId) -> TypeRule {
        TypeRule { of, profiles: Vec::new(), targets: Vec::new(), aggregation: Aggregation::default() }
    }
}

/// An element below another.
pub(super) struct Child {
    /// Its name, as an issue has it.
    pub name: Box<str>,
    pub values: Children,
    /// Whether JSON has an array of them.
    pub is_array: bool,
    /// The only type that is looked at: of `valueQuantity`.
    pub only: Option<TypeId>,
    pub min: u32,
    pub max: Max,
    pub rules: Rules,
    pub slicing: Option<Slicing>,
}

/// How the values of an element are told apart (profiling.html#slicing).
pub(super) struct Slicing {
    pub is_ordered: bool,
    pub rules: SlicingRules,
    pub slices: Vec<Slice>,
    /// The slice of what is in no other.
    pub default: Option<usize>,
    /// Why the slices cannot be told apart here, if they cannot.
    pub problem: Option<String>,
}

/// Some of an element's values.
pub(super) struct Slice {
    pub name: Box<str>,
    pub min: u32,
    pub max: Max,
    pub rules: Rules,
    pub tests: Vec<Test>,
    pub slicing: Option<Slicing>,
}

/// What a value must show to be in a slice.
pub(super) struct Test {
    pub path: Expression,
    pub wanted: Proof,
}

/// What is found at a discriminator's path.
pub(super) enum Proof {
    /// Something is there, or nothing is.
    Exists(bool),
    /// One of these types.
    Type(Vec<TypeId>),
    /// All of this fits.
    Value(Vec<Shown>),
    /// One of these profiles is met.
    Profile(Vec<Box<str>>),
}

/// A value that tells a slice.
pub(super) enum Shown {
    Wanted(Wanted),
    Binding(Binding),
}

impl Rules {
    /// Whether there is nothing to check.
    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty()
            && self.value.is_none()
            && self.binding.is_none()
            && self.additional.is_empty()
            && self.max_length.is_none()
            && self.invariants.is_empty()
            && self.children.is_empty()
    }
}

impl Child {
    /// Whether there is nothing to check.
    pub(super) fn is_empty(&self) -> bool {
        self.min == 0 && self.max == Max::Unbounded && self.rules.is_empty() && self.slicing.is_none()
    }
}
