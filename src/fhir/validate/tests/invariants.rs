//! Invariants: by which elements are there, by evaluation, as warnings.

use super::*;
use crate::outcome::{IssueType, Severity};

#[test]
fn what_breaks_an_invariant_is_refused_by_its_name() {
    refuses(
        "Patient",
        &[
            (r#""contact":[{"gender":"male"}]"#, "invariant", "Patient.contact[0]", "pat-1: SHALL at least contain"),
            (r#""telecom":[{"value":"1"}]"#, "invariant", "Patient.telecom[0]", "cpt-2"),
            (
                r#""name":[{"text":"x","period":{"start":"2020","end":"2019"}}]"#,
                "invariant",
                "Patient.name[0].period",
                "per-1",
            ),
            (
                r#""contained":[{"resourceType":"Organization","id":"o","active":true}],"managingOrganization":{"reference":"\u0023o"}"#,
                "invariant",
                "Patient.contained[0]",
                "org-1",
            ),
            (
                r#""contained":[{"resourceType":"Organization","id":"o","name":"x"}]"#,
                "invariant",
                "Patient.contained[0]",
                "dom-3",
            ),
        ],
    );
    refuses(
        "Observation",
        &[
            (
                &observation(r#""valueInteger":1,"dataAbsentReason":{"text":"x"}"#),
                "invariant",
                "Observation",
                "obs-6: dataAbsentReason SHALL only be present if",
            ),
            (
                &observation(r#""referenceRange":[{"age":{"low":{"value":1}}}]"#),
                "invariant",
                "Observation.referenceRange[0]",
                "obs-3",
            ),
            (
                &observation(r#""referenceRange":[{"low":{"value":1,"comparator":"<"}}]"#),
                "invariant",
                "Observation.referenceRange[0].low",
                "sqty-1",
            ),
        ],
    );
}

#[test]
fn an_invariant_on_a_primitive_is_checked() {
    refuses(
        "StructureDefinition",
        &[(
            r#""url":"http://e/a","name":"A","status":"draft","kind":"resource","abstract":false,"type":"Patient","baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","derivation":"constraint","differential":{"element":[{"id":"Patient","path":"Patient","max":"-1"}]}"#,
            "invariant",
            "StructureDefinition.differential.element[0].max",
            "eld-3",
        )],
    );
}

#[test]
fn entries_are_resources_of_their_own_to_invariants() {
    let bundle = |request: &str| {
        format!(
            r#""type":"batch","entry":[{{{request}"resource":{{"resourceType":"Observation",{OBSERVATION},"valueInteger":1,"component":[{{"code":{{"text":"y"}}}}]}}}}]"#
        )
    };
    takes("Bundle", &[&bundle(r#""request":{"method":"POST","url":"Observation"},"#)]);
    refuses("Bundle", &[(&bundle(""), "invariant", "Bundle", "bdl-3")]);
}

#[test]
fn warnings_are_told_only_where_they_are_asked_for() {
    let doc = Doc::parse(resource("Observation", OBSERVATION)).unwrap();
    let asked = Demands { warnings: true, ..Demands::errors(References::Literal) };
    let found = r4().check(doc.root(), &asked);
    let [issue] = &found[..] else { panic!("{found:?}") };
    assert_eq!((issue.severity, issue.code), (Severity::Warning, IssueType::Invariant));
    assert!(issue.diagnostics.starts_with("dom-6: "), "{issue:?}");
    takes("Observation", &[OBSERVATION]);
}
