//! Which search parameters can have at most one value, as far as their expressions tell plainly.

use super::ParamId;
use crate::spec::{SearchParam, Spec, TypeId};

/// Whether the parameter of this type selects a single element that does not repeat: one plain path whose every step
/// has a maximum of 1, or several types of one such path. When in doubt, no.
pub fn has_one_value(spec: &Spec, of: TypeId, param: ParamId) -> bool {
    let name = &spec.of(of).name;
    let found = spec.params_of(of).into_iter().find(|it| ParamId::of_param(name, it) == param);
    found.is_some_and(|it| selects_one_value(spec, of, it))
}

/// The same of a parameter that is at hand.
pub(super) fn selects_one_value(spec: &Spec, of: TypeId, param: &SearchParam) -> bool {
    if &*param.code == "_lastUpdated" {
        return true;
    }
    let name = &spec.of(of).name;
    let own = param
        .expression
        .split('|')
        .map(path_of)
        .filter(|it| it.strip_prefix(&**name).is_some_and(|rest| rest.starts_with('.')));
    let mut paths: Vec<&str> = own.collect();
    paths.dedup();
    matches!(paths.as_slice(), [path] if is_single_path(spec, of, path))
}

/// The path of an alternative, without the type that it takes of a choice: of the types of one element a resource has one.
/// Nor does a condition at its end (`where(resolve() is Patient)`) make more of one.
fn path_of(alternative: &str) -> &str {
    let whole = alternative.trim().trim_start_matches('(');
    let conditional = whole.split_once(".where(").filter(|(_, condition)| is_condition(condition));
    let whole = conditional.map_or(whole, |(path, _)| path);
    let parted = whole.split_once(".as(").or_else(|| whole.split_once(" as "));
    parted.filter(|(_, of)| !of.contains('.')).map_or(whole, |(path, _)| path)
}

/// Whether a text ends where its first bracket, which is open, closes.
fn is_condition(text: &str) -> bool {
    let mut depth = 1_i32;
    let closes = text.char_indices().find(|(_, it)| {
        depth += i32::from(*it == '(') - i32::from(*it == ')');
        depth == 0
    });
    closes.is_some_and(|(at, _)| at + 1 == text.len())
}

fn is_single_path(spec: &Spec, of: TypeId, path: &str) -> bool {
    let mut here = of;
    for step in path.split('.').skip(1) {
        let Some(element) = spec.of(here).element(step) else { return false };
        match (element.max, element.types.as_slice()) {
            (Some(0 | 1), [only]) => here = *only,
            // The last step of a choice may be of any type; nothing follows it.
            (Some(0 | 1), _) => return path.ends_with(&format!(".{step}")),
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    #[test]
    fn repeating_steps_and_other_shapes_are_not_single() {
        for (of, code, expected) in [
            ("Observation", "date", true),
            ("Patient", "birthdate", true),
            ("Encounter", "date", true),
            ("Patient", "_lastUpdated", true),
            ("Observation", "component-code", false),
            ("Condition", "onset-date", true),
            ("MedicationRequest", "date", false),
            ("AllergyIntolerance", "code", false),
            ("Schedule", "date", true),
            ("Observation", "subject", true),
            ("Observation", "patient", true),
            ("Condition", "patient", true),
            ("DiagnosticReport", "encounter", true),
            ("DocumentReference", "encounter", false),
            ("Observation", "performer", false),
            ("Patient", "general-practitioner", false),
            ("Patient", "phone", false),
        ] {
            let of_type = r4().resource(of).unwrap();
            assert_eq!(has_one_value(r4(), of_type, ParamId::of(of, code)), expected, "{of}.{code}");
        }
    }
}
