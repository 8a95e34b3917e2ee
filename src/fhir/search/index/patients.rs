//! The patients to whom a resource refers elsewhere than by the parameters of their compartment
//! (compartmentdefinition.html): in other elements, in extensions, in what it contains.

use super::super::concerned::owning_codes;
use super::super::{IndexSink, ParamId, Target};
use crate::json::{Step, Value};
use crate::spec::{Spec, TypeId};
use rustc_hash::FxHashSet;

/// The type of those who are told.
const PATIENT: &str = "Patient";

/// The codes of the parameters that tell patients by themselves.
pub(super) fn telling(spec: &Spec, of: TypeId) -> Vec<&str> {
    spec.resource(PATIENT).and_then(|it| owning_codes(spec, of, it)).unwrap_or_default()
}

/// Tells the patients of all references but those that were told, by [`Value::index`].
pub(super) fn tell(
    (spec, of): (&Spec, TypeId),
    resource: Value<'_>,
    base: &str,
    told: &FxHashSet<u32>,
    sink: &mut dyn IndexSink,
) {
    for value in resource.descendants().filter(|it| it.is_object() && !told.contains(&it.index())) {
        if let Some(reference) = value.str("reference") {
            let target = Target::parse(reference, base);
            let may_be = match target {
                Target::Local { of, .. } => of == PATIENT,
                Target::Url(url) => url.contains("/Patient/"),
            };
            if may_be {
                sink.reference(ParamId::PATIENTS, &target);
            }
            continue;
        }
        let Some(identifier) = value.get("identifier").filter(|it| it.is_object()) else { continue };
        let Some(text) = identifier.str("value") else { continue };
        if may_be_patient(spec, of, resource, value) {
            sink.logical(ParamId::PATIENTS, value.str("type"), identifier.str("system"), text);
        }
    }
}

/// Whether a reference by an identifier alone may lead to a patient: it says so, or says nothing and stands where one may.
fn may_be_patient(spec: &Spec, of: TypeId, resource: Value<'_>, reference: Value<'_>) -> bool {
    match reference.str("type") {
        Some(named) => named == PATIENT,
        None => leads_to_patient(spec, of, resource, reference).unwrap_or_default(),
    }
}

/// Whether an element is a reference of which the definition lets it lead to a patient.
fn leads_to_patient(spec: &Spec, of: TypeId, resource: Value<'_>, reference: Value<'_>) -> Option<bool> {
    let (mut of, mut value, mut targets) = (of, resource, None);
    for step in resource.steps_to(reference) {
        value = match step {
            Step::Item(at) => value.each().nth(at)?,
            Step::Member(name) => {
                let property = spec.of(of).property(name)?;
                let element = spec.of(of).elements.get(usize::from(property.element))?;
                of = property.of;
                targets = Some(&element.targets);
                value.get(name)?
            }
        };
        // What is contained, or an entry, is of the type that it says.
        if let Some(own) = value.str("resourceType") {
            of = spec.resource(own)?;
        }
    }
    let patient = spec.resource(PATIENT)?;
    Some(&*spec.of(of).name == "Reference" && targets.is_some_and(|it| it.is_empty() || it.contains(&patient)))
}
