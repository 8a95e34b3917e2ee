//! What a resource points at that says of no patient whose it is, or not of all: a Provenance is of those whose records its
//! targets are. The types and their elements are those by which rules hide what points at hidden records
//! ([`fhir::search::pointing`]).

use super::patients::{PATIENT, is_ever_owned};
use fhir::json::{Doc, Limits, Value};
use fhir::search::{Target, own_alternatives, pointing};
use fhir::spec::r4;
use std::sync::LazyLock;
use store::Key;

/// The type of which each target counts, whether it names a patient or not.
const PROVENANCE: &str = "Provenance";

/// A resource by which it is told whose another one is, or a version of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) key: Key,
    /// `None` for the newest one.
    pub(super) version: Option<i64>,
}

/// By what it is told whose a resource is.
pub(super) enum Whose<'b> {
    /// The id of a patient.
    Patient(&'b str),
    /// Whose that is.
    Record(Record),
}

/// The elements by which a type points at records: the names on the way to each.
type Elements = Vec<Vec<&'static str>>;

/// Those of each type that points at some.
static POINTING: LazyLock<Vec<(&str, Elements)>> =
    LazyLock::new(|| pointing().iter().map(|(of, codes)| (*of, elements(of, codes))).collect());

fn elements(of: &str, codes: &[&str]) -> Elements {
    let Some(type_id) = r4().resource(of) else { return Elements::new() };
    let params = codes.iter().filter_map(|it| r4().param(type_id, it));
    let paths = params.flat_map(|it| own_alternatives(r4(), it, type_id));
    let mut all: Elements = paths.map(|it| it.split('.').skip(1).collect()).collect();
    all.sort();
    all.dedup();
    all
}

/// Tells by what it is told whose a resource is that points at others. Whose it is of itself is known: what names a patient is
/// that patient's, whatever it points at.
pub(super) fn each_pointed(of: &str, is_told: bool, body: &[u8], base: &str, tell: &mut dyn FnMut(Whose<'_>)) {
    let Some((_, elements)) = POINTING.iter().find(|(it, _)| *it == of) else { return };
    if is_told && of != PROVENANCE {
        return;
    }
    // What is stored is within the limits of what was sent.
    let limits = Limits { depth: 256, values: usize::MAX };
    let Some(doc) = std::str::from_utf8(body).ok().and_then(|it| Doc::parse_within(it, &limits).ok()) else { return };
    for element in elements {
        each_reference(doc.root(), element, &mut |it| tell_target(it, base, tell));
    }
}

fn each_reference(value: Value<'_>, element: &[&str], found: &mut dyn FnMut(&str)) {
    match element {
        [] => value.str("reference").into_iter().for_each(found),
        [first, rest @ ..] => {
            let inner = value.get(first).into_iter().flat_map(Value::each);
            inner.for_each(|it| each_reference(it, rest, found));
        }
    }
}

/// Tells what a reference leads to, if that is here and may be somebody's.
pub(super) fn tell_target(reference: &str, base: &str, tell: &mut dyn FnMut(Whose<'_>)) {
    let Target::Local { of, id } = Target::parse(reference, base) else { return };
    if !fhir::primitive::is_id(id) {
        return;
    }
    if of == PATIENT {
        tell(Whose::Patient(id));
    } else if is_ever_owned(of) {
        let version = Target::versioned(reference, base).and_then(|it| it.rsplit('/').next()?.parse().ok());
        // Versions here are numbers from 1 on: what names another is of whom the resource is now, and not nobody's.
        let version = version.filter(|it| *it > 0);
        tell(Whose::Record(Record { key: Key::new(of, id), version }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_reached_by_their_names_alone() {
        for (of, elements) in POINTING.iter() {
            assert!(!elements.is_empty(), "{of}");
            for name in elements.iter().flatten() {
                assert!(name.chars().all(|it| it.is_ascii_alphabetic()), "{of}: {name}");
            }
        }
    }

    #[test]
    fn what_is_pointed_at_is_told_but_for_what_is_nobodys() {
        let body = r##"{"resourceType":"Provenance","target":[{"reference":"Observation/1/_history/2"},
            {"reference":"http://x/fhir/north/Condition/3"},{"reference":"http://y/fhir/north/Condition/4"},{"reference":"Patient/5"},
            {"reference":"Location/6"},{"reference":"#7"},{"reference":"urn:uuid:8"},{"reference":"AuditEvent/9"},
            {"reference":"Condition/c/_history/W1"},{"reference":"Condition/d/_history/0"}],
            "entity":[{"what":{"reference":"Task/a"},"agent":[{"who":{"reference":"Patient/b"}}]}]}"##;
        let mut told = Vec::new();
        each_pointed("Provenance", true, body.as_bytes(), "http://x/fhir/north", &mut |it| {
            told.push(match it {
                Whose::Patient(id) => format!("Patient/{id}"),
                Whose::Record(Record { key, version }) => format!("{key} {version:?}"),
            });
        });
        let expected = ["Task/a None", "Observation/1 Some(2)", "Condition/3 None", "Patient/5"];
        assert_eq!(told, [&expected[..], &["Condition/c None", "Condition/d None"]].concat());
    }
}
