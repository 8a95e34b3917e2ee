//! Scopes (SMART App Launch 2.2, scopes-and-launch-context.html) that reach a part of a type only.

use super::place::Place;
use crate::patch::json_patch;
use conformance_tests::Client;
use conformance_tests::samples::*;
use serde_json::json;
use std::collections::BTreeSet;

/// `?param=value` behind a scope narrows it: what does not match is not found, not read, and not included.
#[tokio::test]
async fn criteria_narrow_a_scope() {
    let Some(place) = Place::new() else { return };
    let seen = place.admin.create(&observation("seen")).await;
    let hidden = place.admin.create(&observation("hidden")).await;
    let report = |of: &str| {
        json!({"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"},
            "result": [{"reference": format!("Observation/{of}")}]})
    };
    place.admin.create(&report(&seen)).await;
    place.admin.create(&report(&hidden)).await;
    let scope = "user/Observation.rs?code=seen user/DiagnosticReport.rs";
    let token = place.program.token(&place.tenant, scope);
    let sees = place.with(Some(&token));
    assert_eq!(sees.found("Observation").await, BTreeSet::from([seen.clone()]));
    assert_eq!(sees.page("Observation?_summary=count").await.0["total"], 1);
    sees.get(&format!("Observation/{seen}")).await.expect(200);
    sees.get(&format!("Observation/{hidden}")).await.expect(404);
    assert_eq!(versions(&sees, &format!("Observation/{seen}/_history")).await, ["POST"]);
    sees.get(&format!("Observation/{hidden}/_history")).await.expect_outcome(404..=404);
    let page = sees.page("DiagnosticReport?_include=DiagnosticReport:result").await;
    assert_eq!((page.ids().len(), page.included().len()), (2, 1));
    // A chain looks at nothing that could not be found.
    assert_eq!(sees.found("DiagnosticReport?result.code=seen").await.len(), 1);
    assert!(sees.found("DiagnosticReport?result.code=hidden").await.is_empty());
    sees.post("Observation", &observation("seen")).await.expect_outcome(403..=403);
}

/// patient/ scopes reach the compartment of the patient in context, by every way of asking.
#[tokio::test]
async fn a_patients_scope_reaches_the_compartment() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let sees = place.acting_for(&mine, "patient/*.rs");
    for (query, count) in [
        ("Patient", 1),
        ("Observation", 1),
        ("Observation?status=final", 1),
        ("Observation?subject:Patient.name=Mine", 1),
        ("Observation?subject:Patient.name=Other", 0),
        ("Patient?_has:Observation:subject:code=Other", 0),
        ("Observation?code:not=Mine", 0),
    ] {
        assert_eq!(sees.found(query).await.len(), count, "{query}");
    }
    assert_eq!(sees.found(&format!("Patient/{mine}/Observation")).await.len(), 1);
    assert!(sees.found(&format!("Patient/{other}/Observation")).await.is_empty());
    let read = |id: &str| bare_entry("GET", &format!("Patient/{id}"));
    let answers = sees.bundle("batch", vec![read(&mine), read(&other), bare_entry("GET", "Observation")]).await;
    let answers = crate::bundle::responses(answers, "batch-response");
    assert_eq!(crate::bundle::statuses(&answers), [200, 404, 200]);
    for path in ["?_type=Patient,Organization", "Organization", "Organization/_history"] {
        sees.get(path).await.expect_outcome(403..=403);
    }
}

/// Operations look at nothing that the scope does not reach.
#[tokio::test]
async fn operations_keep_to_a_patients_scope() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let sees = place.acting_for(&mine, "patient/*.rs");
    let everything = |of: &str| format!("Patient/{of}/$everything");
    assert_eq!(sees.page(&everything(&mine)).await.ids().len(), 2);
    sees.get(&everything(&other)).await.expect_outcome(404..=404);
    assert_eq!(sees.page("Patient/$everything").await.ids().len(), 2);
    let latest = |of: &str, code: &str| format!("Observation/$lastn?patient={of}&code={code}");
    assert_eq!(sees.page(&latest(&mine, "Mine")).await.ids().len(), 1);
    assert!(sees.page(&latest(&other, "Other")).await.ids().is_empty());
}

/// What a patient's scope lets be written is about that patient, before and after (scopes-and-launch-context.html:
/// "patient-specific scopes").
#[tokio::test]
async fn a_patients_scope_writes_in_the_compartment() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let app = place.acting_for(&mine, "patient/Observation.cruds");
    let about = |of: &str| with(observation("new"), json!({"subject": {"reference": format!("Patient/{of}")}}));
    let id = app.create(&about(&mine)).await;
    app.post("Observation", &about(&other)).await.expect_outcome(403..=403);
    app.post("Observation", &observation("of nobody")).await.expect_outcome(403..=403);

    let at = format!("Observation/{id}");
    let named = |of: &str| with(about(of), json!({"id": id, "status": "amended"}));
    app.put(&at, &named(&mine)).await.expect(200);
    app.put(&at, &named(&other)).await.expect_outcome(403..=403);
    let patch = |of: &str| json!([{"op": "replace", "path": "/subject/reference", "value": format!("Patient/{of}")}]);
    json_patch(&app, &at, patch(&other)).await.expect_outcome(403..=403);
    json_patch(&app, &at, patch(&mine)).await.expect(200);
    assert_eq!(place.admin.read(&at).await["subject"]["reference"], format!("Patient/{mine}"));

    // What is about another patient is as if it were not there.
    let hidden = place.admin.create(&about(&other)).await;
    let foreign = format!("Observation/{hidden}");
    app.put(&foreign, &with(about(&mine), json!({"id": hidden}))).await.expect_outcome(404..=404);
    app.put("Observation/not-there", &with(about(&mine), json!({"id": "not-there"}))).await.expect_outcome(404..=404);
    json_patch(&app, &foreign, patch(&mine)).await.expect_outcome(404..=404);
    app.delete(&foreign).await.expect(204);
    place.admin.get(&foreign).await.expect(200);
    app.delete(&at).await.expect(204);
    place.admin.get(&at).await.expect(410);
}

