//! None is dropped silently: every type of element that a parameter of R4 can select is told, or named here.

use super::*;
use crate::path::{Item, Node};
use std::collections::BTreeSet;

/// A value of each type that parameters select.
const SAMPLES: &[(&str, &str)] = &[
    ("Address", r#"{"city":"Oslo"}"#),
    ("Age", r#"{"value":5,"system":"http://unitsofmeasure.org","code":"a"}"#),
    ("Annotation", r#"{"text":"x"}"#),
    ("Attachment", r#"{"url":"http://x/a"}"#),
    ("CodeableConcept", r#"{"coding":[{"system":"urn:s","code":"c"}]}"#),
    ("Coding", r#"{"system":"urn:s","code":"c"}"#),
    ("ContactPoint", r#"{"system":"phone","value":"555"}"#),
    ("Duration", r#"{"value":5,"system":"http://unitsofmeasure.org","code":"h"}"#),
    ("HumanName", r#"{"family":"Ek"}"#),
    ("Identifier", r#"{"system":"urn:s","value":"v"}"#),
    ("Location.position", r#"{"latitude":1,"longitude":2}"#),
    ("Money", r#"{"value":5,"currency":"EUR"}"#),
    ("Period", r#"{"start":"2026"}"#),
    ("Quantity", r#"{"value":5,"unit":"mg"}"#),
    ("Range", r#"{"low":{"value":1},"high":{"value":2}}"#),
    ("Ratio", r#"{"numerator":{"value":1},"denominator":{"value":2}}"#),
    ("Reference", r#"{"reference":"Patient/1"}"#),
    ("SampledData", r#"{"origin":{"value":0},"period":1,"dimensions":1,"data":"1 2 3"}"#),
    ("Timing", r#"{"event":["2026-01-01"]}"#),
    ("base64Binary", r#""YQ==""#),
    ("boolean", "true"),
    ("canonical", r#""http://x/c""#),
    ("code", r#""c""#),
    ("date", r#""2026-01-01""#),
    ("dateTime", r#""2026-01-01""#),
    ("decimal", "1.5"),
    ("id", r#""i""#),
    ("instant", r#""2026-01-01T00:00:00Z""#),
    ("integer", "5"),
    ("markdown", r#""text""#),
    ("oid", r#""urn:oid:1.2.3""#),
    ("positiveInt", "5"),
    ("string", r#""text""#),
    ("time", r#""12:00:00""#),
    ("unsignedInt", "5"),
    ("uri", r#""urn:u""#),
    ("url", r#""http://x/u""#),
    ("uuid", r#""urn:uuid:0""#),
];

/// What is not told: the parameter's type, the element's, and why.
const NOT_TOLD: &[(ParamType, &str, &str)] = &[
    (ParamType::Date, "Age", "when somebody had an age is not known without a birth date"),
    (ParamType::Date, "Range", "a range of ages, as above"),
    (ParamType::Date, "string", "free text, unless it is written as a date"),
    (
        ParamType::Quantity,
        "SampledData",
        "a waveform has no one value, and megabytes to read for its least and greatest",
    ),
    (ParamType::Reference, "Attachment", "it is a document and points to no resource"),
];

/// Parameters whose expression is of no type that is known beforehand, and what becomes of them.
const OPEN: &[(&str, &str)] = &[
    ("Bundle.composition", "an entry of a Bundle is no resource of the server's: its presence is told"),
    ("Bundle.message", "likewise"),
    ("Patient.deceased", "computed: a boolean"),
];

/// Parameters without an expression: they ask for what is no element.
const NO_ELEMENT: &[&str] = &["_content", "_query", "_text"];

/// The elements that a parameter may select, by type.
fn selected(of: TypeId, param: &Indexed) -> Option<Vec<&'static str>> {
    let types: Option<Vec<_>> = param.selectors.iter().map(|it| it.answers(&[of])).collect();
    Some(types?.concat().into_iter().map(|it| &*r4().of(it).name).collect())
}

fn is_told(kind: ParamType, of: &str) -> bool {
    let (_, sample) = SAMPLES.iter().find(|it| it.0 == of).unwrap_or_else(|| panic!("there is no sample of {of}"));
    let doc = Doc::parse(*sample).unwrap();
    let node = Node::new(r4().type_named(of).unwrap(), Some(doc.root()), None);
    let mut notes = Notes(Vec::new(), Vec::new());
    let mut teller = Teller {
        spec: r4(),
        base: "",
        id: ParamId(0),
        aside: None,
        kind,
        target: None,
        sink: &mut notes,
        told: false,
        pairs: 1,
    };
    teller.tell(&Item::Node(node));
    teller.told && !notes.0.iter().all(|it| it.ends_with(" #"))
}

#[test]
fn none_is_dropped_silently() {
    let (mut pairs, mut not_told, mut open) = (0, BTreeSet::new(), BTreeSet::new());
    for of in r4().resources() {
        for param in compile(r4(), of, false).iter().filter(|it| it.kind != ParamType::Composite) {
            let Some(types) = selected(of, param) else {
                open.insert(format!("{}.{}", r4().of(of).name, param.code));
                continue;
            };
            pairs += types.len();
            not_told.extend(types.into_iter().filter(|it| !is_told(param.kind, it)).map(|it| (param.kind as u8, it)));
        }
    }
    assert!(pairs > 2000, "{pairs} are too few");
    let excused: BTreeSet<_> = NOT_TOLD.iter().map(|(kind, of, _)| (*kind as u8, *of)).collect();
    assert_eq!(not_told, excused);
    let excused: BTreeSet<_> = OPEN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(open, excused);
}

#[test]
fn every_parameter_is_one_of_a_type() {
    let (with, without): (Vec<_>, Vec<_>) = r4().params.iter().partition(|it| !it.expression.is_empty());
    let without: BTreeSet<_> = without.iter().map(|it| &*it.code).collect();
    assert_eq!(without, NO_ELEMENT.iter().copied().collect());
    let of_types: BTreeSet<_> =
        r4().resources().flat_map(|of| r4().params_of(of)).map(|it| (&*it.code, &*it.url)).collect();
    for param in with {
        assert!(of_types.contains(&(&*param.code, &*param.url)), "no type has {}", param.url);
    }
}
