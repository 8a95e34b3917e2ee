//! Whose the records are that something points at cannot be looked up: what was written by then is not said to be undone, and
//! what was not is.

use super::events;
use conformance_tests::{Client, Program, samples::*};
use serde_json::{Value, json};

/// A List that names no patient, of one Observation: its address.
pub async fn list(client: &Client) -> String {
    let measured = format!("Observation/{}", client.create(&observation("kept")).await);
    format!("List/{}", client.create(&list_of(&measured)).await)
}

/// The List itself.
pub fn list_of(measured: &str) -> Value {
    let item = json!([{ "item": { "reference": measured } }]);
    json!({ "resourceType": "List", "status": "current", "mode": "working", "entry": item })
}

/// What a batch that writes and reads something answers, of which the events cannot be made: what it wrote may be there.
pub async fn expect_written_perhaps(client: &Client, list: &str) {
    let entries = vec![entry("POST", "Observation", observation("kept")), bare_entry("GET", list)];
    let outcome = client.bundle("batch", entries).await.expect_outcome(503..=503);
    let told = outcome["issue"][0]["diagnostics"].as_str().unwrap_or_default();
    assert!(told.contains("Look whether what was to be written is there"), "{outcome}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_is_not_said_to_be_undone() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("kept");
    let token = program.token("kept", "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token));
    let list = list(&client).await;
    // What is looked up comes from there as well, and nothing that the batch does itself.
    let away = "ALTER TABLE history RENAME COLUMN version TO away";
    program.tamper("kept", "history", away, away).await;
    expect_written_perhaps(&client, &list).await;
    assert_eq!(client.page("Observation?_summary=count").await.0["total"], 2);
    client.post("List", &list_of("Observation/none")).await.expect_in(500..=503);
    assert_eq!(client.page("List?_summary=count").await.0["total"], 1);
    let back = "ALTER TABLE history RENAME COLUMN away TO version";
    program.tamper("kept", "history", back, back).await;
    let kept = events(&client, &format!("entity={list}&subtype=read")).await;
    let told = kept
        .iter()
        .flat_map(|it| it["entity"].as_array().into_iter().flatten())
        .filter_map(|it| it["description"].as_str());
    assert_eq!((kept.len(), told.count()), (1, 1), "{kept:#?}");
}
