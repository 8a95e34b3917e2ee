//! `$graphql` (graphql.html).

use super::house::House;
use engine::{Context, Verb};
use serde_json::{Value, json};

/// A patient with two names, seen by a doctor who is contained in the encounter, and four weights.
async fn house() -> House {
    let house = House::new().await;
    let mut all = vec![
        json!({ "resourceType": "Organization", "id": "o", "name": "Clinic" }),
        json!({
            "resourceType": "Patient", "id": "p", "birthDate": "1970-03-30", "_birthDate": { "id": "b" }, "active": true,
            "managingOrganization": { "reference": "Organization/o" },
            "generalPractitioner": [{ "reference": "Practitioner/none" }, { "display": "Somebody" }],
            "name": [
                { "use": "official", "family": "Weiss", "given": ["Anna", "Maria"] },
                { "use": "nickname", "given": ["Anni"] },
            ],
            "telecom": [{ "system": "phone", "value": "1" }, { "system": "email", "value": "a@b.c" }],
        }),
        json!({
            "resourceType": "Encounter", "id": "e", "status": "finished", "class": { "code": "AMB" },
            "subject": { "reference": "Patient/p" },
            "contained": [{ "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Arzt" }] }],
            "participant": [{ "individual": { "reference": "#d" } }],
        }),
    ];
    for weight in 1..=4 {
        all.push(json!({
            "resourceType": "Observation", "id": format!("w{weight}"), "status": "final",
            "subject": { "reference": "Patient/p" }, "effectiveDateTime": format!("2026-01-0{weight}"),
            "code": { "coding": [{ "system": "http://loinc.org", "code": "29463-7" }] },
            "valueQuantity": { "value": 70 + weight, "unit": "kg" },
        }));
    }
    house.put(&all).await;
    house
}

