//! Of the operations that are not terminology's, too, no parameter is passed over in silence.

use super::house::House;
use super::parameters::{Case, case, code, definitions, each_is_heeded, flag, inputs, text, uri};
use serde_json::{Value, json};

/// Operations whose own cases try each of their parameters, as these need more than one tenant, or the audit log.
const ELSEWHERE: [&str; 2] = ["shared", "export-audit"];

const LOINC: &str = "http://loinc.org";

fn records() -> Vec<Value> {
    let patient = json!({ "reference": "Patient/p" });
    let weight = |id: &str, day: &str, value: u8| {
        json!({
            "resourceType": "Observation", "id": id, "status": "final", "subject": patient, "effectiveDateTime": day,
            "encounter": { "reference": "Encounter/e" }, "code": { "coding": [{ "system": LOINC, "code": "29463-7" }] },
            "valueQuantity": { "value": value, "system": "http://unitsofmeasure.org", "code": "kg" },
        })
    };
    let profile = json!({ "resourceType": "StructureDefinition", "id": "named", "url": "urn:named", "name": "Named", "status": "active",
        "kind": "resource", "abstract": false, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": { "element": [{ "id": "Patient", "path": "Patient" }, { "id": "Patient.name", "path": "Patient.name", "min": 1 }] } });
    vec![
        json!({ "resourceType": "Patient", "id": "p", "identifier": [{ "system": "urn:mrn", "value": "7" }], "meta": { "tag": [{ "code": "a" }] } }),
        json!({ "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" }, "subject": patient }),
        weight("first", "2026-01-10", 70),
        weight("second", "2026-06-10", 80),
        profile,
    ]
}

fn of_everything() -> Vec<Case> {
    let patient = |more: Value| case("Patient-everything", "Patient/p/$everything", json!([]), more);
    let encounter = |more: Value| case("Encounter-everything", "Encounter/e/$everything", json!([]), more);
    let day = |name: &str, value: &str| json!({ "name": name, "valueDate": value });
    let later = || json!({ "name": "_since", "valueInstant": "2100-01-01T00:00:00Z" });
    let count = || json!({ "name": "_count", "valueInteger": 1 });
    vec![
        patient(day("start", "2026-03-01")),
        patient(day("end", "2026-03-01")),
        patient(later()),
        patient(code("_type", "Observation")),
        patient(count()),
        encounter(later()),
        encounter(code("_type", "Observation")),
        encounter(count()),
    ]
}

fn of_observations() -> Vec<Case> {
    let last = json!([text("patient", "p"), text("code", "29463-7")]);
    let of = |base: Value, more: Value| case("Observation-stats", "Observation/$stats", base, more);
    let (subject, average) = (uri("subject", "Patient/p"), code("statistic", "average"));
    let weight = text("code", "29463-7");
    let coding = json!({ "name": "coding", "valueCoding": { "system": LOINC, "code": "29463-7" } });
    let whole = || json!([subject, weight, uri("system", LOINC), average]);
    let period = json!({ "name": "period", "valuePeriod": { "start": "2026-05-01" } });
    let included = json!([subject, coding, average, flag("include")]);
    vec![
        case("Observation-lastn", "Observation/$lastn", last, json!({ "name": "max", "valuePositiveInt": 2 })),
        of(json!([weight, uri("system", LOINC), average]), subject.clone()),
        of(json!([subject, uri("system", LOINC), average]), weight.clone()),
        of(json!([subject, weight, average]), uri("system", "urn:other")),
        of(json!([subject, average]), coding.clone()),
        of(whole(), json!({ "name": "duration", "valueDecimal": 1 })),
        of(whole(), period),
        of(json!([subject, weight, uri("system", LOINC)]), average.clone()),
        of(whole(), flag("include")),
        of(included, json!({ "name": "limit", "valuePositiveInt": 1 })),
    ]
}

fn of_resources() -> Vec<Case> {
    let patient = || json!({ "name": "resource", "resource": { "resourceType": "Patient" } });
    let validate = |base: Value, more: Value| case("Resource-validate", "Patient/$validate", base, more);
    let meta = |code: &str| json!({ "name": "meta", "valueMeta": { "tag": [{ "code": code }] } });
    let snapshot = |more: Value| case("StructureDefinition-snapshot", "StructureDefinition/$snapshot", json!([]), more);
    let query = "query a { PatientList { id } } query b($id: String) { PatientList(_id: $id) { id gender } }";
    let graphql = |base: Value, more: Value| case("Resource-graphql", "$graphql", base, more);
    let named = |operation: &str| json!([text("query", query), text("operationName", operation)]);
    vec![
        validate(json!([]), patient()),
        validate(json!([patient()]), code("mode", "update")),
        validate(json!([patient()]), uri("profile", "urn:named")),
        case("Resource-meta-add", "Patient/p/$meta-add", json!([]), meta("b")),
        case("Resource-meta-delete", "Patient/p/$meta-delete", json!([]), meta("a")),
        case(
            "Resource-convert",
            "$convert",
            json!([]),
            json!({ "name": "input", "resource": { "resourceType": "Patient" } }),
        ),
        snapshot(json!({ "name": "definition", "resource": records().pop() })),
        snapshot(text("url", "urn:named")),
        graphql(json!([]), text("query", "{ PatientList { id } }")),
        graphql(json!([text("query", query)]), text("operationName", "a")),
        graphql(named("b"), text("variables", r#"{"id":"nobody"}"#)),
        case("summary", "Patient/$summary", json!([]), text("identifier", "urn:mrn|7")),
        case("summary", "Patient/p/$summary", json!([]), json!({ "name": "profile", "valueCanonical": "urn:other" })),
        case("reindex", "$reindex", json!([]), code("type", "Patients")),
    ]
}

/// operationdefinition.html: each parameter of each operation changes the answer, or is refused by name.
#[tokio::test]
async fn every_parameter_of_the_others_changes_the_answer_or_is_refused() {
    let house = House::new().await;
    house.put(&records()).await;
    let cases: Vec<Case> = [of_everything(), of_observations(), of_resources()].into_iter().flatten().collect();
    let definitions = definitions();
    for operation in features::operations() {
        let served: Value = serde_json::from_str(operation.definition).unwrap();
        let id = served["id"].as_str().unwrap();
        let of_terminology = ["CodeSystem-", "ValueSet-", "ConceptMap-"].iter().any(|it| id.starts_with(it));
        if of_terminology || ELSEWHERE.contains(&id) {
            continue;
        }
        for parameter in inputs(&definitions[id]) {
            let has = cases.iter().any(|it| it.definition == id && it.more["name"] == parameter[0]);
            assert!(has, "{id} has {parameter}, and no case here");
        }
    }
    each_is_heeded(&house, &cases).await;
}
