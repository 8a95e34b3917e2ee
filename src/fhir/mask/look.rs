//! Which elements a search parameter looks at, as far as its expression tells.

use super::Mask;
use super::element::{tells_subject, walk};
use crate::search::own_alternatives;
use crate::search::query::is_full_text;
use crate::spec::{ParamType, SearchParam, Spec, TypeId};

/// What looks elsewhere than along its path.
const ELSEWHERE: [&str; 6] = ["%", "`", "descendants", "children", "repeat", "resolve"];
/// Operators that are words.
const OPERATORS: [&str; 10] = ["as", "is", "and", "or", "xor", "implies", "in", "contains", "div", "mod"];
/// A condition on the type of what a reference leads to, which the reference tells.
const OF_TYPE: &str = ".where(resolve() is ";

/// Whether a search parameter of a resource type tells of an element that a mask of the type hides. What cannot be told
/// from its expression does; so does full text, which is of the whole resource.
pub fn looks_at(spec: &Spec, of: TypeId, param: &SearchParam, mask: &Mask) -> bool {
    if mask.is_empty() {
        return false;
    }
    is_full_text(param) || paths(spec, of, param).is_none_or(|it| it.iter().any(|path| mask.touches(path)))
}

/// Whether a search parameter asks for identifiers by which references name what they lead to, or for something else that
/// cannot be told.
pub fn looks_at_identities(spec: &Spec, of: TypeId, param: &SearchParam) -> bool {
    paths(spec, of, param).is_none_or(|it| it.iter().any(|path| path.contains(".identifier")))
}

/// Whether a search parameter is a reference to whom a resource is about and looks at nothing else: at what neither a mask nor
/// a label hides without the whole resource.
pub fn looks_at_subject(spec: &Spec, of: TypeId, param: &SearchParam) -> bool {
    let tells = |it: Vec<String>| it.iter().all(|path| tells_subject(spec, of, path));
    param.kind == ParamType::Reference && paths(spec, of, param).is_some_and(tells)
}

