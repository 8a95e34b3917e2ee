//! R4's definitions as tables: types and their elements, search parameters, compartments, operations,
//! code lists.
//!
//! The tables lie in `profiles/r4/`, made from the npm package `hl7.fhir.r4.examples` 4.0.1 (CC0) by
//! `scripts/make-tables`; [`r4`] reads them once. The code here names no resource type: what the standard
//! lists is data.

mod build;
pub mod compile;
mod load;
mod own;
pub mod rows;
pub mod text;
mod words;

#[cfg(test)]
mod tests;

pub use build::Misfit;
pub use own::{Own, Progress};

use crate::terminology::BuiltIn;
use rustc_hash::FxHashMap;
use std::sync::{Arc, LazyLock};

/// A type's number in its [`Spec`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u16);

/// What kind of type it is (StructureDefinition.kind, with backbone elements told apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A primitive such as `date`: a JSON scalar, with `id` and `extension` in its `_` companion.
    Primitive,
    /// A data type such as `HumanName`.
    Complex,
    /// A group of elements defined inside another type, such as `Patient.contact`.
    Backbone,
    /// A resource type.
    Resource,
}

/// A type: resource, data type, primitive or backbone element.
#[derive(Debug)]
pub struct Type {
    /// `Patient`, `HumanName`, `date`, `Patient.contact`; a backbone element goes by its path.
    pub name: Box<str>,
    /// What kind it is.
    pub kind: Kind,
    /// The type it specialises: `DomainResource`, `Element`, `string` for `code`, `BackboneElement`.
    pub base: Option<TypeId>,
    /// Whether instances are always of a more special type (`Resource`, `DomainResource`, `Element`, …).
    pub is_abstract: bool,
    /// All elements, inherited ones included, in the order of the definition.
    pub elements: Vec<Element>,
    /// The JSON members an instance may have (without `_` companions): `deceasedBoolean` and
    /// `deceasedDateTime` are two properties of one element. `resourceType` is not among them: it is the reader's
    /// to check; nor is the `value` of a primitive, which is the JSON scalar itself.
    pub properties: FxHashMap<Box<str>, Property>,
    /// Invariants on the type as a whole, inherited ones included.
    pub constraints: Vec<Constraint>,
}

impl Type {
    /// The element and type behind a JSON member name.
    pub fn property(&self, name: &str) -> Option<Property> {
        self.properties.get(name).copied()
    }

    /// The element with this name (`deceased`, not `deceasedBoolean`).
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|it| &*it.name == name)
    }
}

/// A JSON member of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Index into [`Type::elements`].
    pub element: u16,
    /// The member's type.
    pub of: TypeId,
}

/// An element of a type.
#[derive(Clone, Debug)]
pub struct Element {
    /// The name without path and without `[x]`: `deceased`, `contact`.
    pub name: Box<str>,
    /// Least number of occurrences.
    pub min: u16,
    /// Greatest number of occurrences; `None` is `*`.
    pub max: Option<u16>,
    /// Whether JSON has an array: the *base* definition's max is not 1.
    pub is_array: bool,
    /// Whether it is a choice, written `name[x]` in the definition.
    pub is_choice: bool,
    /// The types it may have; more than one only in a choice. A `contentReference` is resolved.
    pub types: Vec<TypeId>,
    /// For References and canonicals: the resource types it may point to; empty means any.
    pub targets: Vec<TypeId>,
    /// The code list its values come from.
    pub binding: Option<Binding>,
    /// Whether `_summary=true` keeps it.
    pub is_summary: bool,
    /// Whether it changes the meaning of what is around it.
    pub is_modifier: bool,
    /// Whether XML has an attribute rather than a child element (xml.html): `Element.id`, `Extension.url`.
    pub is_attribute: bool,
    /// Whether its references, which are to the own type, make a strict hierarchy (references.html#circular).
    pub is_hierarchy: bool,
    /// Invariants on the element, beyond those of its type ([`Type::constraints`]), which hold wherever it is used.
    pub constraints: Vec<Constraint>,
    /// A value it must have, as JSON, where the base definition fixes one.
    pub fixed: Option<Box<str>>,
    /// Greatest length of a string.
    pub max_length: Option<u32>,
}

