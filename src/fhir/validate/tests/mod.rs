mod elements;
mod invariants;
mod values;
mod verdicts;

use super::*;
use crate::json::Doc;
use proptest::prelude::*;

fn problems(json: &str, references: References) -> Vec<Issue> {
    let doc = Doc::parse(json).expect(json);
    r4().resource(doc.root(), references)
}

/// A resource of a type with these members.
fn resource(of: &str, members: &str) -> String {
    let gap = if members.is_empty() { "" } else { "," };
    format!(r#"{{"resourceType":"{of}"{gap}{members}}}"#)
}

fn takes(of: &str, members: &[&str]) {
    for members in members {
        let found = problems(&resource(of, members), References::Literal);
        assert!(found.is_empty(), "{of} {members}: {found:?}");
    }
}

/// Each case: members, and of its only issue the code, the expression, and a part of the sentence.
fn refuses(of: &str, cases: &[(&str, &str, &str, &str)]) {
    for (members, code, expression, words) in cases {
        let found = problems(&resource(of, members), References::Literal);
        let [issue] = &found[..] else {
            panic!("{of} {members}: {found:?}");
        };
        assert_eq!((issue.code.code(), issue.expression.as_str()), (*code, *expression), "{members}: {issue:?}");
        assert!(issue.diagnostics.contains(words), "{members}: {:?}", issue.diagnostics);
    }
}

const OBSERVATION: &str = r#""status":"final","code":{"text":"x"}"#;

fn observation(members: &str) -> String {
    format!("{OBSERVATION},{members}")
}

#[test]
fn contained_resources_are_validated_and_hold_no_others() {
    let condition =
        |contained: &str| format!(r#""contained":[{contained}],"subject":{{"reference":"\#p"}}"#).replace('\\', "");
    takes(
        "Condition",
        &[
            &condition(r#"{"resourceType":"Patient","id":"p"}"#),
            &condition(
                r##"{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"}},{"resourceType":"Organization","id":"o","name":"x"}"##,
            ),
        ],
    );
    let at = "Condition.contained[0]";
    refuses(
        "Condition",
        &[
            (
                &condition(r#"{"resourceType":"Patient","id":"p","gender":"x"}"#),
                "code-invalid",
                "Condition.contained[0].gender",
                "male",
            ),
            (
                &condition(r#"{"resourceType":"Patient","id":"p","contained":[{"resourceType":"Patient","id":"q"}]}"#),
                "invariant",
                "Condition.contained[0].contained",
                "dom-2",
            ),
            (
                &condition(r#"{"resourceType":"Patient","id":"p","meta":{"versionId":"1"}}"#),
                "invariant",
                "Condition.contained[0].meta.versionId",
                "dom-4",
            ),
            (
                &condition(r#"{"resourceType":"Patient","id":"p","meta":{"security":[{"code":"R"}]}}"#),
                "invariant",
                "Condition.contained[0].meta.security",
                "dom-5",
            ),
            (
                &condition(r#"{"resourceType":"Patient","id":"p"},{"resourceType":"Device"}"#),
                "required",
                "Condition.contained[1]",
                "must have an id",
            ),
            (
                &condition(
                    r#"{"resourceType":"Patient","id":"p"},{"resourceType":"Group","id":"p","type":"person","actual":true}"#,
                ),
                "invariant",
                "Condition.contained[1]",
                "id of its own",
            ),
            (
                &condition(r#"{"resourceType":"Device","id":"p"}"#),
                "value",
                "Condition.subject.reference",
                "Patient, Group",
            ),
            (
                r#""contained":[{"id":"p"}],"subject":{"reference":"\u0023p"}"#,
                "required",
                at,
                "must have a resourceType",
            ),
        ],
    );
}

#[test]
fn resources_in_bundles_and_parameters_are_validated() {
    let bundle = |entry: &str| format!(r#""type":"collection","entry":[{entry}]"#);
    takes(
        "Bundle",
        &[&bundle(
            r#"{"fullUrl":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520","resource":{"resourceType":"Patient"}}"#,
        )],
    );
    refuses(
        "Bundle",
        &[
            (
                &bundle(r#"{"resource":{"resourceType":"Patient","name":[{"given":["A",1]}]}}"#),
                "structure",
                "Bundle.entry[0].resource.name[0].given[1]",
                "must be a string",
            ),
            (
                &bundle(r#"{"resource":{"resourceType":"Nobody"}}"#),
                "structure",
                "Bundle.entry[0].resource",
                "resource type",
            ),
            (&bundle(r#"{"resource":"Patient/1"}"#), "structure", "Bundle.entry[0].resource", "must be an object"),
            (
                &bundle(r##"{"resource":{"resourceType":"Condition","subject":{"reference":"#p"}}}"##),
                "value",
                "Bundle.entry[0].resource.subject.reference",
                "by its id",
            ),
        ],
    );
    refuses(
        "Parameters",
        &[(
            r#""parameter":[{"name":"x","resource":{"resourceType":"Patient","gender":1}}]"#,
            "structure",
            "Parameters.parameter[0].resource.gender",
            "must be a string",
        )],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(
        &resource(
            "Patient",
            r#""gender":"x","birthDate":"y","name":[{"given":["A",7]},{"use":1}],"contact":[{"name":{"text":"x"},"z":0}]"#,
        ),
        References::Literal,
    );
    let at: Vec<_> = found.iter().map(|it| it.expression.as_str()).collect();
    assert_eq!(
        at,
        [
            "Patient.gender",
            "Patient.birthDate",
            "Patient.name[0].given[1]",
            "Patient.name[1].use",
            "Patient.contact[0]"
        ]
    );
}

#[test]
fn a_hundred_problems_are_enough() {
    let names = vec![r#"{"family":1}"#; 500].join(",");
    let found = problems(&resource("Patient", &format!(r#""name":[{names}]"#)), References::Literal);
    assert_eq!(found.len(), 101);
    assert!(found[100].diagnostics.contains("more problems"));
}

#[test]
fn nesting_has_a_bound() {
    let depth = 150;
    let inner = r#"{"url":"a","extension":["#.repeat(depth);
    let json = format!(r#"{{"resourceType":"Patient","extension":[{inner}{}}}"#, "]}".repeat(depth) + "]");
    let doc = Doc::parse_within(json, &crate::json::Limits { depth: 1000, ..Default::default() }).unwrap();
    let found = r4().resource(doc.root(), References::Literal);
    assert!(found.iter().any(|it| it.diagnostics.contains("nests deeper")), "{found:?}");
}

#[test]
fn no_sentence_quotes_a_value() {
    let secret = "Zaphod";
    let found = problems(
        &resource(
            "Patient",
            &format!(
                r#""gender":"{secret}","birthDate":"{secret}","managingOrganization":{{"reference":"{secret}"}},"name":[{{"given":"{secret}"}}],"maritalStatus":"{secret}""#
            ),
        ),
        References::Literal,
    );
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(!format!("{found:?}").contains(secret));
}

#[test]
fn every_type_fits_the_walk() {
    for ty in crate::spec::r4().types() {
        assert!(ty.elements.len() <= 128, "{}", ty.name);
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("resourceType"),
        Just("id"),
        Just("name"),
        Just("given"),
        Just("_given"),
        Just("extension"),
        Just("url"),
        Just("valueString"),
        Just("contained"),
        Just("reference"),
        Just("subject"),
        Just("entry"),
        Just("resource"),
        Just("coding"),
        Just("text"),
        Just("div"),
        Just("x"),
        Just(""),
    ];
    let scalar = prop_oneof![
        Just("null".to_string()),
        Just("true".into()),
        Just("1.5e3".into()),
        Just("\"Patient\"".into()),
        Just("\"Bundle\"".into()),
        Just("\"#p\"".into()),
        Just("\"Patient/1\"".into()),
        Just("\"<div\"".into()),
        Just("\"é\"".into()),
    ];
    scalar.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|it| format!("[{}]", it.join(","))),
            prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|it| {
                let members: Vec<_> = it.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_breaks_the_walk(member in any_json(), of in prop_oneof![Just("Patient"), Just("Bundle"), Just("Condition")], name in "name|entry|subject|contained|extension|_id") {
        let json = resource(of, &format!("\"{name}\":{member}"));
        problems(&json, References::Literal);
        problems(&member, References::OrConditional);
    }
}