/// Criteria of a change match what may be found, and what they match must be within the scope of the change.
#[tokio::test]
async fn conditions_keep_to_a_patients_scope() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let app = place.acting_for(&mine, "patient/Observation.cruds");
    let about =
        |of: &str, code: &str| with(observation(code), json!({"subject": {"reference": format!("Patient/{of}")}}));
    place.admin.create(&about(&other, "twice")).await;
    let create = |code: &str| {
        let call = app.call("POST", "Observation").json(&about(&mine, code));
        call.header("If-None-Exist", &format!("code={code}")).send()
    };
    // The other patient's is as if it were not there.
    create("twice").await.expect(201);
    create("twice").await.expect(200);
    app.put("Observation?code=twice", &with(about(&mine, "twice"), json!({"status": "amended"}))).await.expect(200);
    app.put("Observation?code=twice", &about(&other, "twice")).await.expect_outcome(403..=403);
    app.put("Observation?code=new", &about(&mine, "new")).await.expect(201);
    let chosen = with(about(&mine, "chosen"), json!({"id": "chosen"}));
    app.put("Observation?code=chosen", &chosen).await.expect_outcome(403..=403);
    app.delete("Observation?code=Other").await.expect(204);
    assert_eq!(place.admin.found("Observation?code=Other").await.len(), 1);
    // A chain looks at nothing else either.
    app.delete("Observation?subject:Patient.name=Other").await.expect_outcome(403..=403);
    // Found, but not to be changed.
    let reads = place.acting_for(&mine, "patient/Observation.rs user/Observation.u?status=preliminary");
    reads.put("Observation?code=Mine", &about(&mine, "Mine")).await.expect_outcome(403..=403);
}

/// A transaction with an entry that is out of bounds changes nothing.
#[tokio::test]
async fn a_patients_scope_bounds_transactions() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let app = place.acting_for(&mine, "patient/Observation.cruds");
    let about = |of: &str| {
        let subject = json!({"subject": {"reference": format!("Patient/{of}")}});
        entry("POST", "Observation", with(observation("both"), subject))
    };
    app.bundle("transaction", vec![about(&mine), about(&other)]).await.expect_outcome(403..=403);
    assert!(place.admin.found("Observation?code=both").await.is_empty());
    app.bundle("transaction", vec![about(&mine), about(&mine)]).await.expect(200);
    assert_eq!(app.found("Observation?code=both").await.len(), 2);
}

/// A history shows the versions that are about the patient, and none of a resource that no longer is.
#[tokio::test]
async fn histories_keep_to_a_patients_scope() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let sees = place.acting_for(&mine, "patient/Observation.rs");
    let about = |of: &str| with(observation("moved"), json!({"subject": {"reference": format!("Patient/{of}")}}));
    let id = place.admin.create(&about(&other)).await;
    let (at, history) = (format!("Observation/{id}"), format!("Observation/{id}/_history"));
    sees.get(&history).await.expect_outcome(404..=404);

    place.admin.put(&at, &with(about(&mine), json!({"id": id}))).await.expect(200);
    assert_eq!(versions(&sees, &history).await, ["PUT"]);
    sees.get(&format!("{history}/1")).await.expect_outcome(404..=404);
    sees.get(&format!("{history}/2")).await.expect(200);

    place.admin.delete(&at).await.expect(204);
    assert_eq!(versions(&sees, &history).await, ["DELETE", "PUT"]);

    place.admin.put(&at, &with(about(&other), json!({"id": id}))).await.expect(201);
    sees.get(&history).await.expect_outcome(404..=404);
    sees.get(&format!("{history}/2")).await.expect_outcome(404..=404);

    // Of the type and of the tenant: what is about the patient now.
    for path in ["Observation/_history", "_history"] {
        assert_eq!(versions(&sees, path).await, ["POST"], "{path}");
    }
}

/// A token with patient/ scopes and no patient is never made.
#[tokio::test]
async fn without_a_patient_there_is_no_scope_of_one() {
    let Some(place) = Place::new() else { return };
    let output = place.program.run(&["token", "--tenant", &place.tenant, "--scope", "patient/*.rs"]);
    assert!(!output.status.success());
}

/// The methods of a history's versions, newest first.
async fn versions(client: &Client, history: &str) -> Vec<String> {
    let page = client.page(history).await.0;
    let entries = page["entry"].as_array().unwrap();
    entries.iter().map(|it| it["request"]["method"].as_str().unwrap().to_owned()).collect()
}
