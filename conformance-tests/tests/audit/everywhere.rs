//! Nothing leaves without an event: each route and each operation of the reviewed table of who may do what
//! (`roles/matrix.txt`, which has a row for each that the program serves) is called, and what it leaves is looked at.

use super::{events, own_tenant, references};
use crate::roles::table::section;
use crate::smart::place::{Place, text};
use conformance_tests::{Client, encode, samples::*};
use serde_json::{Value, json};

/// Calls an address and tells which events name the request.
async fn left_by(client: &Client, method: &str, path: &str, request: &str) -> Vec<Value> {
    let call = client.call(method, path).header("x-request-id", request);
    match method {
        "POST" if path.ends_with("_search") => call.body("application/x-www-form-urlencoded", "_count=1"),
        "POST" if path.is_empty() => call.json(&json!({
            "resourceType": "Bundle", "type": "batch", "entry": [bare_entry("GET", "Patient?_count=1")],
        })),
        "POST" if path.contains('$') => call.json(&json!({"resourceType": "Parameters"})),
        "PATCH" => call.body("application/json-patch+json", "[]"),
        "POST" | "PUT" => call.json(&patient("everywhere")),
        _ => call,
    }
    .send()
    .await;
    let is_of = |it: &Value| {
        it["entity"].as_array().into_iter().flatten().any(|it| it["what"]["identifier"]["value"] == request)
    };
    events(client, "_count=100").await.into_iter().filter(is_of).collect()
}

/// AuditEvent: what touches patients' data leaves an event, whether it is answered or refused.
#[tokio::test]
async fn every_route_leaves_an_event() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("everywhere")).await;
    let rows = section("routes");
    for (at, row) in rows.iter().filter(|it| it[2] != "public").enumerate() {
        let path = row[1].trim_start_matches("[base]").trim_start_matches('/');
        let path = path.replace("$[operation]", if path.contains("[id]") { "$meta" } else { "$graphql" });
        let path = path.replacen("[type]", "Patient", 1).replace("[type]", "Observation").replace("[vid]", "1");
        let path = path.replace("[id]", &id);
        let found = left_by(&client, row[0], &path, &format!("route-{at}")).await;
        assert!(!found.is_empty(), "{row:?} leaves no event");
    }
}

/// The same of each operation, with the patient whom it is about.
#[tokio::test]
async fn every_operation_leaves_an_event() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("everywhere")).await;
    let encounter = json!({
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": format!("Patient/{id}")},
    });
    let encounter = client.create(&encounter).await;
    for (at, row) in section("operations")[1..].iter().enumerate() {
        let step = |it: &str| match it {
            "{patient}" => id.clone(),
            "{encounter}" => encounter.clone(),
            it if it.starts_with('{') => "none".to_owned(),
            it => it.to_owned(),
        };
        let path = row[1].split('/').map(step).collect::<Vec<_>>().join("/");
        for method in row[0].split('|') {
            let found = left_by(&client, method, &path, &format!("operation-{method}-{at}")).await;
            assert!(!found.is_empty(), "{method} {row:?} leaves no event");
            if path.contains(&id) || path.contains(&encounter) {
                let of = format!("Patient/{id}");
                let is_named = found.iter().any(|it| references(it).contains(&of.as_str()));
                assert!(is_named, "{method} {row:?} names no patient: {found:#?}");
            }
        }
    }
}

/// A resource of a patient's that an operation looks at names that patient, whatever the operation makes of it.
#[tokio::test]
async fn what_is_made_of_a_resource_names_its_patient() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("made")).await;
    let observation = with(observation("made"), json!({"subject": {"reference": format!("Patient/{id}")}}));
    let path = format!("Observation/{}", client.create(&observation).await);
    let of = format!("patient=Patient/{id}&subtype=operation");
    client.get(&format!("{path}/$graphql?query={}", encode("{status}"))).await.expect(200);
    assert_eq!(events(&client, &of).await.len(), 1);
    client.get(&format!("{path}/$meta")).await.expect(200);
    assert_eq!(events(&client, &of).await.len(), 2);
    let query = encode("{ObservationList(status: \"final\") {status}}");
    let before = events(&client, &format!("patient=Patient/{id}")).await.len();
    client.get(&format!("$graphql?query={query}")).await.expect(200);
    assert!(events(&client, &format!("patient=Patient/{id}")).await.len() > before);
}

/// SMART app state and userinfo lie beside the FHIR base, and tell of patients and users all the same.
#[tokio::test]
async fn what_lies_beside_the_base_leaves_events() {
    let Some(place) = Place::new() else { return };
    let patient = place.patient("Weber").await;
    let person = place.practitioner().await;
    let scope = "openid fhirUser launch/patient user/Basic.cuds patient/Basic.cuds";
    let granted = place.granted(&place.app(scope), &person, scope, Some(&patient)).await;
    let client = place.with(Some(&text(&granted, "access_token")));
    let configuration = place.with(None).get(".well-known/smart-configuration").await.expect(200).json();
    let state = text(&configuration, "smart_app_state_endpoint");
    client.get(&text(&configuration, "userinfo_endpoint")).await.expect(200);
    let asked = events(&place.admin, "subtype=http://dicom.nema.org/resources/ontology/DCM|110112").await;
    assert_eq!(asked.len(), 1, "userinfo leaves an event");
    let user = asked[0]["agent"][0]["who"]["reference"].as_str().expect("a user");
    let basic = json!({
        "resourceType": "Basic",
        "code": {"coding": [{"system": "https://app.example.org", "code": "prefs"}]},
        "subject": {"reference": format!("{}/Patient/{patient}", place.admin.base)},
    });
    let created = client.post(&format!("{state}/Basic"), &basic).await.expect(201);
    let (id, etag) = (created.id(), created.needed_header("etag").to_owned());
    let code = encode("https://app.example.org|prefs");
    client.get(&format!("{state}/Basic?code={code}&subject=Patient/{patient}")).await.expect(200);
    client.get(&format!("{state}/Basic?code={code}&subject=Patient/another")).await.expect(403);
    let call = client.call("DELETE", &format!("{state}/Basic/{id}")).header("if-match", &etag);
    call.send().await.expect(204);
    for (query, expected) in [
        (format!("patient=Patient/{patient}&subtype=create&agent={user}"), 1),
        (format!("patient=Patient/{patient}&subtype=delete&agent={user}"), 1),
        (format!("patient=Patient/another&outcome=4&agent={user}"), 1),
    ] {
        assert_eq!(events(&place.admin, &query).await.len(), expected, "{query}");
    }
    let searches = events(&place.admin, &format!("patient=Patient/{patient}&subtype=search-type")).await;
    assert!(searches.iter().any(|it| it["agent"][0]["who"]["reference"].is_string()), "{searches:#?}");
}
