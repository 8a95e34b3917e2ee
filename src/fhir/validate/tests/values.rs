//! Values: formats, codes, references.

use super::*;

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
            (r#""telecom":[{"rank":0}]"#, "value", "Patient.telecom[0].rank", "from 1"),
            (r#""photo":[{"contentType":"image/png","data":"A"}]"#, "value", "Patient.photo[0].data", "base64"),
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