async fn asked(house: &House, at: &str, query: &str) -> (u16, Value) {
    let body = json!({ "query": query }).to_string();
    let answer = house.send(Verb::Post, at, body).await.unwrap_or_else(|it| panic!("{query}: {it}"));
    assert_eq!(answer.plain, Some("application/json"));
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

async fn data(house: &House, at: &str, query: &str) -> Value {
    let (status, answer) = asked(house, at, query).await;
    assert_eq!(status, 200, "{query}: {answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn elements_of_a_resource_are_selected() {
    let house = house().await;
    for (query, expected) in [
        (
            "{ id active birthDate deceasedBoolean }",
            json!({ "id": "p", "active": true, "birthDate": "1970-03-30", "deceasedBoolean": null }),
        ),
        (
            "{ resourceType __typename born: birthDate _birthDate { id } }",
            json!({ "resourceType": "Patient", "__typename": "Patient", "born": "1970-03-30", "_birthDate": { "id": "b" } }),
        ),
        (
            "{ name { given } name { family } }",
            json!({ "name": [{ "given": ["Anna", "Maria"], "family": "Weiss" }, { "given": ["Anni"], "family": null }] }),
        ),
        ("{ name(use: official) { family } }", json!({ "name": [{ "family": "Weiss" }] })),
        ("{ name(fhirpath: \"family.exists().not()\") { given } }", json!({ "name": [{ "given": ["Anni"] }] })),
        ("{ name(fhirpath: \"$index = 1\") { use } }", json!({ "name": [{ "use": "nickname" }] })),
        ("{ name(_offset: 1, _count: 1) { use } }", json!({ "name": [{ "use": "nickname" }] })),
        ("{ name @first { use } }", json!({ "name": [{ "use": "official" }] })),
        (
            "{ name(use: official) @singleton { family given @first } }",
            json!({ "name": { "family": "Weiss", "given": ["Anna"] } }),
        ),
        (
            "{ name @flatten { given family @singleton } }",
            json!({ "given": ["Anna", "Maria", "Anni"], "family": "Weiss" }),
        ),
        (
            "{ telecom @flatten @slice(path: \"system\") { value @singleton } }",
            json!({ "value.phone": "1", "value.email": "a@b.c" }),
        ),
        (
            "{ name @flatten @slice(path: \"$index\") { use @singleton } }",
            json!({ "use.0": "official", "use.1": "nickname" }),
        ),
        (
            "{ ... on Patient { id } ... on Group { id quantity } ...f } fragment f on Resource { active }",
            json!({ "id": "p", "active": true }),
        ),
        (
            "{ id @skip(if: true) active @include(if: false) birthDate @include(if: true) }",
            json!({ "birthDate": "1970-03-30" }),
        ),
    ] {
        assert_eq!(data(&house, "Patient/p/$graphql", query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn references_lead_on_both_ways() {
    let house = house().await;
    for (at, query, expected) in [
        (
            "Patient/p/$graphql",
            "{ managingOrganization { resource { ... on Organization { name } } } }",
            json!({ "managingOrganization": { "resource": { "name": "Clinic" } } }),
        ),
        (
            "Patient/p/$graphql",
            "{ managingOrganization { resource(type: Practitioner) { id } } }",
            json!({ "managingOrganization": { "resource": null } }),
        ),
        (
            "Patient/p/$graphql",
            "{ generalPractitioner { display resource(optional: true) { id } } }",
            json!({ "generalPractitioner": [{ "display": null, "resource": null }, { "display": "Somebody", "resource": null }] }),
        ),
        (
            "Encounter/e/$graphql",
            "{ participant { individual { resource { ... on Practitioner { name { family } } } } } }",
            json!({ "participant": [{ "individual": { "resource": { "name": [{ "family": "Arzt" }] } } }] }),
        ),
        (
            "Patient/p/$graphql",
            "{ EncounterList(_reference: patient) { id } }",
            json!({ "EncounterList": [{ "id": "e" }] }),
        ),
        (
            "$graphql",
            "{ Patient(id: p) { id ObservationList(_reference: subject, code: \"29463-7\", _sort: \"-date\", _count: 2) { effectiveDateTime } } }",
            json!({ "Patient": { "id": "p", "ObservationList": [{ "effectiveDateTime": "2026-01-04" }, { "effectiveDateTime": "2026-01-03" }] } }),
        ),
        (
            "$graphql",
            "query($n: [String]) { PatientList(family: \"wei\", given: $n) { id } ObservationList(date: [\"ge2026-01-02\", \"lt2026-01-03\"]) { valueQuantity { value } } }",
            json!({ "PatientList": [{ "id": "p" }], "ObservationList": [{ "valueQuantity": { "value": 72 } }] }),
        ),
    ] {
        assert_eq!(data(&house, at, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn connections_have_pages() {
    let house = house().await;
    let page = |cursor: &str| {
        format!(
            "{{ ObservationConnection(patient: \"Patient/p\", _sort: date, _count: 3{cursor}) {{ count pagesize next previous edges {{ mode resource {{ id }} }} }} }}"
        )
    };
    let first = data(&house, "$graphql", &page("")).await["ObservationConnection"].clone();
    assert_eq!(
        (&first["count"], &first["pagesize"], &first["edges"][2]["resource"]["id"]),
        (&json!(4), &json!(3), &json!("w3"))
    );
    let cursor = format!(", _cursor: {}", first["next"]);
    let second = data(&house, "$graphql", &page(&cursor)).await["ObservationConnection"].clone();
    assert_eq!(second["edges"], json!([{ "mode": "match", "resource": { "id": "w4" } }]));
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_nothing_else() {
    let house = house().await;
    for (at, query, status, told) in [
        ("Patient/p/$graphql", "{ shoeSize }", 400, "Patient has no field shoeSize"),
        ("Patient/p/$graphql", "{ name }", 400, "say in braces"),
        ("Patient/p/$graphql", "{ id { x } }", 400, "primitive"),
        ("Patient/p/$graphql", "{ id(x: 1) }", 400, "no list"),
        ("Patient/p/$graphql", "{ name(shoe: 1) { use } }", 400, "no field shoe"),
        ("Patient/p/$graphql", "{ name @singleton { use } }", 400, "several values"),
        ("Patient/p/$graphql", "{ generalPractitioner { resource { id } } }", 404, ""),
        ("Patient/p/$graphql", "{ EncounterList { id } }", 400, "_reference"),
        ("Patient/p/$graphql", "{ x: id x: active }", 400, "two ways"),
        ("Patient/p/$graphql", "{ ...f } fragment f on Patient { ...f }", 422, "circle"),
        ("Patient/p/$graphql", "{ id @upper }", 400, "@upper"),
        ("$graphql", "{ PatientList(shoe: 43) { id } }", 400, "shoe"),
        ("$graphql", "{ Patient { id } }", 400, "by its id"),
        ("$graphql", "{ Patient(id: none) { id } }", 404, "no such resource"),
        ("$graphql", "{ __schema { types { name } } }", 400, "introspection"),
        ("$graphql", "mutation { PatientCreate { id } }", 400, "mutation"),
        ("$graphql", "{ Patient(id: $id) { id } }", 400, "declares no variable"),
    ] {
        let (found, answer) = asked(&house, at, query).await;
        let error = &answer["errors"][0];
        assert!(error["message"].as_str().unwrap().contains(told), "{query}: {answer}");
        assert_eq!(error["extensions"]["resource"]["resourceType"], "OperationOutcome");
        assert!(answer["data"].is_null() && (found == status || status == 422 && found >= 400), "{query}: {found}");
    }
}

/// A query that names a fragment again and again selects more than is allowed, and is stopped.
#[tokio::test]
async fn a_query_that_grows_is_stopped() {
    let house = house().await;
    let mut query = "{ ...f0 } fragment f20 on Patient { id }".to_owned();
    for at in 0..20 {
        query.push_str(&format!(" fragment f{at} on Patient {{ ...f{0} ...f{0} ...f{0} }}", at + 1));
    }
    let (status, answer) = asked(&house, "Patient/p/$graphql", &query).await;
    assert!(status >= 400 && answer.to_string().contains("values at the most"), "{answer}");
}

async fn as_caller(house: &House, caller: &Context, query: &str) -> Value {
    house.post_as(caller, "$graphql", json!([{ "name": "query", "valueString": query }])).await.unwrap()
}

#[tokio::test]
async fn a_caller_sees_what_interactions_show() {
    let house = house().await;
    let nurse = house.caller("system/Patient.rs").await;
    let patient = "{ PatientList { id } Patient(id: p) { id } }";
    assert_eq!(as_caller(&house, &nurse, patient).await["data"]["PatientList"], json!([{ "id": "p" }]));
    for query in
        ["{ Patient(id: p) { ObservationList(_reference: subject) { id } } }", "{ EncounterConnection { count } }"]
    {
        let refused = as_caller(&house, &nurse, query).await;
        assert!(refused["data"].is_null() && refused["errors"][0].to_string().contains("scopes"), "{refused}");
    }
    let hidden =
        as_caller(&house, &nurse, "{ Patient(id: p) { managingOrganization { resource(optional: true) { id } } } }")
            .await;
    assert_eq!(hidden["data"]["Patient"]["managingOrganization"], json!({ "resource": null }));
    assert_eq!(house.get_as(&nurse, "Encounter/e/$graphql?query=%7Bid%7D").await.unwrap_err().status, 403);
}

#[tokio::test]
async fn a_bundle_has_the_answer_as_a_binary() {
    let house = house().await;
    let entry = json!({ "request": { "method": "GET", "url": "Patient/p/$graphql?query=%7Bid%7D" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "batch", "entry": [entry] });
    let answer = house.send(Verb::Post, "", bundle.to_string()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    // {"data":{"id":"p"}}
    assert_eq!(answer["entry"][0]["resource"]["data"], "eyJkYXRhIjp7ImlkIjoicCJ9fQ==");
}
