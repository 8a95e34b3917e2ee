//! What the engine knows about R4's types beforehand: which element a name means in which type, and how
//! primitives convert.

use crate::spec::{Kind, Spec, TypeId, r4};
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// The types of FHIRPath itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) enum System {
    Boolean,
    String,
    Integer,
    Decimal,
    Date,
    DateTime,
    Time,
    Quantity,
}

impl System {
    const ALL: [System; 8] = [
        System::Boolean,
        System::String,
        System::Integer,
        System::Decimal,
        System::Date,
        System::DateTime,
        System::Time,
        System::Quantity,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            System::Boolean => "Boolean",
            System::String => "String",
            System::Integer => "Integer",
            System::Decimal => "Decimal",
            System::Date => "Date",
            System::DateTime => "DateTime",
            System::Time => "Time",
            System::Quantity => "Quantity",
        }
    }
}

/// A type named in an expression. Without namespace a name may stand for one of each (`Quantity`).
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeSpec {
    pub fhir: Option<TypeId>,
    pub system: Option<System>,
}

impl TypeSpec {
    /// The type of this name; `None` where there is none. Of `System` any name is taken, as nothing is of it.
    pub(super) fn named(namespace: Option<&str>, name: &str) -> Option<TypeSpec> {
        let system = System::ALL.into_iter().find(|it| it.name() == name);
        match namespace {
            Some("System") => Some(TypeSpec { fhir: None, system }),
            Some("FHIR") => r4().type_named(name).map(|it| TypeSpec { fhir: Some(it), system: None }),
            Some(_) => None,
            None => {
                let fhir = r4().type_named(name);
                (fhir.is_some() || system.is_some()).then_some(TypeSpec { fhir, system })
            }
        }
    }
}

/// How elements of a type convert to System values (fhirpath.html#types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Boolean,
    String,
    Integer,
    Decimal,
    Date,
    DateTime,
    Time,
    Quantity,
    Complex,
    Resource,
}

impl Class {
    pub(super) fn is_primitive(self) -> bool {
        !matches!(self, Class::Quantity | Class::Complex | Class::Resource)
    }

    fn of(spec: &Spec, id: TypeId) -> Class {
        let found = spec.of(id);
        match found.kind {
            Kind::Resource => Class::Resource,
            Kind::Primitive => match &*found.name {
                "boolean" => Class::Boolean,
                "integer" | "positiveInt" | "unsignedInt" => Class::Integer,
                "decimal" => Class::Decimal,
                "date" => Class::Date,
                "dateTime" | "instant" => Class::DateTime,
                "time" => Class::Time,
                _ => Class::String,
            },
            _ if spec.type_named("Quantity").is_some_and(|it| spec.is_a(id, it)) => Class::Quantity,
            _ => Class::Complex,
        }
    }
}

/// An element that a name means in one type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// The type that has the element.
    pub owner: TypeId,
    /// The element's index in it.
    pub element: u16,
    /// Its type; of a choice, the first.
    pub of: TypeId,
    /// Whether members are named after their types, as `valueQuantity`.
    pub is_choice: bool,
    /// Whether members have a `_` companion.
    pub is_primitive: bool,
}

/// What is worked out once from the tables.
pub(super) struct Tables {
    classes: Vec<Class>,
    members: FxHashMap<&'static str, Vec<Slot>>,
    pub reference: TypeId,
    pub bundle: TypeId,
}

impl Tables {
    /// How elements of this type convert.
    pub(super) fn class(&self, id: TypeId) -> Class {
        self.classes.get(id.0 as usize).copied().unwrap_or(Class::Complex)
    }

    /// The elements of this name in all types that have one, by type.
    pub(super) fn slots(&self, name: &str) -> &[Slot] {
        self.members.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The tables of R4.
pub(super) fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| build(r4()));
    &TABLES
}

fn build(spec: &'static Spec) -> Tables {
    let ids = || (0..spec.types().len() as u16).map(TypeId);
    let classes: Vec<_> = ids().map(|it| Class::of(spec, it)).collect();
    let mut members: FxHashMap<&'static str, Vec<Slot>> = FxHashMap::default();
    for owner in ids() {
        for (index, element) in spec.of(owner).elements.iter().enumerate() {
            let Some(of) = element.types.first().copied() else { continue };
            let class = classes.get(of.0 as usize).copied().unwrap_or(Class::Complex);
            members.entry(&element.name).or_default().push(Slot {
                owner,
                element: index as u16,
                of,
                is_choice: element.is_choice,
                is_primitive: class.is_primitive(),
            });
        }
    }
    let known = |name| spec.type_named(name).unwrap_or(TypeId(0));
    Tables { classes, members, reference: known("Reference"), bundle: known("Bundle") }
}
