//! The log is only ever added to, and has what was answered whatever happens to the server.

use super::{codes, events, own_tenant, references};
use conformance_tests::{Call, Client, Program, samples::*};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::mpsc::{self, UnboundedSender};
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
    // It says what it was told to; that it was, the server says, in what nobody else can leave out.
    let sent = json!({"system": "https://medisync.dev/fhir/CodeSystem/audit-event", "code": "sent"});
    for tags in [json!([sent]), json!([{"code": "own"}])] {
        let own = with(audit_event(&id), json!({"meta": {"tag": tags}}));
        let added = client.post("AuditEvent", &own).await.expect(201);
        for shown in [added.json(), client.read(&format!("AuditEvent/{}", added.id())).await] {
            assert_eq!(shown["meta"]["tag"][0], sent, "{shown}");
            assert_eq!(shown["meta"]["tag"].as_array().map(Vec::len), Some(1 + usize::from(tags[0]["code"] == "own")));
        }
    }
    assert_eq!(events(&client, "_tag=https://medisync.dev/fhir/CodeSystem/audit-event|sent").await.len(), 3);
    assert!(found.iter().any(|it| it["id"] == added.id().as_str()));
    assert_eq!(events(&client, "agent=Practitioner/theirs").await.len(), 3);
    client.post("AuditEvent", &json!({"resourceType": "AuditEvent"})).await.expect_outcome(400..=422);
}

/// What is asked of each patient, one after the other, and which events each request leaves.
fn load(client: &Client, id: &str) -> [(Call, &'static [&'static str]); 9] {
    let path = format!("Patient/{id}");
    let body = with(patient("killed"), json!({"id": id}));
    let bundle = |kind: &str| {
        let entries = [entry("PUT", &path, body.clone()), bare_entry("GET", &path)];
        client.call("POST", "").json(&json!({"resourceType": "Bundle", "type": kind, "entry": entries}))
    };
    [
        (client.call("PUT", &path).json(&body), &["update"]),
        (client.call("GET", &path), &["read"]),
        (client.call("GET", &format!("Patient?_id={id}")), &["search-type"]),
        (bundle("batch"), &["update", "read"]),
        (client.call("GET", &format!("{path}/_history")), &["history-instance"]),
        (client.call("GET", &format!("{path}/_history/1")), &["vread"]),
        (bundle("transaction"), &["update", "read"]),
        (client.call("GET", &format!("{path}/$everything")), &["operation"]),
        (client.call("DELETE", &path), &["delete"]),
    ]
}

/// What was answered of a patient, and what was under way when the server was killed: the events.
#[derive(Default)]
struct Answered {
    id: String,
    done: Vec<&'static str>,
    under_way: Vec<&'static str>,
}

/// Asks until the server is gone; tells of each patient of whom all was answered.
async fn send(client: Client, sender: usize, through: UnboundedSender<()>) -> Vec<Answered> {
    let mut all = Vec::new();
    for number in 0.. {
        let mut one = Answered { id: format!("p-{sender}-{number}"), ..Answered::default() };
        for (call, events) in load(&client, &one.id) {
            match call.attempt().await {
                Ok(answer) => {
                    assert!(answer.status < 300, "{}: {} {}", answer.asked, answer.status, answer.text());
                    one.done.extend(events);
                }
                Err(_) => {
                    one.under_way.extend(events);
                    break;
                }
            }
        }
        let is_over = !one.under_way.is_empty();
        all.push(one);
        if is_over {
            break;
        }
        let _ = through.send(());
    }
    all
}

/// The log has an event of all that was answered, once, though the server was killed: of reads, searches, histories, operations,
/// changes, and what Bundles have of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_logged_once_after_a_kill() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("kept");
    let token = program.token("kept", "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token.clone()));
    let (through, mut told) = mpsc::unbounded_channel();
    let senders: JoinSet<Vec<Answered>> = (0..4).map(|it| send(client.clone(), it, through.clone())).collect();
    drop(through);
    // All kinds of requests were answered by then, and others are under way.
    for _ in 0..8 {
        told.recv().await.expect("somebody sends");
    }
    server.kill();
    let answered: Vec<Answered> = senders.join_all().await.into_iter().flatten().collect();
    let done: BTreeSet<&str> = answered.iter().flat_map(|it| it.done.iter().copied()).collect();
    let all = ["delete", "history-instance", "operation", "read", "search-type", "update", "vread"];
    assert_eq!(done, BTreeSet::from(all));
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token));
    for one in answered {
        let found = events(&client, &format!("patient=Patient/{}", one.id)).await;
        let codes = codes(&found);
        for code in all {
            let times = |list: &[&str]| list.iter().filter(|it| **it == code).count();
            let (logged, done, under_way) = (times(&codes), times(&one.done), times(&one.under_way));
            // What was under way may be logged, and its answer never have come.
            assert!(logged == done || logged == done + under_way, "{} {code}: {codes:?}, {:?}", one.id, one.done);
        }
    }
}
