//! Definitions as rows: what the compiler makes of the standard's JSON, what the tables hold as text, and what a
//! [`Spec`](super::Spec) is built from. Rows borrow from where they were read and name types by name.

use super::{Kind, ParamType, Strength};
use std::borrow::Cow;

/// Everything a [`Spec`](super::Spec) is made of.
#[derive(Debug, Default, PartialEq)]
pub struct Rows<'a> {
    /// Types, by name.
    pub types: Vec<TypeRow<'a>>,
    /// Search parameters, by URL.
    pub params: Vec<ParamRow<'a>>,
    /// Compartments, by type.
    pub compartments: Vec<CompartmentRow<'a>>,
    /// Operations, by URL.
    pub operations: Vec<OperationRow<'a>>,
    /// Value sets, by URL.
    pub value_sets: Vec<ValueSetRow<'a>>,
}

/// A [`Type`](super::Type).
#[derive(Clone, Debug, PartialEq)]
pub struct TypeRow<'a> {
    /// Name; the path for a backbone element.
    pub name: &'a str,
    /// What kind it is.
    pub kind: Kind,
    /// Name of the type it specialises.
    pub base: Option<&'a str>,
    /// Whether instances are always of a more special type.
    pub is_abstract: bool,
    /// Its elements; those that are as in `base` may be left out.
    pub elements: Vec<ElementRow<'a>>,
    /// Its own invariants, without those of `base`.
    pub constraints: Vec<ConstraintRow<'a>>,
}

/// An [`Element`](super::Element).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ElementRow<'a> {
    /// Name without path and `[x]`.
    pub name: &'a str,
    /// Least number of occurrences.
    pub min: u16,
    /// Greatest number of occurrences; `None` is `*`.
    pub max: Option<u16>,
    /// Whether JSON has an array.
    pub is_array: bool,
    /// Whether it is written `name[x]`.
    pub is_choice: bool,
    /// Whether a summary keeps it.
    pub is_summary: bool,
    /// Whether it modifies meaning.
    pub is_modifier: bool,
    /// Whether XML has an attribute.
    pub is_attribute: bool,
    /// Whether its references to the own type make a strict hierarchy.
    pub is_hierarchy: bool,
    /// Names of its types.
    pub types: Vec<&'a str>,
    /// Names of the resource types it may point to; empty means any.
    pub targets: Vec<&'a str>,
    /// Strength and value set.
    pub binding: Option<(Strength, &'a str)>,
    /// Greatest length.
    pub max_length: Option<u32>,
    /// Fixed value, as JSON.
    pub fixed: Option<Cow<'a, str>>,
    /// Its own invariants, without those of its types.
    pub constraints: Vec<ConstraintRow<'a>>,
}

/// A [`Constraint`](super::Constraint).
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintRow<'a> {
    /// Key.
    pub key: &'a str,
    /// Error or warning.
    pub is_error: bool,
    /// What it says.
    pub human: Cow<'a, str>,
    /// FHIRPath.
    pub expression: Cow<'a, str>,
}

/// A [`SearchParam`](super::SearchParam).
#[derive(Clone, Debug, PartialEq)]
pub struct ParamRow<'a> {
    /// Name in the URL.
    pub code: &'a str,
    /// Its type.
    pub kind: ParamType,
    /// Names of the resource types it is for.
    pub base: Vec<&'a str>,
    /// Names of the resource types it may point to; empty means any.
    pub targets: Vec<&'a str>,
    /// Canonical URL.
    pub url: &'a str,
    /// FHIRPath; empty for some special ones.
    pub expression: Cow<'a, str>,
    /// What it is about.
    pub description: Cow<'a, str>,
    /// Parts of a composite: definition and expression.
    pub components: Vec<(&'a str, Cow<'a, str>)>,
}

/// A [`Compartment`](super::Compartment).
#[derive(Clone, Debug, PartialEq)]
pub struct CompartmentRow<'a> {
    /// Name of the type it is made of.
    pub of: &'a str,
    /// Names of its member types, with the codes of their parameters.
    pub members: Vec<(&'a str, Vec<&'a str>)>,
}

/// An [`OperationDef`](super::OperationDef).
#[derive(Clone, Debug, PartialEq)]
pub struct OperationRow<'a> {
    /// Name without `$`.
    pub code: &'a str,
    /// Canonical URL.
    pub url: &'a str,
    /// Names of its resource types.
    pub resources: Vec<&'a str>,
    /// On the base URL.
    pub system: bool,
    /// On a type.
    pub on_type: bool,
    /// On an instance.
    pub instance: bool,
    /// Whether it changes state.
    pub affects_state: bool,
}

/// A [`ValueSet`](super::ValueSet).
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSetRow<'a> {
    /// Canonical URL without version.
    pub url: &'a str,
    /// Code systems, each with its codes, both sorted.
    pub codes: Vec<(&'a str, Vec<&'a str>)>,
    /// Why the codes are not listed.
    pub open: Option<Cow<'a, str>>,
}
