//! The elements that can be masked.

use super::below;
use crate::outcome::shown;
use crate::spec::{Element, Kind, ParamType, Spec, Type, TypeId};

/// The parameters by which a record is about somebody.
const SUBJECTS: [&str; 2] = ["patient", "subject"];

/// Where steps from a resource type lead.
pub(super) struct Walked<'s> {
    /// The path of the definition, without the type; of what is known of it.
    pub(super) path: String,
    /// The last element, unless a step was unknown.
    pub(super) element: Option<&'s Element>,
}

/// Goes along elements from a resource type.
pub(super) fn walk<'s>(spec: &'s Spec, of: TypeId, steps: &[&str]) -> Walked<'s> {
    let root = &*spec.of(of).name;
    let mut walked = Walked { path: String::new(), element: None };
    let mut here = vec![of];
    for step in steps {
        let found = here.iter().find_map(|it| {
            let of = spec.of(*it);
            (of.kind != Kind::Primitive).then_some(of)?.element(step)
        });
        walked.element = found;
        let Some(element) = found else { return walked };
        walked.path = below(&walked.path, &element.name);
        here.clone_from(&element.types);
        if let [only] = here.as_slice()
            && let Some(own) = group(spec.of(*only), root)
        {
            own.clone_into(&mut walked.path);
        }
    }
    walked
}

/// The path of a group of elements, which it has wherever it lies.
pub(super) fn group<'t>(of: &'t Type, root: &str) -> Option<&'t str> {
    let is_group = of.kind == Kind::Backbone;
    of.name.strip_prefix(root).and_then(|it| it.strip_prefix('.')).filter(|_| is_group)
}

/// Reads an element that is to be hidden, `Patient.telecom.value`: its type and its path; fails with what is wrong with it.
///
/// A resource without its mandatory elements is none, and one without a modifier element would be taken for something
/// else (conformance-rules.html#isModifier). By whom it is about, consents and the audit log go. Definitions, and the audit
/// log itself, are the same for whoever reads them.
pub fn element(spec: &Spec, text: &str) -> Result<(TypeId, String), String> {
    let told = |why: &str| Err(format!("{} cannot be masked: {why}.", shown(text)));
    let mut steps = text.split('.');
    let Some(of) = steps.next().and_then(|it| spec.resource(it)) else {
        return told("an element is written with its resource type, such as Patient.telecom.value");
    };
    let steps: Vec<&str> = steps.map(|it| it.strip_suffix("[x]").unwrap_or(it)).collect();
    let of_type = spec.of(of);
    if is_definition(of_type) {
        return told("definitions and the audit log are the same for whoever reads them");
    }
    let Walked { path, element: Some(element) } = walk(spec, of, &steps) else {
        return told("the type has no such element");
    };
    match steps.as_slice() {
        ["id" | "meta" | "contained", ..] | [.., "id"] => told("it says which resource this is, or what it has"),
        [_] if element.min > 0 => told("the type must have it"),
        _ if element.is_modifier => told("without it the rest would be understood otherwise"),
        _ if tells_subject(spec, of, &path) => {
            told("it says whose record this is, by which consents and the audit log go")
        }
        _ => Ok((of, path)),
    }
}

/// Whether resources of a type are definitions that others go by (resource.html#canonical), or events of the log.
fn is_definition(of: &Type) -> bool {
    (of.element("url").is_some() && of.element("experimental").is_some()) || &*of.name == "AuditEvent"
}

/// Whether an element is the reference to whom a resource is about, or is what that lies in, or its address.
pub(super) fn tells_subject(spec: &Spec, of: TypeId, path: &str) -> bool {
    let params = SUBJECTS.iter().filter_map(|it| spec.param(of, it)).filter(|it| it.kind == ParamType::Reference);
    params.into_iter().any(|param| {
        let subjects = super::look::paths(spec, of, param).unwrap_or_default();
        subjects.iter().any(|it| super::is_in(it, path) || path.strip_prefix(it.as_str()) == Some(".reference"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    fn read(text: &str) -> Option<String> {
        element(r4(), text).ok().map(|(of, path)| format!("{}.{path}", r4().of(of).name))
    }

    #[test]
    fn elements_are_those_of_the_type() {
        for (text, written) in [
            ("Patient.identifier", Some("Patient.identifier")),
            ("Patient.telecom.value", Some("Patient.telecom.value")),
            ("Observation.value[x]", Some("Observation.value")),
            ("Observation.value.unit", Some("Observation.value.unit")),
            ("Observation.component.code", Some("Observation.component.code")),
            ("Observation.subject.display", Some("Observation.subject.display")),
            ("Observation.performer", Some("Observation.performer")),
            ("QuestionnaireResponse.item.item.answer", Some("QuestionnaireResponse.item.answer")),
            ("Patient.text", Some("Patient.text")),
            ("identifier", None),
            ("Patient", None),
            ("Patient.nothing", None),
            ("Patient.birthDate.extension", None),
            ("Observation.code", None),
            ("Patient.active", None),
            ("Patient.telecom.use", None),
            ("Patient.id", None),
            ("Patient.meta.tag", None),
            ("Observation.subject", None),
            ("Observation.subject.reference", None),
            ("Appointment.participant", None),
            ("ValueSet.compose", None),
            ("AuditEvent.agent", None),
        ] {
            assert_eq!(read(text).as_deref(), written, "{text}");
        }
        assert!(element(r4(), "Observation.code").unwrap_err().contains("Observation.code"));
    }
}
