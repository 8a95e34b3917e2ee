//! From a profile's elements to the rules that are checked.

use super::element::{ElementDef, Max, TypeDef};
use super::rules::{Child, Rules, TypeRule};
use super::slicing;
use super::tree::Tree;
use super::{Fault, Profiles};
use crate::path::{Children, Expression};
use crate::spec::{Constraint, Element, Kind, Spec, Type, TypeId};
use crate::validate::errata;
use crate::validate::invariant::Invariant;
use std::borrow::Cow;
use std::cell::Cell;

/// Where R4's own definitions are.
pub(super) const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The name of the core type that a canonical URL names.
pub(super) fn core_type(spec: &Spec, url: &str) -> Option<TypeId> {
    spec.type_named(url.strip_prefix(CORE)?)
}

/// Compiles elements against the types of a standard.
pub(super) struct Compiler<'s> {
    pub spec: &'s Spec,
    profiles: &'s Profiles,
    /// How many other profiles may still be looked into.
    left: Cell<u32>,
}

/// How many other profiles the discriminators of one may look into.
const MOST_OTHERS: u32 = 16;

impl<'s> Compiler<'s> {
    pub(super) fn new(spec: &'s Spec, profiles: &'s Profiles) -> Compiler<'s> {
        Compiler { spec, profiles, left: Cell::new(MOST_OTHERS) }
    }

    /// The rules of another profile, if it is known and there is work left for it. It is compiled for this alone, since
    /// profiles may name each other in circles.
    pub(super) fn other(&self, url: &str) -> Option<Rules> {
        self.left.set(self.left.get().checked_sub(1)?);
        self.profiles.compiled_by(self, url)
    }

    /// The type that a profile is on, R4's own definitions included.
    pub(super) fn type_of(&self, url: &str) -> Option<TypeId> {
        core_type(self.spec, url).or_else(|| self.profiles.type_of(url))
    }

    /// The rules of a whole profile on this type.
    pub(super) fn root(&self, tree: Tree, of: TypeId) -> Result<Rules, Fault> {
        let name = self.spec.of(of).name.clone();
        self.rules(tree.def, tree.children, &Base { path: &name, types: &[of], element: None })
    }

    pub(super) fn rules(
        &self,
        def: ElementDef,
        children: Vec<(Box<str>, Tree)>,
        base: &Base<'_>,
    ) -> Result<Rules, Fault> {
        let types = self.types(base, def.types.as_deref())?;
        let owner = self.owner(base, &types);
        let children: Vec<Child> = children
            .into_iter()
            .map(|(name, tree)| self.child(owner, base.path, &name, tree))
            .collect::<Result<_, _>>()?;
        let of = (base.types.len() == 1 && types.is_empty()).then_some(owner);
        Ok(Rules {
            value: def.value,
            binding: def.binding.filter(|it| !base.has_binding(it)),
            additional: def.additional.unwrap_or_default(),
            max_length: def.max_length,
            invariants: self.invariants(base, def.constraints, of)?,
            children: children.into_iter().filter(|it| !it.is_empty()).collect(),
            types,
        })
    }

    fn child(&self, owner: TypeId, path: &str, name: &str, tree: Tree) -> Result<Child, Fault> {
        let ty = self.spec.of(owner);
        let path = format!("{path}.{name}");
        let bare = name.strip_suffix("[x]").unwrap_or(name);
        let (element, only) =
            find(ty, bare).ok_or_else(|| Fault::new(&path, format!("{} has no element {bare}", ty.name)))?;
        let own = [only.unwrap_or(owner)];
        let types = if only.is_some() { &own[..] } else { &element.types };
        let base = Base { path: &path, types, element: Some(element) };
        let (min, max) = (tree.def.min.unwrap_or(0), tree.def.max.unwrap_or(Max::Unbounded));
        check_range(&path, min, max)?;
        let Tree { mut def, children, slices } = tree;
        let slicing = slicing::compile(self, &base, def.slicing.take(), slices)?;
        Ok(Child {
            name: bare.into(),
            values: Children::named(&element.name),
            is_array: element.is_array,
            only,
            min: if only.is_none() && min <= u32::from(element.min) { 0 } else { min },
            max: if base_max(element) == max { Max::Unbounded } else { max },
            rules: self.rules(def, children, &base)?,
            slicing,
        })
    }

    /// The types that are told, where they are fewer, or ask for more, than those of the base.
    fn types(&self, base: &Base<'_>, told: Option<&[TypeDef]>) -> Result<Vec<TypeRule>, Fault> {
        let told = told.unwrap_or_default();
        let mut all = Vec::with_capacity(told.len());
        for it in told {
            // FHIRPath's own types stand for what R4 says of ids and the like already.
            if it.code.starts_with("http://hl7.org/fhirpath/") {
                return Ok(Vec::new());
            }
            let of = self.spec.type_named(&it.code);
            let of = of.ok_or_else(|| Fault::new(base.path, format!("{} is not a type of R4", shown(&it.code))))?;
            let (profiles, targets) = (it.profiles.clone(), it.targets.clone());
            all.push(TypeRule { of, profiles, targets, aggregation: it.aggregation });
        }
        Ok(if base.asks_as_much(self.spec, &all) { Vec::new() } else { all })
    }

    /// The type whose elements the children are.
    fn owner(&self, base: &Base<'_>, types: &[TypeRule]) -> TypeId {
        let one = match (types, base.types) {
            ([one], [base]) if self.spec.of(*base).kind != Kind::Backbone => Some(one.of),
            ([one], bases) if bases.len() != 1 => Some(one.of),
            (_, [base]) => Some(*base),
            _ => None,
        };
        one.or_else(|| self.spec.type_named("Element")).unwrap_or(TypeId(0))
    }

    fn invariants(
        &self,
        base: &Base<'_>,
        constraints: Vec<Constraint>,
        of: Option<TypeId>,
    ) -> Result<Vec<Invariant<'static>>, Fault> {
        let mut all = Vec::new();
        for constraint in constraints {
            if errata::is_implied(&constraint.key) || base.has_constraint(self.spec, &constraint) {
                continue;
            }
            Expression::parse(&constraint.expression)
                .map_err(|it| Fault::new(base.path, format!("its constraint {}: {it}", shown(&constraint.key))))?;
            all.push(Invariant::new(Cow::Owned(constraint), of));
        }
        Ok(all)
    }
}

