//! Which search parameters can have at most one value, as far as their expressions tell plainly.

use super::ParamId;
use crate::spec::{Spec, TypeId};

/// Whether the parameter of this type selects a single element that does not repeat: one plain path whose every step
/// has a maximum of 1. When in doubt, no.
pub fn has_one_value(spec: &Spec, of: TypeId, param: ParamId) -> bool {
    let name = &spec.of(of).name;
    let Some(found) = spec.params_of(of).into_iter().find(|it| ParamId::of_param(name, it) == param) else {
        return false;
    };
    if &*found.code == "_lastUpdated" {
        return true;
    }
    let mut own =
        found.expression.split('|').map(str::trim).filter(|it| {
            it.trim_start_matches('(').strip_prefix(&**name).is_some_and(|rest| rest.starts_with(['.', ' ']))
        });
    match (own.next(), own.next()) {
        (Some(path), None) => is_single_path(spec, of, path),
        _ => false,
    }
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
            ("Condition", "onset-date", false),
            ("Schedule", "date", true),
        ] {
            let of_type = r4().resource(of).unwrap();
            assert_eq!(has_one_value(r4(), of_type, ParamId::of(of, code)), expected, "{of}.{code}");
        }
    }
}