/// The paths of the elements that a parameter looks at; `None` where its expression does not tell.
pub(super) fn paths(spec: &Spec, of: TypeId, param: &SearchParam) -> Option<Vec<String>> {
    let roots: Vec<&str> = spec.lineage(of).map(|it| &*spec.of(it).name).collect();
    let mut all = Vec::new();
    for alternative in own_alternatives(spec, param, of) {
        for Start { is_rooted, steps } in starts(alternative, &roots)? {
            // A name in brackets that the type does not have is one of what stands before them.
            let is_known = steps.first().is_some_and(|it| spec.of(of).element(it).is_some());
            if !is_rooted && !is_known {
                continue;
            }
            let ends = match param.components.is_empty() {
                true => vec![steps],
                false => components((spec, of), param, &steps, &roots)?,
            };
            all.extend(ends.iter().map(|steps| walk(spec, of, steps).path));
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What the components of a composite look at from one of its matches.
fn components<'p>(
    (spec, of): (&Spec, TypeId),
    param: &'p SearchParam,
    base: &[&'p str],
    roots: &[&str],
) -> Option<Vec<Vec<&'p str>>> {
    let mut all = Vec::new();
    for component in &param.components {
        let from_base = |it: Start<'p>| base.iter().copied().chain(it.steps).collect::<Vec<_>>();
        let mut ends: Vec<Vec<&str>> = starts(&component.expression, roots)?.into_iter().map(from_base).collect();
        ends.retain(|it| it.get(..=base.len()).is_some_and(|it| walk(spec, of, it).element.is_some()));
        if ends.is_empty() {
            return None;
        }
        all.extend(ends);
    }
    Some(all)
}

/// A path of plain steps.
#[derive(Debug, PartialEq)]
struct Start<'t> {
    /// Whether the type stood before it.
    is_rooted: bool,
    steps: Vec<&'t str>,
}

/// Every path of plain steps in an expression, from its start up to the first function: what stands behind that lies
/// within it. What stands in brackets is taken as a path of its own as well. `None` where there is none.
fn starts<'t>(text: &'t str, roots: &[&str]) -> Option<Vec<Start<'t>>> {
    let without = text.replace(OF_TYPE, "");
    if ELSEWHERE.iter().any(|it| without.contains(it)) {
        return None;
    }
    let mut all = Vec::new();
    let mut rest = text;
    let mut is_start = true;
    while let Some(c) = rest.chars().next() {
        if let Some(condition) = rest.strip_prefix(OF_TYPE) {
            rest = condition.split_once(')').map_or("", |(_, rest)| rest);
            is_start = false;
        } else if c == '\'' {
            rest = rest.get(1..).and_then(|it| it.split_once('\'')).map_or("", |(_, rest)| rest);
            is_start = true;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let (steps, behind) = chain(rest);
            let is_name = |it: &&str| !it.starts_with(|it: char| it.is_ascii_uppercase()) && !OPERATORS.contains(it);
            match steps.split_first() {
                Some((first, steps)) if is_start && roots.contains(first) => {
                    all.push(Start { is_rooted: true, steps: steps.to_vec() });
                }
                Some((first, _)) if is_start && is_name(first) => all.push(Start { is_rooted: false, steps }),
                _ => {}
            }
            rest = behind;
            is_start = false;
        } else {
            is_start = c != '.';
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    (!all.is_empty()).then_some(all)
}

/// The names at the beginning of a text that points join, without one that is a function's; and what is behind them.
fn chain(text: &str) -> (Vec<&str>, &str) {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        rest = behind;
        if behind.starts_with('(') {
            return (names, rest);
        }
        names.push(name);
        match behind.strip_prefix('.') {
            Some(next)
                if next.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
                    && !next.starts_with("where(resolve()") =>
            {
                rest = next;
            }
            _ => return (names, rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    fn looks(of: &str, code: &str, path: &str) -> bool {
        let mut mask = Mask::default();
        mask.hide(path);
        let of = r4().resource(of).unwrap();
        looks_at(r4(), of, r4().param(of, code).unwrap(), &mask)
    }

    #[test]
    fn a_parameter_looks_along_its_path() {
        for (of, code, path, expected) in [
            ("Patient", "identifier", "identifier", true),
            ("Patient", "identifier", "identifier.value", true),
            ("Patient", "name", "name.family", true),
            ("Patient", "given", "name.family", false),
            ("Patient", "phone", "telecom.value", true),
            ("Patient", "phone", "identifier", false),
            ("Patient", "deceased", "deceased", true),
            ("Patient", "death-date", "deceased", true),
            ("Patient", "link", "name", false),
            ("Patient", "link", "link.other.display", true),
            ("Patient", "_id", "name", false),
            ("Patient", "_content", "photo", true),
            ("Patient", "_text", "photo", true),
            ("Observation", "value-quantity", "value", true),
            ("Observation", "value-quantity", "note", false),
            ("Observation", "combo-value-quantity", "component.value", true),
            ("Observation", "code-value-quantity", "note", false),
            ("Observation", "code-value-quantity", "value", true),
            ("Observation", "component-code-value-quantity", "component.value", true),
            ("Observation", "component-code-value-quantity", "value", false),
            ("Observation", "patient", "subject.display", true),
            ("Observation", "patient", "performer", false),
            ("Location", "near", "position", true),
            ("Bundle", "composition", "entry.resource", true),
        ] {
            assert_eq!(looks(of, code, path), expected, "{of}?{code} {path}");
        }
    }

    #[test]
    fn every_parameter_of_r4_tells_where_it_looks() {
        for of in r4().resources() {
            for param in r4().params_of(of) {
                // One composite of R4 looks at the whole resource from within a match.
                let is_within = param.components.iter().all(|it| !it.expression.contains('%'));
                let is_plain = !param.expression.is_empty() && !is_full_text(param) && is_within;
                if let Some(paths) = paths(r4(), of, param).filter(|_| is_plain) {
                    let is_whole = paths.iter().any(String::is_empty);
                    assert!(!is_whole, "{}?{} {}", r4().of(of).name, param.code, param.expression);
                } else {
                    assert!(!is_plain, "{}?{} {}", r4().of(of).name, param.code, param.expression);
                }
            }
        }
    }

    #[test]
    fn what_looks_elsewhere_is_not_told() {
        for text in
            ["%resource.name", "Patient.descendants()", "Patient.link.other.resolve().name", "'x'", "Patient.`name`"]
        {
            assert_eq!(starts(text, &["Patient"]), None, "{text}");
        }
        let steps = |text| starts(text, &["Patient"]).unwrap().into_iter().map(|it| it.steps).collect::<Vec<_>>();
        assert_eq!(steps("Patient.where(active).name"), [vec![], vec!["active"]]);
        assert_eq!(steps("(Patient.deceased as dateTime)"), [vec!["deceased"], vec!["dateTime"]]);
        assert_eq!(steps("name.given"), [vec!["name", "given"]]);
        assert_eq!(steps("Patient.extension('u').value"), [Vec::<&str>::new()]);
    }
}
