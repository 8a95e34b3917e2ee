//! What the walk has to know of a type, found once.

use super::invariant::Invariant;
use crate::primitive::Primitive;
use crate::spec::{Binding, Element, Kind, Spec, Strength, Type, TypeId, ValueSet};
use crate::terminology::{ALL_LANGUAGES, BuiltIn};
use std::sync::LazyLock;

/// R4's common languages.
const LANGUAGES: &str = "http://hl7.org/fhir/ValueSet/languages";

/// What a type's values look like, and what is asked of them beyond their elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Primitive(Primitive),
    Resource,
    Extension,
    Reference,
    Coding,
    CodeableConcept,
    Quantity,
    /// Any other object.
    Group,
}

impl Shape {
    fn of(spec: &Spec, ty: &Type) -> Shape {
        match ty.kind {
            Kind::Primitive => Shape::Primitive(Primitive::named(&ty.name).unwrap_or(Primitive::String)),
            Kind::Resource => Shape::Resource,
            Kind::Backbone => Shape::Group,
            Kind::Complex => match &*ty.name {
                "Extension" => Shape::Extension,
                "Reference" => Shape::Reference,
                "Coding" => Shape::Coding,
                "CodeableConcept" => Shape::CodeableConcept,
                _ if is_quantity(spec, ty) => Shape::Quantity,
                _ => Shape::Group,
            },
        }
    }
}

fn is_quantity(spec: &Spec, ty: &Type) -> bool {
    match (spec.type_named(&ty.name), spec.type_named("Quantity")) {
        (Some(special), Some(quantity)) => spec.is_a(special, quantity),
        _ => false,
    }
}

/// Elements of one type, by their position in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Elements(u128);

impl Elements {
    /// How many elements a type may have; R4's largest has 40 or so.
    const LIMIT: usize = 128;

    fn those(ty: &Type, wanted: impl Fn(&Element) -> bool) -> Elements {
        let mut those = Elements::default();
        for (position, _) in ty.elements.iter().enumerate().filter(|(_, it)| wanted(it)) {
            those.add(position);
        }
        those
    }

    pub(super) fn add(&mut self, position: usize) {
        debug_assert!(position < Elements::LIMIT);
        self.0 |= 1_u128.checked_shl(position as u32).unwrap_or(0);
    }

    pub(super) fn has(self, position: usize) -> bool {
        1_u128.checked_shl(position as u32).is_some_and(|it| self.0 & it != 0)
    }

    pub(super) fn has_any(self, of: Elements) -> bool {
        self.0 & of.0 != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn without(self, others: Elements) -> Elements {
        Elements(self.0 & !others.0)
    }

    pub(super) fn positions(mut self) -> impl Iterator<Item = usize> {
        std::iter::from_fn(move || {
            let position = self.0.trailing_zeros();
            self.0 &= self.0.wrapping_sub(1);
            (position < u128::BITS).then_some(position as usize)
        })
    }
}

/// What is asked of an element beyond what the tables say outright.
pub(super) struct ElementRules<'s> {
    /// The closed code list that it is bound to as required.
    pub codes: Option<&'s ValueSet>,
    /// Another binding, which advises only: what it names is not in the tables.
    pub advice: Option<&'s Binding>,
    /// Whether it holds contained resources.
    pub holds_contained: bool,
    /// Whether a primitive value may have a `_` companion: `id`, `Extension.url` and XHTML are attributes or markup
    /// in XML and have none.
    pub has_companion: bool,
    /// The type to check values against where it is narrower than the property's.
    pub narrowed: Option<Primitive>,
    /// Its own invariants, beyond those of its type.
    pub invariants: Vec<Invariant<'s>>,
}

impl<'s> ElementRules<'s> {
    fn compile(spec: &'s Spec, ty: &Type, element: &'s Element) -> ElementRules<'s> {
        let is_id = &*element.name == "id" && !element.is_choice;
        let is_of_kind = |kind: Kind| element.types.iter().any(|it| spec.of(*it).kind == kind);
        ElementRules {
            codes: closed_list(spec, element),
            advice: element.binding.as_ref().filter(|it| advises(it.strength)),
            holds_contained: &*element.name == "contained" && is_of_kind(Kind::Resource),
            has_companion: !is_id
                && !element.is_attribute
                && !element.types.iter().any(|it| &*spec.of(*it).name == "xhtml"),
            // 4.0.1 gives Resource.id the type string; resource.html#id says that it is an id.
            narrowed: (is_id && ty.kind == Kind::Resource).then_some(Primitive::Id),
            invariants: Invariant::all(ty, &element.constraints, only(&element.types)),
        }
    }
}

fn only(types: &[TypeId]) -> Option<TypeId> {
    match types {
        [one] => Some(*one),
        _ => None,
    }
}

fn advises(strength: Strength) -> bool {
    matches!(strength, Strength::Extensible | Strength::Preferred)
}

/// All tags of languages: the most that R4 allows for a code where it prefers its common ones (its `maxValueSet`).
static TAGS: LazyLock<ValueSet> = LazyLock::new(|| ValueSet {
    url: ALL_LANGUAGES.into(),
    codes: Vec::new(),
    open: None,
    all_of: BuiltIn::all_in(ALL_LANGUAGES),
});

fn closed_list<'s>(spec: &'s Spec, element: &Element) -> Option<&'s ValueSet> {
    let is_code = only(&element.types).is_some_and(|it| &*spec.of(it).name == "code");
    if is_code && element.binding.as_ref().is_some_and(|it| &*it.value_set == LANGUAGES) {
        return Some(&TAGS);
    }
    let binding = element.binding.as_ref().filter(|it| it.strength == Strength::Required)?;
    spec.value_set(&binding.value_set).filter(|it| it.is_known())
}

/// What is asked of a type's values.
pub(super) struct TypeRules<'s> {
    pub shape: Shape,
    /// The elements that must be there.
    pub required: Elements,
    /// `id`, which alone makes no value.
    pub id: Elements,
    /// `value` and `extension`, of which an extension has one.
    pub value: Elements,
    pub extension: Elements,
    /// Its invariants.
    pub invariants: Vec<Invariant<'s>>,
    /// By position in [`Type::elements`].
    pub elements: Vec<ElementRules<'s>>,
}

impl<'s> TypeRules<'s> {
    pub(super) fn compile(spec: &'s Spec, ty: &'s Type) -> TypeRules<'s> {
        let named = |name: &str| Elements::those(ty, |it| &*it.name == name);
        TypeRules {
            shape: Shape::of(spec, ty),
            required: Elements::those(ty, |it| it.min > 0),
            id: named("id"),
            value: named("value"),
            extension: named("extension"),
            invariants: Invariant::all(ty, &ty.constraints, spec.type_named(&ty.name)),
            elements: ty.elements.iter().map(|it| ElementRules::compile(spec, ty, it)).collect(),
        }
    }
}

/// A value's place: the element that it stands for, its member name without `_`, and its type.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, 's> {
    pub name: &'a str,
    pub element: &'s Element,
    pub rules: &'a ElementRules<'s>,
    pub of: TypeId,
}