/// What the standard says of an element that a profile is about.
pub(super) struct Base<'b> {
    pub path: &'b str,
    pub types: &'b [TypeId],
    pub element: Option<&'b Element>,
}

impl Base<'_> {
    fn has_binding(&self, binding: &crate::spec::Binding) -> bool {
        let unversioned = |it: &str| it.split('|').next().unwrap_or_default().to_owned();
        let same = |it: &crate::spec::Binding| {
            it.strength == binding.strength && *it.value_set == *unversioned(&binding.value_set)
        };
        self.element.and_then(|it| it.binding.as_ref()).is_some_and(same)
    }

    fn has_constraint(&self, spec: &Spec, constraint: &Constraint) -> bool {
        let of_types = self.types.iter().flat_map(|it| &spec.of(*it).constraints);
        let own = self.element.into_iter().flat_map(|it| &it.constraints);
        of_types.chain(own).any(|it| it.key == constraint.key && it.expression == constraint.expression)
    }

    /// Whether the base allows no more than these types.
    fn asks_as_much(&self, spec: &Spec, told: &[TypeRule]) -> bool {
        let targets = self.element.map_or(&[][..], |it| &it.targets);
        let is_plain = |it: &TypeRule| {
            let named = it.targets.iter().map(|url| core_type(spec, url));
            let any = it.targets.is_empty()
                || it.targets.iter().any(|it| &**it == "http://hl7.org/fhir/StructureDefinition/Resource");
            it.profiles.is_empty()
                && it.aggregation.is_any()
                && (any
                    || (named.clone().count() >= targets.len()
                        && !targets.is_empty()
                        && named.flatten().count() == it.targets.len()))
        };
        let is_told = |of: &TypeId| {
            let is_backbone = spec.of(*of).kind == Kind::Backbone;
            told.iter().any(|it| it.of == *of || is_backbone)
        };
        told.iter().all(is_plain) && self.types.iter().all(is_told)
    }
}

/// The element of a type with this name; for `valueQuantity` with the type that it names.
fn find<'t>(ty: &'t Type, name: &str) -> Option<(&'t Element, Option<TypeId>)> {
    if let Some(element) = ty.element(name) {
        return Some((element, None));
    }
    let property = ty.property(name)?;
    ty.elements.get(property.element as usize).map(|it| (it, Some(property.of)))
}

fn base_max(element: &Element) -> Max {
    element.max.map_or(Max::Unbounded, |it| Max::Times(it.into()))
}

/// Fails if an element would have to be there more often than it may.
pub(super) fn check_range(path: &str, min: u32, max: Max) -> Result<(), Fault> {
    match max {
        Max::Times(most) if most < min => Err(Fault::new(path, "its min is greater than its max")),
        _ => Ok(()),
    }
}

/// A name from a profile, fit to be said back.
pub(super) fn shown(name: &str) -> String {
    crate::outcome::shown(name)
}
