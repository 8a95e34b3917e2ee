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
fn the_root_is_a_resource_of_a_known_type() {
    for (json, code, words) in [
        ("[]", "structure", "must be an object"),
        ("\"Patient\"", "structure", "must be an object"),
        ("{}", "required", "resourceType"),
        (r#"{"id":"1"}"#, "required", "resourceType"),
        (r#"{"resourceType":1}"#, "structure", "resource type of R4"),
        (r#"{"resourceType":"Patiant"}"#, "structure", "Is Patient meant?"),
        (r#"{"resourceType":"DomainResource"}"#, "structure", "resource type of R4"),
        (r#"{"resourceType":"HumanName"}"#, "structure", "resource type of R4"),
    ] {
        let found = problems(json, References::Literal);
        assert_eq!(found.len(), 1, "{json}");
        assert_eq!(found[0].code.code(), code, "{json}");
        assert!(found[0].diagnostics.contains(words), "{json}: {found:?}");
    }
    takes("Patient", &["", r#""id":"1""#, r#""meta":{"versionId":"1"},"implicitRules":"http://a.b""#]);
}

#[test]
fn unknown_elements_are_refused_with_a_hint() {
    refuses(
        "Patient",
        &[
            (r#""shoeSize":1"#, "structure", "Patient", "shoeSize is not an element of Patient."),
            (r#""birthdate":"2020""#, "structure", "Patient", "Is birthDate meant?"),
            (r#""_gendr":{"id":"a"}"#, "structure", "Patient", "Is gender meant?"),
            (r#""deceased":true"#, "structure", "Patient", "boolean, dateTime"),
            (r#""deceasedString":"x""#, "structure", "Patient", "deceased[x] has its type in its name"),
            (r#""name":[{"surname":"x"}]"#, "structure", "Patient.name[0]", "HumanName"),
            (r#""contact":[{"gender":"male","x":1}]"#, "structure", "Patient.contact[0]", "Patient.contact"),
            (r#""fhir_comments":["x"]"#, "structure", "Patient", "fhir_comments"),
            (r#""name":[{"resourceType":"HumanName","text":"x"}]"#, "structure", "Patient.name[0]", "Only a resource"),
            (r#""active":true,"":1"#, "structure", "Patient", "not an element"),
        ],
    );
}

#[test]
fn json_kinds_follow_the_type() {
    refuses(
        "Patient",
        &[
            (r#""active":"true""#, "structure", "Patient.active", "must be a boolean, but is a string"),
            (r#""birthDate":2020"#, "structure", "Patient.birthDate", "must be a string"),
            (r#""multipleBirthInteger":"1""#, "structure", "Patient.multipleBirth.ofType(integer)", "must be a number"),
            (r#""gender":{"code":"male"}"#, "structure", "Patient.gender", "but is an object"),
            (r#""name":["x"]"#, "structure", "Patient.name[0]", "must be an object (HumanName)"),
            (r#""name":{"text":"x"}"#, "structure", "Patient.name", "must be an array"),
            (r#""gender":["male"]"#, "structure", "Patient.gender", "not an array"),
            (r#""maritalStatus":[{"text":"x"}]"#, "structure", "Patient.maritalStatus", "not an array"),
            (r#""name":[[{"text":"x"}]]"#, "structure", "Patient.name[0]", "but is an array"),
        ],
    );
}

#[test]
fn nothing_is_empty() {
    refuses(
        "Patient",
        &[
            (r#""name":[]"#, "structure", "Patient.name", "empty array"),
            (r#""name":[{}]"#, "structure", "Patient.name[0]", "must not be empty"),
            (r#""name":[{"given":[]}]"#, "structure", "Patient.name[0].given", "empty array"),
            (r#""name":[{"family":""}]"#, "value", "Patient.name[0].family", "empty string"),
            (r#""name":[{"family":"  "}]"#, "value", "Patient.name[0].family", "not blank"),
            (r#""name":[{"id":"a"}]"#, "invariant", "Patient.name[0]", "ele-1"),
            (r#""_active":{}"#, "structure", "Patient.active", "must not be empty"),
            (r#""meta":{}"#, "structure", "Patient.meta", "must not be empty"),
        ],
    );
}

#[test]
fn nulls_stand_only_for_values_with_a_companion() {
    takes(
        "Patient",
        &[
            r#""name":[{"given":["A",null],"_given":[null,{"extension":[{"url":"http://a.b","valueCode":"x"}]}]}]"#,
            r#""name":[{"given":["A"],"_given":[{"id":"b"}]}]"#,
            r#""name":[{"given":[null],"_given":[{"extension":[{"url":"http://a.b","valueCode":"x"}]}]}]"#,
            r#""birthDate":"2020","_birthDate":{"extension":[{"url":"http://a.b","valueTime":"10:00:00"}]}"#,
            r#""_birthDate":{"extension":[{"url":"http://a.b","valueCode":"x"}]}"#,
        ],
    );
    refuses(
        "Patient",
        &[
            (r#""name":null"#, "structure", "Patient.name", "must not be null"),
            (r#""active":null"#, "structure", "Patient.active", "must not be null"),
            (r#""name":[null]"#, "structure", "Patient.name[0]", "null in name"),
            (r#""name":[{"given":["A",null]}]"#, "structure", "Patient.name[0].given[1]", "null in given"),
            (
                r#""name":[{"given":["A",null],"_given":[null,null]}]"#,
                "structure",
                "Patient.name[0].given[1]",
                "null in given",
            ),
            (
                r#""name":[{"_given":[{"extension":[{"url":"http://a.b","valueCode":"x"}]},null]}]"#,
                "structure",
                "Patient.name[0].given[1]",
                "null in _given",
            ),
            (
                r#""name":[{"given":["A","B"],"_given":[{"id":"a"}]}]"#,
                "structure",
                "Patient.name[0].given",
                "same number",
            ),
            (
                r#""name":[{"given":["A"],"_given":{"id":"a"}}]"#,
                "structure",
                "Patient.name[0].given",
                "must be an array",
            ),
            (r#""active":true,"_active":null"#, "structure", "Patient.active", "must be an object"),
            (r#""active":true,"_active":"x""#, "structure", "Patient.active", "must be an object"),
            (r#""active":true,"_active":[{"id":"a"}]"#, "structure", "Patient.active", "not an array"),
            (r#""active":true,"_active":{"value":true}"#, "structure", "Patient.active", "not an element of Element"),
            (r#""_birthDate":{"id":"a"}"#, "invariant", "Patient.birthDate", "ele-1"),
            (r#""_name":[{"id":"a"}]"#, "structure", "Patient", "_name is not an element"),
            (r#""id":"a","_id":{"id":"b"}"#, "structure", "Patient", "_id is not an element"),
        ],
    );
}

#[test]
fn cardinality_counts_values_and_companions() {
    takes(
        "Observation",
        &[OBSERVATION, r#""_status":{"extension":[{"url":"http://a.b","valueCode":"x"}]},"code":{"text":"x"}"#],
    );
    refuses(
        "Observation",
        &[
            (r#""status":"final""#, "required", "Observation.code", "code is required in Observation"),
            (r#""code":{"text":"x"}"#, "required", "Observation.status", "status is required"),
            (
                &observation(r#""component":[{"valueString":"x"}]"#),
                "required",
                "Observation.component[0].code",
                "required in Observation.component",
            ),
        ],
    );
    refuses(
        "MedicationRequest",
        &[(
            r#""status":"active","intent":"order","subject":{"reference":"Patient/1"}"#,
            "required",
            "MedicationRequest.medication",
            "medication[x] is required",
        )],
    );
}

#[test]
fn a_choice_is_made_once() {
    takes(
        "Observation",
        &[
            &observation(r#""valueString":"x","_valueString":{"id":"a"}"#),
            &observation(r#""valueQuantity":{"value":1.10,"unit":"kg"},"effectiveDateTime":"2020""#),
        ],
    );
    refuses(
        "Observation",
        &[
            (
                &observation(r#""valueString":"x","valueInteger":1"#),
                "structure",
                "Observation.value.ofType(integer)",
                "valueString and valueInteger",
            ),
            (
                &observation(r#""_valueString":{"extension":[{"url":"http://a.b","valueCode":"x"}]},"valueInteger":1"#),
                "structure",
                "Observation.value.ofType(integer)",
                "_valueString and valueInteger",
            ),
            (
                &observation(r#""valueQuantity":{"value":"1"}"#),
                "structure",
                "Observation.value.ofType(Quantity).value",
                "must be a number",
            ),
        ],
    );
}

#[test]
fn primitives_have_their_formats() {
    refuses(
        "Patient",
        &[
            (r#""id":"a_b""#, "value", "Patient.id", "1 to 64"),
            (r#""birthDate":"2020-02-30""#, "value", "Patient.birthDate", "date of the calendar"),
            (r#""deceasedDateTime":"2020-01-01T10:00:00""#, "value", "Patient.deceased.ofType(dateTime)", "with Z"),
            (r#""multipleBirthInteger":1.5"#, "value", "Patient.multipleBirth.ofType(integer)", "whole number"),
            (r#""multipleBirthInteger":2147483648"#, "value", "Patient.multipleBirth.ofType(integer)", "2147483647"),
            (r#""meta":{"lastUpdated":"2020-01-01"}"#, "value", "Patient.meta.lastUpdated", "instant"),
            (r#""implicitRules":"a b""#, "value", "Patient.implicitRules", "URI"),
            (r#""telecom":[{"value":"x","rank":0}]"#, "value", "Patient.telecom[0].rank", "from 1"),
            (r#""photo":[{"data":"A"}]"#, "value", "Patient.photo[0].data", "base64"),
            (r#""photo":[{"url":"http://a b"}]"#, "value", "Patient.photo[0].url", "URL"),
            (r#""name":[{"family":"a\u0007"}]"#, "value", "Patient.name[0].family", "control characters"),
            (r#""name":[{"given":["A","\t"]}]"#, "value", "Patient.name[0].given[1]", "not blank"),
        ],
    );
}

#[test]
fn a_narrative_is_safe_xhtml() {
    let narrative = |div: &str| format!(r#""text":{{"status":"generated","div":"{div}"}}"#);
    takes("Patient", &[&narrative(r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>x</b></div>"#)]);
    refuses(
        "Patient",
        &[
            (&narrative("<div>x</div>"), "value", "Patient.text.div", "namespace"),
            (
                &narrative(r#"<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"#),
                "value",
                "Patient.text.div",
                "element outside",
            ),
            (r#""text":{"status":"generated"}"#, "required", "Patient.text.div", "div is required"),
        ],
    );
}

#[test]
fn an_extension_has_a_url_and_one_content() {
    takes(
        "Patient",
        &[
            r#""extension":[{"url":"http://a.b","valueString":"x"}]"#,
            r#""extension":[{"url":"http://a.b","extension":[{"url":"c","valueBoolean":false}]}]"#,
            r#""modifierExtension":[{"url":"http://a.b","valueReference":{"reference":"Patient/1"}}]"#,
            r#""extension":[{"url":"http://a.b","_valueString":{"extension":[{"url":"http://a.b","valueCode":"x"}]}}]"#,
        ],
    );
    refuses(
        "Patient",
        &[
            (r#""extension":[{"valueString":"x"}]"#, "required", "Patient.extension[0].url", "url is required"),
            (r#""extension":[{"url":"http://a.b"}]"#, "invariant", "Patient.extension[0]", "ext-1"),
            (
                r#""extension":[{"url":"http://a.b","valueString":"x","extension":[{"url":"c","valueCode":"d"}]}]"#,
                "invariant",
                "Patient.extension[0]",
                "not both",
            ),
            (r#""extension":[{"url":"a b","valueString":"x"}]"#, "value", "Patient.extension[0].url", "URI"),
            (
                r#""extension":[{"url":"a","value":"x","valueCode":"y"}]"#,
                "structure",
                "Patient.extension[0]",
                "type in its name",
            ),
        ],
    );
}

#[test]
fn codes_come_from_the_list_they_are_bound_to() {
    refuses(
        "Patient",
        &[
            (r#""gender":"Male""#, "code-invalid", "Patient.gender", "male"),
            (r#""name":[{"use":"nick"}]"#, "code-invalid", "Patient.name[0].use", "nickname"),
            (r#""telecom":[{"system":"mobile"}]"#, "code-invalid", "Patient.telecom[0].system", "phone"),
            (
                r#""link":[{"other":{"reference":"Patient/1"},"type":"same"}]"#,
                "code-invalid",
                "Patient.link[0].type",
                "seealso",
            ),
        ],
    );
    let quantity = observation(r#""valueQuantity":{"value":1,"comparator":"=<"}"#);
    let at = "Observation.value.ofType(Quantity).comparator";
    refuses("Observation", &[(&quantity, "code-invalid", at, "<=")]);
}

#[test]
fn concepts_come_from_the_list_they_are_bound_to() {
    let condition = |status: &str| format!(r#""subject":{{"reference":"Patient/1"}},"clinicalStatus":{status}"#);
    let system = "http://terminology.hl7.org/CodeSystem/condition-clinical";
    takes(
        "Condition",
        &[
            &condition(&format!(r#"{{"coding":[{{"system":"{system}","code":"active"}}]}}"#)),
            &condition(&format!(
                r#"{{"coding":[{{"system":"http://a.b","code":"on"}},{{"system":"{system}","code":"active"}}]}}"#
            )),
            &condition(r#"{"extension":[{"url":"http://a.b","valueCode":"unknown"}]}"#),
        ],
    );
    let at = "Condition.clinicalStatus";
    refuses(
        "Condition",
        &[
            (&condition(r#"{"coding":[{"system":"http://a.b","code":"active"}]}"#), "code-invalid", at, "active"),
            (
                &condition(&format!(r#"{{"coding":[{{"system":"{system}","code":"on"}}]}}"#)),
                "code-invalid",
                at,
                "relapse",
            ),
            (&condition(r#"{"coding":[{"code":"active"}]}"#), "code-invalid", at, "a system and a code"),
            (&condition(r#"{"text":"active"}"#), "code-invalid", at, "a system and a code"),
        ],
    );
}

#[test]
fn references_have_a_format_and_a_target() {
    let subject = |reference: &str| format!(r#""subject":{{"reference":"{reference}"}}"#);
    for good in [
        "Patient/1",
        "Group/a-b.c/_history/2",
        "http://example.org/fhir/Patient/1",
        "https://example.org/anything?at=all",
        "urn:uuid:C757873D-ec9a-4326-a141-556f43239520",
        "urn:oid:1.2.3",
    ] {
        takes("Condition", &[&subject(good)]);
    }
    let at = "Condition.subject.reference";
    for (bad, words) in [
        ("Patient", "must be Type/id"),
        ("Patients/1", "must be Type/id"),
        ("Patient/a_b", "must be Type/id"),
        ("Patient/1/2", "must be Type/id"),
        ("/Patient/1", "must be Type/id"),
        ("urn:uuid:1", "must be Type/id"),
        ("http://example.org", "must be Type/id"),
        ("Patient?identifier=1", "only in a transaction"),
        ("Patient?", "must be Type/id"),
        ("#p", "by its id"),
        ("Practitioner/1", "one of: Patient, Group"),
        ("http://example.org/fhir/Practitioner/1/_history/1", "one of: Patient, Group"),
    ] {
        refuses("Condition", &[(&subject(bad), "value", at, words)]);
    }
    takes("Condition", &[r#""subject":{"display":"x"}"#, r#""subject":{"reference":"Patient/1","type":"Patient"}"#]);
    refuses(
        "Condition",
        &[
            (r#""subject":{"type":"Practitioner","display":"x"}"#, "value", "Condition.subject", "Patient, Group"),
            (r#""subject":{"reference":"Patient/1","type":"Group"}"#, "value", "Condition.subject", "type must be"),
        ],
    );
}

#[test]
fn conditional_references_are_for_transactions() {
    let condition = |criteria: &str| resource("Condition", &format!(r#""subject":{{"reference":"{criteria}"}}"#));
    assert!(problems(&condition("Patient?identifier=http://a.b|1"), References::OrConditional).is_empty());
    let found = problems(&condition("Device?identifier=1"), References::OrConditional);
    assert!(found.len() == 1 && found[0].diagnostics.contains("one of: Patient, Group"), "{found:?}");
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
                r##"{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"#o"}},{"resourceType":"Organization","id":"o"}"##,
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
            (r#""contained":[{"id":"p"}],"subject":{"display":"x"}"#, "required", at, "must have a resourceType"),
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
            r#""gender":"x","birthDate":"y","name":[{"given":["A",7]},{"use":1}],"contact":[{"z":0}]"#,
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
