//! The FHIRPath of a value, for an issue.

use crate::json::{Step, Value};
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
