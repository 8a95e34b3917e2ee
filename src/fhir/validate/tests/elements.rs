//! Elements: which there are, how often, and as what JSON.

use super::*;

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
            (r#""contact":[{"name":{"text":"x"},"x":1}]"#, "structure", "Patient.contact[0]", "Patient.contact"),
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
