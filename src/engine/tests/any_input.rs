//! Whatever is sent, the engine answers or refuses; it does not fail. `fuzz/` asks the same for longer.

#[allow(dead_code, reason = "other properties use more of it")]
mod sandbox;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::Verb;
use proptest::prelude::*;
use sandbox::{OBSERVATION, PATIENT, Sandbox};

thread_local! {
    static SANDBOX: Sandbox = Sandbox::new();
}

/// What addresses and queries are made of.
const WORDS: &[&str] = &[
    "Patient",
    "Observation",
    "Basic",
    "1",
    "_history",
    "_search",
    "metadata",
    "name",
    "birthdate",
    "subject",
    "code",
    "value-quantity",
    "_id",
    "_lastUpdated",
    "_has",
    "_include",
    "_revinclude",
    "_sort",
    "_count",
    "_total",
    "_summary",
    "_elements",
    "_type",
    "_page",
    "missing",
    "exact",
    "contains",
    "not",
    "iterate",
    "gt",
    "ap",
    "2026-11",
    "5.40",
    "-1e3",
    "kg",
    "http://loinc.org",
    "true",
    "*",
    ":",
    ":",
    ".",
    ".",
    ",",
    "|",
    "\\",
    "$",
    "=",
    "=",
    "=",
    "&",
    "&",
    "&",
    "/",
    "?",
    "%",
    "%00",
    "é",
    "-",
];

/// What paths of patches are made of, as JSON Pointer and as FHIRPath.
const STEPS: &[&str] = &[
    "name",
    "given",
    "_given",
    "0",
    "1",
    "9",
    "-",
    "telecom",
    "birthDate",
    "contained",
    "deceased",
    "deceasedBoolean",
    "extension",
    "id",
    "meta",
    "resourceType",
    "",
    "~0",
    "~2",
];

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,4}"];
    prop::collection::vec(word, 0..12).prop_map(|it| it.concat())
}

/// A query that is nearly right: known names, modifiers and values, put together anyhow.
fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&[
        "name",
        "family",
        "birthdate",
        "gender",
        "identifier",
        "subject",
        "patient",
        "code",
        "date",
        "value-quantity",
        "general-practitioner",
        "link",
        "code-value-quantity",
        "combo-code-value-concept",
        "_id",
        "_lastUpdated",
        "_profile",
        "_tag",
        "subject:Patient.name",
        "organization.name",
        "_has:Observation:subject:code",
        "_filter",
        "_list",
        "near",
        "_has:Observation:patient:_has:Provenance:target:_id",
    ]);
    let modifier = prop::sample::select(&[
        "",
        "",
        "",
        ":missing",
        ":exact",
        ":contains",
        ":not",
        ":Patient",
        ":text",
        ":of-type",
        ":identifier",
        ":in",
        ":below",
        ":above",
    ]);
    let value = prop::sample::select(&[
        "",
        "a",
        "true",
        "1",
        "Patient/1",
        "2026",
        "ge2026-11-20T08:30:00Z",
        "ap1974",
        "ne5.40",
        "lt72||kg",
        "72.5|http://unitsofmeasure.org|kg",
        "52.5|13.4|10|km",
        "(name co a or gender ne x) and not (date gt 2026)",
        "|x",
        "http://loinc.org|",
        "a,b",
        "a|b|c",
        "a$gt5,|b$c|",
        "http://hl7.org/fhir/ValueSet/administrative-gender",
        "http://x/y",
        "'",
        "%25",
        "a\\,b",
    ]);
    let filter = (name, modifier, value).prop_map(|(name, modifier, value)| format!("{name}{modifier}={value}"));
    let control = prop::sample::select(&[
        "_sort=birthdate",
        "_sort=-date,_id",
        "_sort=family",
        "_sort=-value-quantity",
        "_sort=code,-subject",
        "_sort=_profile,_lastUpdated,-_id",
        "_count=0",
        "_count=1",
        "_total=accurate",
        "_summary=count",
        "_summary=true",
        "_elements=name",
        "_include=*",
        "_include:iterate=Observation:subject",
        "_revinclude=Observation:subject",
        "_revinclude=Observation:*",
        "_type=Patient,Observation",
        "_page=AAAA",
    ]);
    prop::collection::vec(prop_oneof![2 => filter, 1 => control.prop_map(str::to_owned)], 1..5)
        .prop_map(|it| it.join("&"))
}

