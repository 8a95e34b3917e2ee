//! The FHIRPath of a value, for an issue.

use crate::json::{Step, Value};
use crate::path::Node;
use crate::spec::{Kind, Spec, TypeId};
use std::fmt::Write;

/// The FHIRPath from a resource down to a value in it, such as `Patient.name[0].given[1]` or
/// `Observation.value.ofType(Quantity).unit` (fhirpath.html#simple). Members that the type does not have go by their
/// name, if it can stand in FHIRPath.
pub(crate) fn of(spec: &Spec, root: Value<'_>, target: Value<'_>) -> String {
    let mut here = root;
    let mut ty = resource_type(spec, root);
    let mut path = ty.map_or(String::new(), |it| spec.of(it).name.to_string());
    for step in root.steps_to(target) {
        match step {
            Step::Item(position) => {
                let _ = write!(path, "[{position}]");
                here = here.item(position).unwrap_or(here);
            }
            Step::Member(key) => {
                here = here.get(key).unwrap_or(here);
                ty = member(spec, ty, key, &mut path);
            }
        }
        if ty.is_some_and(|it| spec.of(it).kind == Kind::Resource) && here.is_object() {
            ty = resource_type(spec, here);
        }
    }
    path
}

/// The element that holds an extension.
pub(super) struct Holder<'a> {
    /// Of a primitive its companion.
    pub value: Value<'a>,
    /// What a definition of extensions may call it by: its types, and its name in the types that have it
    /// (defining-extensions.html#context).
    pub names: Vec<String>,
    pub node: Option<Node<'a>>,
}

/// Finds what an extension stands on.
pub(super) fn holder<'a>(spec: &Spec, root: Value<'a>, extension: Value<'a>) -> Holder<'a> {
    let mut steps = root.steps_to(extension);
    let is_member = |it: &Step<'_>| matches!(it, Step::Member(_));
    steps.truncate(steps.iter().rposition(is_member).unwrap_or(0));
    let (mut here, mut ty, mut at) = (root, resource_type(spec, root), None);
    // Beside the companion of a primitive, its value.
    let mut beside: Option<Value<'a>> = None;
    for step in steps {
        match step {
            Step::Item(position) => {
                here = here.item(position).unwrap_or(here);
                beside = beside.and_then(|it| it.item(position));
            }
            Step::Member(key) => {
                beside = key.strip_prefix('_').and_then(|it| here.get(it));
                here = here.get(key).unwrap_or(here);
                let owner = ty;
                ty = member(spec, owner, key, &mut String::new());
                at = owner.map(|it| (it, key));
            }
        }
        if ty.is_some_and(|it| spec.of(it).kind == Kind::Resource) && here.is_object() {
            (ty, at) = (resource_type(spec, here), None);
        }
    }
    let is_companion = at.is_some_and(|(_, key)| key.starts_with('_'));
    let (value, companion) =
        if is_companion { (beside.filter(|it| !it.is_null()), Some(here)) } else { (Some(here), None) };
    let names = names(spec, ty, at.map(|(owner, key)| (owner, key.strip_prefix('_').unwrap_or(key))));
    Holder { value: here, names, node: ty.map(|of| Node::new(of, value, companion)) }
}

/// What an element of a type may be called, which is this member of another.
fn names(spec: &Spec, of: Option<TypeId>, member: Option<(TypeId, &str)>) -> Vec<String> {
    let mut names: Vec<String> =
        of.into_iter().flat_map(|it| spec.lineage(it)).map(|it| spec.of(it).name.to_string()).collect();
    if let Some((owner, key)) = member
        && let Some(property) = spec.of(owner).property(key)
    {
        let element = &spec.of(owner).elements[property.element as usize];
        for of in spec.lineage(owner).map(|it| &spec.of(it).name) {
            names.push(format!("{of}.{}", element.name));
            names.push(format!("{of}.{}[x]", element.name));
        }
    }
    names
}

fn resource_type(spec: &Spec, value: Value<'_>) -> Option<TypeId> {
    value.str("resourceType").and_then(|it| spec.resource(it))
}

/// Adds the step into a member; gives the member's type.
fn member(spec: &Spec, ty: Option<TypeId>, key: &str, path: &mut String) -> Option<TypeId> {
    let dot = if path.is_empty() { "" } else { "." };
    let name = key.strip_prefix('_').unwrap_or(key);
    let Some((ty, property)) = ty.and_then(|it| Some((spec.of(it), spec.of(it).property(name)?))) else {
        let _ = write!(path, "{dot}{name}");
        return None;
    };
    let element = &ty.elements[property.element as usize];
    let _ = write!(path, "{dot}{}", element.name);
    if element.is_choice {
        let _ = write!(path, ".ofType({})", spec.of(property.of).name);
    }
    Some(property.of)
}