/// An invariant (ElementDefinition.constraint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its key, such as `pat-1`.
    pub key: Box<str>,
    /// Whether breaking it is an error (else a warning).
    pub is_error: bool,
    /// What it says, for people.
    pub human: Box<str>,
    /// FHIRPath that must be true.
    pub expression: Box<str>,
}

/// How far values must come from a code list (terminologies.html#strength).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Must be in the list.
    Required,
    /// Must be in the list if the list has the concept.
    Extensible,
    /// Should be in the list.
    Preferred,
    /// May be in the list.
    Example,
}

/// A binding of an element to a value set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// How far it binds.
    pub strength: Strength,
    /// The value set's canonical URL without `|version`.
    pub value_set: Box<str>,
}

/// The codes of a value set that the tables hold whole.
#[derive(Debug)]
pub struct ValueSet {
    /// Canonical URL, without version.
    pub url: Box<str>,
    /// Its codes by code system; empty where the set is not a closed list (`open`).
    pub codes: Vec<SystemCodes>,
    /// Set where R4 does not list the codes (BCP-47, MIME types, UCUM, SNOMED CT …): why.
    pub open: Option<Box<str>>,
    /// Set where all codes of a code system are in it that is part of this server without being listed.
    pub all_of: Option<BuiltIn>,
}

impl ValueSet {
    /// Whether it can be told of every code whether it is in it.
    pub fn is_known(&self) -> bool {
        self.all_of.is_some() || (self.open.is_none() && !self.codes.is_empty())
    }

    /// Whether it has this code, in any of its systems.
    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|it| it.has(code)) || self.all_of.is_some_and(|it| it.has(code))
    }

    /// Whether it has this code of this system.
    pub fn has_coding(&self, system: &str, code: &str) -> bool {
        self.codes.iter().any(|it| &*it.system == system && it.has(code))
            || self.all_of.is_some_and(|it| it.system() == system && it.has(code))
    }
}

/// Codes of one code system.
#[derive(Debug)]
pub struct SystemCodes {
    /// The code system's URL.
    pub system: Box<str>,
    /// Its codes, sorted.
    pub codes: Vec<Box<str>>,
}

impl SystemCodes {
    /// Whether the code is among them.
    pub fn has(&self, code: &str) -> bool {
        self.codes.binary_search_by(|it| (**it).cmp(code)).is_ok()
    }
}

/// Type of a search parameter (search.html#ptypes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum ParamType {
    Number,
    Date,
    String,
    Token,
    Reference,
    Composite,
    Quantity,
    Uri,
    Special,
}

/// A search parameter for one or more resource types.
#[derive(Debug)]
pub struct SearchParam {
    /// The name in the URL, such as `birthdate`.
    pub code: Box<str>,
    /// Canonical URL of the SearchParameter.
    pub url: Box<str>,
    /// Its type.
    pub kind: ParamType,
    /// The resource types it is for; those of `Resource` and `DomainResource` parameters stand as these two.
    pub base: Vec<TypeId>,
    /// FHIRPath that selects the values, for all of `base` joined by `|`; empty for some special ones.
    pub expression: Box<str>,
    /// Reference: the resource types it may point to; empty means any.
    pub targets: Vec<TypeId>,
    /// Composite: the URL of each component's parameter and the expression relative to a match.
    pub components: Vec<Component>,
    /// What it is about, for the CapabilityStatement.
    pub description: Box<str>,
    /// Set of a tenant's own parameter.
    pub own: Option<Own>,
}

/// A part of a composite search parameter.
#[derive(Debug)]
pub struct Component {
    /// Canonical URL of the part's SearchParameter.
    pub definition: Box<str>,
    /// FHIRPath relative to a match of the composite's expression.
    pub expression: Box<str>,
}

/// A compartment (compartmentdefinition.html).
#[derive(Clone, Debug)]
pub struct Compartment {
    /// The resource type it is made of, such as `Patient`.
    pub of: TypeId,
    /// For each type that can be in it: the search parameters' codes that put a resource into it. `{def}` means
    /// the resource itself. Types that are never in it are not listed.
    pub members: Vec<(TypeId, Vec<Box<str>>)>,
}

