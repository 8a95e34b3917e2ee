//! Value sets that are there without a resource (valueset.html#implicit), and versions as code systems have them.

use super::MEMBERSHIP;
use crate::terminology::{Filter, ValueSet};
use crate::units::UCUM;
use percent_encoding::percent_decode_str;
use std::cmp::Ordering;

/// SNOMED CT; its editions are named by URLs that begin so (snomedct.html#version).
const SNOMED: &str = "http://snomed.info/sct";
/// LOINC.
const LOINC: &str = "http://loinc.org";

/// The value set of a canonical without a resource: `[system]?fhir_vs` is all of a code system, `[system]?fhir_vs=isa/[code]`
/// what a concept subsumes, `=refset` the reference sets, `=refset/[code]` the members of one, and `=ecl/[expression]` what an
/// expression constraint chooses (snomedct.html#implicit, for any code system); `http://loinc.org/vs`, with an answer list or a part
/// behind it (loinc.html#implicit); all units, and behind a `/` those that measure the same as one (ucum.html).
pub fn implicit(canonical: &str) -> Option<ValueSet> {
    let filter = |property: &str, op: &str, value: &str| Filter {
        property: property.to_owned(),
        op: op.to_owned(),
        value: value.to_owned(),
    };
    if let Some(rest) = canonical.strip_prefix("http://loinc.org/vs") {
        return match rest.strip_prefix('/') {
            None if rest.is_empty() => Some(ValueSet::implicit(canonical, LOINC, None, None)),
            Some(list) if list.starts_with("LL") => {
                Some(ValueSet::implicit(canonical, LOINC, None, Some(filter("LIST", "=", list))))
            }
            Some(part) if part.starts_with("LP") => {
                Some(ValueSet::implicit(canonical, LOINC, None, Some(filter("ancestor", "=", part))))
            }
            _ => None,
        };
    }
    if let Some(rest) = canonical.strip_prefix("http://unitsofmeasure.org/vs") {
        let filter = match rest.strip_prefix('/') {
            None if rest.is_empty() => None,
            Some(unit) if !unit.is_empty() => {
                Some(filter("canonical", "=", &percent_decode_str(unit).decode_utf8().ok()?))
            }
            _ => return None,
        };
        return Some(ValueSet::implicit(canonical, UCUM, None, filter));
    }
    let (system, rest) = canonical.split_once("?fhir_vs")?;
    let (system, version) = match system.strip_prefix(SNOMED) {
        Some(edition) if edition.starts_with('/') => (SNOMED, Some(system)),
        _ => (system, None),
    };
    let filter = match rest.strip_prefix('=').map(|it| it.split_once('/').unwrap_or((it, ""))) {
        None if rest.is_empty() => None,
        Some(("isa", code)) if !code.is_empty() => Some(filter("concept", "is-a", code)),
        Some(("refset", "")) => Some(filter(MEMBERSHIP, "=", "")),
        Some(("refset", set)) => Some(filter(MEMBERSHIP, "=", set)),
        // An expression in a URL is encoded, but not everybody does it.
        Some(("ecl", expression)) if !expression.is_empty() => {
            Some(filter("constraint", "=", &percent_decode_str(expression).decode_utf8().ok()?))
        }
        _ => return None,
    };
    Some(ValueSet::implicit(canonical, system, version, filter))
}

/// Whether a version is one that was asked for: it itself, or one of the edition of SNOMED CT that was asked for
/// (snomedct.html#version).
pub fn is_version(version: &str, asked: &str) -> bool {
    let rest = version.strip_prefix(asked);
    rest.is_some_and(|it| it.is_empty() || (asked.starts_with(SNOMED) && it.starts_with("/version/")))
}

/// Versions by their parts, numbers by their value: `1.10` comes after `1.9`. Of a version that is a URL the last part counts
/// first, the date of an edition.
pub fn later(a: &str, b: &str) -> Ordering {
    let last = |it: &str| it.rsplit('/').next().unwrap_or_default().to_owned();
    by_parts(&last(a), &last(b)).then_with(|| by_parts(a, b))
}

fn by_parts(a: &str, b: &str) -> Ordering {
    let mut pairs = a.split(['.', '-']).zip(b.split(['.', '-']));
    let unequal = pairs.find_map(|(a, b)| {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        };
        (order != Ordering::Equal).then_some(order)
    });
    unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminology::Include;

    #[test]
    fn versions_are_compared_by_their_parts() {
        let edition = |module: &str, date: &str| format!("http://snomed.info/sct/{module}/version/{date}");
        let (old, new) = (edition("900000000000207008", "20230131"), edition("11000172109", "20240131"));
        for (less, greater) in [
            ("1.9", "1.10"),
            ("1", "1.0"),
            ("2018-08-12", "2019-01-01"),
            ("a", "b"),
            ("", "1"),
            ("2.9", "2.77"),
            (old.as_str(), new.as_str()),
        ] {
            assert_eq!(later(less, greater), Ordering::Less, "{less} {greater}");
        }
        assert!(is_version(&old, "http://snomed.info/sct/900000000000207008") && is_version(&old, &old));
        assert!(!is_version(&old, "http://snomed.info/sct/9000") && !is_version("2.77", "2.7") && is_version("2", "2"));
    }

    #[test]
    fn implicit_value_sets_name_their_code_system() {
        for (canonical, system) in [
            ("http://snomed.info/sct?fhir_vs=isa/138875005", "http://snomed.info/sct"),
            ("http://snomed.info/sct/11000172109?fhir_vs", "http://snomed.info/sct|http://snomed.info/sct/11000172109"),
            ("http://loinc.org/vs", "http://loinc.org"),
            ("http://loinc.org/vs/LL715-4", "http://loinc.org"),
            ("http://unitsofmeasure.org/vs", "http://unitsofmeasure.org"),
            ("http://unitsofmeasure.org/vs/g", "http://unitsofmeasure.org"),
            ("urn:x?fhir_vs", "urn:x"),
        ] {
            let set = implicit(canonical).unwrap();
            assert_eq!(set.rules().filter_map(Include::code_system).collect::<Vec<_>>(), [system], "{canonical}");
        }
        for none in [
            "http://snomed.info/sct?fhir_vs=isa",
            "http://loinc.org/vs/X",
            "http://loinc.org/vsx",
            "http://unitsofmeasure.org/vs/",
            "urn:x",
        ] {
            assert!(implicit(none).is_none(), "{none}");
        }
    }

    #[test]
    fn implicit_value_sets_of_snomed_ct_filter_it() {
        for (rest, property, op, value) in [
            ("isa/1", "concept", "is-a", "1"),
            ("refset", MEMBERSHIP, "=", ""),
            ("refset/2", MEMBERSHIP, "=", "2"),
            ("ecl/<<1 |a|", "constraint", "=", "<<1 |a|"),
            ("ecl/%3C1%20OR%202", "constraint", "=", "<1 OR 2"),
        ] {
            let set = implicit(&format!("http://snomed.info/sct?fhir_vs={rest}")).unwrap();
            let filters: Vec<&Filter> = set.rules().flat_map(|it| &it.filters).collect();
            let expected = Filter { property: property.into(), op: op.into(), value: value.into() };
            assert_eq!(filters, [&expected], "{rest}");
        }
    }
}
