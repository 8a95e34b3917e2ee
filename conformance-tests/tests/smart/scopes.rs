//! Scopes (SMART App Launch 2.2, scopes-and-launch-context.html) that reach a part of a type only.

use super::place::Place;
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
    sees.get(&format!("Observation/{seen}/_history")).await.expect_outcome(403..=403);
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
    let issue = ["token", "--tenant", &place.tenant, "--scope", "patient/*.rs", "--patient", &mine];
    let sees = place.with(Some(place.program.succeed(&issue).trim()));
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
    for path in ["?_type=Patient,Organization", "_history", "Organization", &format!("Patient/{mine}/$everything")] {
        sees.get(path).await.expect_outcome(403..=403);
    }
}

/// A token with patient/ scopes and no patient is never made.
#[tokio::test]
async fn without_a_patient_there_is_no_scope_of_one() {
    let Some(place) = Place::new() else { return };
    let output = place.program.run(&["token", "--tenant", &place.tenant, "--scope", "patient/*.rs"]);
    assert!(!output.status.success());
}
