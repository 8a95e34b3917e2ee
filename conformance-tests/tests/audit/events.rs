//! What is done leaves one event, which says who did what, with which resource, of which patient, and how it went.

use super::{codes, events, own_tenant, references};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conformance_tests::{Client, program, samples::*};
use serde_json::{Value, json};

fn observation(patient: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "c"},
        "subject": {"reference": format!("Patient/{patient}")},
    })
}

/// AuditEvent.subtype: the interaction's code; each leaves one event, in the order in which they were done.
#[tokio::test]
async fn every_interaction_leaves_one_event() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("audited")).await;
    let path = format!("Patient/{id}");
    client.read(&path).await;
    client.get(&format!("{path}/_history/1")).await.expect(200);
    client.get(&format!("{path}/_history")).await.expect(200);
    client.put(&path, &with(patient("audited"), json!({"id": id, "active": true}))).await.expect(200);
    let patch = r#"[{"op":"add","path":"/gender","value":"other"}]"#;
    client.call("PATCH", &path).body("application/json-patch+json", patch).send().await.expect(200);
    client.get(&format!("Patient?_id={id}")).await.expect(200);
    client.get(&format!("{path}/$everything")).await.expect(200);
    client.get(&format!("{path}/_history/9")).await.expect(404);
    client.delete(&path).await.expect_in(200..=204);
    client.get(&path).await.expect(410);
    let mut found = events(&client, &format!("patient={path}")).await;
    found.reverse();
    let expected = [
        "create",
        "read",
        "vread",
        "history-instance",
        "update",
        "patch",
        "search-type",
        "operation",
        "vread",
        "delete",
        "read",
    ];
    assert_eq!(codes(&found), expected);
    let actions: Vec<&str> = found.iter().map(|it| it["action"].as_str().expect("an action")).collect();
    assert_eq!(actions, ["C", "R", "R", "R", "U", "U", "E", "E", "R", "D", "R"]);
    let outcomes: Vec<&str> = found.iter().map(|it| it["outcome"].as_str().expect("an outcome")).collect();
    assert_eq!(outcomes, ["0", "0", "0", "0", "0", "0", "0", "0", "4", "0", "4"]);
    for event in &found {
        assert!(references(event).contains(&path.as_str()), "{event:#}");
        assert_eq!(event["type"]["code"], "rest");
        assert_eq!(event["agent"][0]["altId"], "medisync-token");
        assert_eq!(event["agent"][0]["requestor"], true);
        assert!(event["agent"][0]["network"]["address"].is_string(), "{event:#}");
    }
    let query = found[6]["entity"].as_array().expect("entities").iter().find_map(|it| it["query"].as_str());
    let query = STANDARD.decode(query.expect("a query")).expect("base64");
    assert_eq!(String::from_utf8_lossy(&query), format!("Patient?_id={id}"));
}

/// AuditEvent.entity: a search tells what it handed out, and of whom.
#[tokio::test]
async fn a_search_tells_what_it_handed_out() {
    let Some((_, client)) = own_tenant() else { return };
    let (one, two) = (client.create(&patient("one")).await, client.create(&patient("two")).await);
    let (first, second) = (client.create(&observation(&one)).await, client.create(&observation(&two)).await);
    client.get("Observation?status=final&_include=Observation:subject").await.expect(200);
    for (of, id) in [("Patient", &one), ("Patient", &two), ("Observation", &first), ("Observation", &second)] {
        let found = events(&client, &format!("entity={of}/{id}&subtype=search-type")).await;
        assert_eq!(found.len(), 1, "{of}/{id}");
        let named = references(&found[0]);
        for expected in [format!("Patient/{one}"), format!("Patient/{two}"), format!("Observation/{first}/_history/1")]
        {
            assert!(named.contains(&expected.as_str()), "{named:?}");
        }
    }
}

/// http.html#transaction: each entry is told of; a batch's have events of their own.
#[tokio::test]
async fn entries_of_bundles_are_told_of() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("bundled")).await;
    let path = format!("Patient/{id}");
    let entries = vec![
        entry("POST", "Observation", observation(&id)),
        entry("POST", "Observation", observation(&id)),
        json!({"request": {"method": "GET", "url": path}}),
    ];
    client.bundle("transaction", entries.clone()).await.expect(200);
    let found = events(&client, &format!("patient={path}&subtype=transaction")).await;
    assert_eq!(codes(&found), ["read", "create"]);
    assert_eq!(references(&found[1]).iter().filter(|it| it.starts_with("Observation/")).count(), 2);
    client.bundle("batch", entries).await.expect(200);
    assert_eq!(codes(&events(&client, &format!("patient={path}&subtype=batch")).await), ["read", "create", "create"]);
}

/// A request that is refused is an event too: with a token that does not allow it, and without one.
#[tokio::test]
async fn what_is_refused_leaves_an_event() {
    let Some((tenant, client)) = own_tenant() else { return };
    let (program, _) = program();
    let id = client.create(&patient("refused")).await;
    let path = format!("Patient/{id}");
    let narrow = client.with_token(Some(program.token(&tenant, "system/Observation.rs")));
    narrow.get(&path).await.expect(403);
    client.with_token(None).get(&path).await.expect(401);
    let found = events(&client, &format!("patient={path}&outcome=4")).await;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(found[0]["type"]["code"], "110113");
    assert_eq!((&found[1]["type"]["code"], &found[1]["outcomeDesc"]), (&json!("rest"), &json!("HTTP 403")));
    let tokens = events(&client, "type=http://dicom.nema.org/resources/ontology/DCM|110114").await;
    assert_eq!(codes(&tokens), ["ITI-71", "ITI-71"], "`medisync token` was called twice");
}

/// A patient is told of the own record alone.
#[tokio::test]
async fn a_patient_sees_the_own_events_alone() {
    let Some((tenant, client)) = own_tenant() else { return };
    let (program, _) = program();
    let (own, other) = (client.create(&patient("own")).await, client.create(&patient("other")).await);
    client.get("Patient?active:missing=true").await.expect(200);
    client.read(&format!("Patient/{other}")).await;
    let arguments = ["token", "--tenant", &tenant, "--scope", "patient/*.rs", "--patient", &own];
    let patient: Client = client.with_token(Some(program.succeed(&arguments).trim().to_owned()));
    let found = events(&patient, "").await;
    assert_eq!(codes(&found), ["search-type", "create"]);
    assert!(!found.iter().any(|it| it.to_string().contains(&other)), "{found:#?}");
    let of_other = events(&client, &format!("patient=Patient/{other}&subtype=read")).await;
    let hidden = format!("AuditEvent/{}", of_other[0]["id"].as_str().expect("an id"));
    patient.get(&hidden).await.expect(404);
    client.get(&hidden).await.expect(200);
}