/// An operation that R4 defines (OperationDefinition).
#[derive(Clone, Debug)]
pub struct OperationDef {
    /// Name without `$`.
    pub code: Box<str>,
    /// Canonical URL.
    pub url: Box<str>,
    /// Resource types it is for; empty where only `system`.
    pub resources: Vec<TypeId>,
    /// On the base URL.
    pub system: bool,
    /// On a type.
    pub on_type: bool,
    /// On an instance.
    pub instance: bool,
    /// Whether it changes state (so that GET is not allowed).
    pub affects_state: bool,
}

/// All tables of one FHIR version. A copy shares what is large.
#[derive(Clone, Debug)]
pub struct Spec {
    types: Arc<Vec<Type>>,
    by_name: Arc<FxHashMap<Box<str>, TypeId>>,
    value_sets: Arc<FxHashMap<Box<str>, ValueSet>>,
    /// Every search parameter, in the order of its URL; behind the standard's, a tenant's own.
    pub params: Vec<Arc<SearchParam>>,
    /// Index into `params` by URL.
    params_by_url: FxHashMap<Box<str>, usize>,
    /// Index into `params` by (type, code), inherited ones resolved for every concrete resource type.
    params_by_code: FxHashMap<TypeId, FxHashMap<Box<str>, usize>>,
    /// The compartments.
    pub compartments: Vec<Compartment>,
    /// The operations.
    pub operations: Vec<OperationDef>,
}

impl Spec {
    /// R4's tables, read anew; [`r4`] keeps them.
    pub fn read_r4() -> Spec {
        load::r4()
    }

    /// Every type, by its number.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// The type with this number.
    pub fn of(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    /// The type with this name, such as `Patient`, `HumanName` or `Patient.contact`.
    pub fn type_named(&self, name: &str) -> Option<TypeId> {
        self.by_name.get(name).copied()
    }

    /// The concrete resource type with this name.
    pub fn resource(&self, name: &str) -> Option<TypeId> {
        self.type_named(name).filter(|it| {
            let found = self.of(*it);
            found.kind == Kind::Resource && !found.is_abstract
        })
    }

    /// Every concrete resource type, by name.
    pub fn resources(&self) -> impl Iterator<Item = TypeId> {
        (0..self.types.len() as u16).map(TypeId).filter(|it| {
            let found = self.of(*it);
            found.kind == Kind::Resource && !found.is_abstract
        })
    }

    /// Whether `special` is `general` or specialises it.
    pub fn is_a(&self, special: TypeId, general: TypeId) -> bool {
        self.lineage(special).any(|it| it == general)
    }

    /// The type and all it specialises, itself first.
    pub fn lineage(&self, id: TypeId) -> impl Iterator<Item = TypeId> {
        std::iter::successors(Some(id), |it| self.of(*it).base)
    }

    /// The value set with this canonical URL, if the tables hold it.
    pub fn value_set(&self, url: &str) -> Option<&ValueSet> {
        self.value_sets.get(url)
    }

    /// The search parameter of a concrete resource type by its code.
    pub fn param(&self, of: TypeId, code: &str) -> Option<&SearchParam> {
        self.params_by_code.get(&of)?.get(code).map(|it| &*self.params[*it])
    }

    /// The search parameters of a concrete resource type, sorted by code, inherited ones included.
    pub fn params_of(&self, of: TypeId) -> Vec<&SearchParam> {
        let mut all: Vec<_> = self.params_by_code.get(&of).into_iter().flat_map(|it| it.values()).collect();
        all.sort_unstable();
        let mut all: Vec<_> = all.into_iter().map(|it| &*self.params[*it]).collect();
        all.sort_by(|a, b| a.code.cmp(&b.code));
        all
    }

    /// The search parameter with this canonical URL; a version in it is not looked at.
    pub fn param_by_url(&self, url: &str) -> Option<&SearchParam> {
        self.params_by_url.get(url.split('|').next()?).map(|it| &*self.params[*it])
    }

    /// The compartment made of this resource type.
    pub fn compartment(&self, of: TypeId) -> Option<&Compartment> {
        self.compartments.iter().find(|it| it.of == of)
    }
}

/// R4, version 4.0.1.
pub fn r4() -> &'static Spec {
    static R4: LazyLock<Spec> = LazyLock::new(Spec::read_r4);
    &R4
}
