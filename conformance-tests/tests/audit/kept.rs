//! The log is only ever added to, and has what was answered whatever happens to the server.

use super::{codes, events, own_tenant, references};
use conformance_tests::{Client, Program, samples::*};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinSet;

fn audit_event(patient: &str) -> Value {
    json!({
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-11-20T08:30:00Z",
        "outcome": "0",
        "agent": [{"who": {"reference": "Practitioner/theirs"}, "name": "Their System", "requestor": true}],
        "source": {"observer": {"display": "theirs"}},
        "entity": [{"what": {"reference": format!("Patient/{patient}")}}],
    })
}

/// http.html#update, #delete: what is logged is neither changed nor deleted, nor part of a transaction.
#[tokio::test]
async fn events_are_never_changed() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("logged")).await;
    let event = events(&client, &format!("patient=Patient/{id}")).await.remove(0);
    let path = format!("AuditEvent/{}", event["id"].as_str().expect("an id"));
    client.put(&path, &event).await.expect_outcome(405..=405);
    client.delete(&path).await.expect_outcome(405..=405);
    client.delete("AuditEvent?action=C").await.expect_outcome(405..=405);
    let patch = r#"[{"op":"replace","path":"/outcome","value":"8"}]"#;
    client.call("PATCH", &path).body("application/json-patch+json", patch).send().await.expect_outcome(405..=405);
    client.get(&format!("{path}/_history")).await.expect_outcome(405..=405);
    let refused = client.bundle("transaction", vec![entry("PUT", &path, event.clone())]).await;
    refused.expect_outcome(405..=405);
    let refused = client.bundle("transaction", vec![entry("POST", "AuditEvent", audit_event(&id))]).await;
    refused.expect_outcome(405..=405);
    assert_eq!(client.read(&path).await, event);
    let version = client.get(&format!("{path}/_history/1")).await.expect(200);
    assert_eq!(version.json(), event);
    client.get(&format!("{path}/_history/2")).await.expect(404);
}

/// http.html#create: an event of a client's own is added, with an id and time of the server's, and that it was sent is one.
#[tokio::test]
async fn clients_add_events_of_their_own() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("theirs")).await;
    let added = client.post("AuditEvent", &with(audit_event(&id), json!({"id": "chosen"}))).await.expect(201);
    assert_ne!(added.id(), "chosen");
    let read = client.read(&format!("AuditEvent/{}", added.id())).await;
    assert_eq!((&read["recorded"], &read["meta"]["versionId"]), (&json!("2026-11-20T08:30:00Z"), &json!("1")));
    let found = events(&client, &format!("patient=Patient/{id}")).await;
    let named = format!("AuditEvent/{}/_history/1", added.id());
    let of_it: Vec<Value> = found.iter().filter(|it| references(it).contains(&named.as_str())).cloned().collect();
    assert_eq!(codes(&of_it), ["read", "create"]);
    assert!(found.iter().any(|it| it["id"] == added.id().as_str()));
    assert_eq!(events(&client, "agent=Practitioner/theirs").await.len(), 1);
    client.post("AuditEvent", &json!({"resourceType": "AuditEvent"})).await.expect_outcome(400..=422);
}

/// The log has an event of every read and write that was answered, once, though the server was killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_logged_once_after_a_kill() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("kept");
    let token = program.token("kept", "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token.clone()));
    let mut senders = JoinSet::new();
    for sender in 0..4 {
        let client = client.clone();
        senders.spawn(async move {
            let mut answered = Vec::new();
            for number in 0.. {
                let id = format!("p-{sender}-{number}");
                let body = with(patient("killed"), json!({"id": id}));
                if client.call("PUT", &format!("Patient/{id}")).json(&body).attempt().await.is_err() {
                    break;
                }
                let read = client.call("GET", &format!("Patient/{id}")).attempt().await.is_ok();
                answered.push((id, read));
                if !read {
                    break;
                }
            }
            answered
        });
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    server.kill();
    let answered: Vec<(String, bool)> = senders.join_all().await.into_iter().flatten().collect();
    assert!(!answered.is_empty(), "nothing was answered");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token));
    for (id, is_read) in answered {
        let found = events(&client, &format!("patient=Patient/{id}")).await;
        let codes = codes(&found);
        let times = |code| codes.iter().filter(|it| **it == code).count();
        assert_eq!(times("update"), 1, "{id}: {codes:?}");
        // What was under way may be logged, and its answer never have come.
        assert!(if is_read { times("read") == 1 } else { times("read") <= 1 }, "{id}: {codes:?}");
    }
}