/// A sample with a piece of it replaced.
fn spoiled() -> impl Strategy<Value = String> {
    let pieces =
        ["", "null", "[]", "{}", "{\"a\":1}", "\"", "1e999", "0.10", "[null]", "\\u0000", "[[[[", "true", ",", "é"];
    let sample = prop::sample::select(&[PATIENT, OBSERVATION]);
    (sample, any::<prop::sample::Index>(), 0..40_usize, prop::sample::select(pieces.to_vec())).prop_map(
        |(sample, at, length, piece)| {
            let start = at.index(sample.len());
            let end = (start + length).min(sample.len());
            format!("{}{piece}{}", &sample[..start], &sample[end..])
        },
    )
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["null", "1.10", "\"a\"", "{}", "[]", "{\"family\":\"F\"}", "[\"a\",null]", "true"])
}

fn path(separator: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(STEPS), 0..5).prop_map(move |it| it.join(separator))
}

fn json_operation() -> impl Strategy<Value = String> {
    let op = prop::sample::select(&["add", "remove", "replace", "move", "copy", "test", "none"]);
    (op, path("/"), path("/"), value()).prop_map(|(op, path, from, value)| {
        format!(r#"{{"op":"{op}","path":"/{path}","from":"/{from}","value":{value}}}"#)
    })
}

fn fhirpath_operation() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(&["add", "insert", "delete", "replace", "move", "none"]);
    let typed = prop::sample::select(&[
        r#""valueString":"a""#,
        r#""valueHumanName":{"family":"F"}"#,
        r#""valueBoolean":true"#,
        r#""part":[{"name":"family","valueString":"F"}]"#,
        r#""resource":{"resourceType":"Basic"}"#,
    ]);
    let name = prop::sample::select(STEPS);
    (kind, path("."), name, typed, 0..4, 0..4).prop_map(|(kind, path, name, value, from, to)| {
        format!(
            r#"{{"name":"operation","part":[{{"name":"type","valueCode":"{kind}"}},{{"name":"path","valueString":"Patient.{path}"}},{{"name":"name","valueString":"{name}"}},{{"name":"value",{value}}},{{"name":"index","valueInteger":{from}}},{{"name":"source","valueInteger":{from}}},{{"name":"destination","valueInteger":{to}}}]}}"#
        )
    })
}

proptest! {
    // Where a failure would be kept, Cargo looks for a crate.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_address_is_answered_or_refused(path in words(), query in words()) {
        SANDBOX.with(|it| {
            let _ = it.perform(Verb::Get, &path, &query, Vec::new());
            let _ = it.perform(Verb::Get, "Patient", &query, Vec::new());
        });
    }

    #[test]
    fn any_search_is_answered_or_refused(query in query(), of in prop::sample::select(&["", "Patient", "Observation"])) {
        let _ = SANDBOX.with(|it| it.perform(Verb::Get, of, &query, Vec::new()));
    }

    #[test]
    fn any_criteria_are_answered_or_refused(query in words()) {
        let _ = SANDBOX.with(|it| it.perform(Verb::Delete, "Basic", &query, Vec::new()));
    }

    #[test]
    fn any_body_is_taken_or_refused(body in spoiled()) {
        for path in ["Patient/1", "Observation/1", ""] {
            let verb = if path.is_empty() { Verb::Post } else { Verb::Put };
            let _ = SANDBOX.with(|it| it.perform(verb, path, "", body.clone().into_bytes()));
        }
    }

    #[test]
    fn any_json_patch_is_carried_out_or_refused(operations in prop::collection::vec(json_operation(), 1..4)) {
        let data = STANDARD.encode(format!("[{}]", operations.join(",")));
        let binary = format!(r#"{{"resourceType":"Binary","contentType":"application/json-patch+json","data":"{data}"}}"#);
        SANDBOX.with(|it| it.patch(&binary));
    }

    #[test]
    fn any_fhirpath_patch_is_carried_out_or_refused(operations in prop::collection::vec(fhirpath_operation(), 1..4)) {
        let patch = format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, operations.join(","));
        SANDBOX.with(|it| it.patch(&patch));
    }
}
