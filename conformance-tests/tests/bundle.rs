//! Batches (http.html#transaction, bundle.html#batch), and what both kinds of Bundle share.

use conformance_tests::{Answer, Client, samples::*, unique};
use serde_json::{Value, json};

/// The entries of a 200 answer of the kind that fits the request.
pub fn responses(answer: Answer, kind: &str) -> Vec<Value> {
    let body = answer.expect(200).json();
    assert_eq!((&body["resourceType"], &body["type"]), (&json!("Bundle"), &json!(kind)), "{body}");
    body["entry"].as_array().cloned().unwrap_or_default()
}

/// The status code of an entry's response ("201 Created").
pub fn status(entry: &Value) -> u16 {
    let status = entry["response"]["status"].as_str().unwrap_or_default();
    status.split(' ').next().and_then(|code| code.parse().ok()).unwrap_or_default()
}

pub fn statuses(entries: &[Value]) -> Vec<u16> {
    entries.iter().map(status).collect()
}

/// The path below the base (`Type/id`) in an entry's `response.location`.
pub fn place(entry: &Value) -> String {
    let location = entry["response"]["location"].as_str().unwrap_or_default();
    let path = location.split("/_history/").next().unwrap_or_default();
    let parts: Vec<&str> = path.rsplit('/').take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// http.html#transaction-response: one entry for each, in the same order, with what a single request answers.
#[tokio::test]
async fn a_batch_answers_each_entry_in_order() {
    let client = Client::fresh();
    let there = client.create(&patient("there")).await;
    let entries = vec![
        bare_entry("GET", &format!("Patient/{there}")),
        entry("POST", "Patient", patient("posted")),
        bare_entry("GET", "Patient/absent"),
        entry("PUT", &format!("Patient/{there}"), with(patient("put"), json!({"id": there}))),
        bare_entry("DELETE", "Patient/absent"),
        bare_entry("GET", "Patient?identifier=nobody"),
        entry("POST", "Patient", json!({"resourceType": "Patient", "gender": "none"})),
        bare_entry("GET", "metadata"),
        bare_entry("GET", &format!("Patient/{there}/_history/1")),
        bare_entry("GET", &format!("Patient/{there}/_history")),
    ];
    let answers = responses(client.bundle("batch", entries).await, "batch-response");
    let codes = statuses(&answers);
    assert_eq!(codes[..4], [200, 201, 404, 200]);
    assert!((200..=204).contains(&codes[4]), "{codes:?}");
    assert_eq!((codes[5], codes[6] / 100, codes[7], codes[8], codes[9]), (200, 4, 200, 200, 200));
    assert_eq!(answers[0]["resource"]["id"], there);
    for refused in [&answers[2], &answers[6]] {
        assert_eq!(refused["response"]["outcome"]["resourceType"], "OperationOutcome", "{refused}");
    }
    assert_eq!(answers[5]["resource"]["type"], "searchset");
    assert_eq!(answers[7]["resource"]["resourceType"], "CapabilityStatement");
    let created = &answers[1]["response"];
    assert!(created["location"].as_str().is_some_and(|it| it.contains("/_history/")), "{created}");
    assert!(created["etag"].as_str().is_some_and(|it| it.starts_with("W/\"")), "{created}");
    assert!(created["lastModified"].is_string(), "{created}");
    assert_eq!(client.get(&place(&answers[1])).await.expect(200).json()["identifier"][0]["value"], "posted");
}

/// http.html#batch: "success or failure of one entry does not influence another".
#[tokio::test]
async fn entries_of_a_batch_are_on_their_own() {
    let client = Client::fresh();
    let bad = json!({"resourceType": "Patient", "colour": "red"});
    let entries = vec![
        entry("POST", "Patient", bad.clone()),
        entry("POST", "Patient", patient("alone")),
        entry("POST", "Patient", bad),
        json!({"request": {"method": "POST", "url": "Patient"}}),
        entry("POST", "Observation", patient("wrong type")),
    ];
    let answers = responses(client.bundle("batch", entries).await, "batch-response");
    let classes: Vec<u16> = statuses(&answers).iter().map(|code| code / 100).collect();
    assert_eq!(classes, [4, 2, 4, 4, 4]);
    client.get(&place(&answers[1])).await.expect(200);
}

/// http.html#transaction: each conditional header has its element in `request`.
#[tokio::test]
async fn conditions_of_entries_are_kept() {
    let client = Client::fresh();
    let word = unique();
    let id = client.create(&patient(&word)).await;
    let conditional = |method: &str, url: String, resource: Option<Value>, name: &str, value: &str| {
        let mut entry = json!({"request": {"method": method, "url": url, name: value}});
        if let Some(resource) = resource {
            entry["resource"] = resource;
        }
        entry
    };
    let path = format!("Patient/{id}");
    let same = || Some(with(patient(&word), json!({"id": id})));
    let entries = vec![
        conditional("GET", path.clone(), None, "ifNoneMatch", "W/\"1\""),
        conditional("GET", path.clone(), None, "ifModifiedSince", "2999-01-01T00:00:00Z"),
        conditional("POST", "Patient".into(), Some(patient(&word)), "ifNoneExist", &format!("identifier={word}")),
        conditional("PUT", path.clone(), same(), "ifMatch", "W/\"77\""),
    ];
    let answers = responses(client.bundle("batch", entries).await, "batch-response");
    assert_eq!(statuses(&answers), [304, 304, 200, 412]);
    assert!(answers[0]["resource"].is_null());
    let entries = vec![conditional("PUT", path, same(), "ifMatch", "W/\"1\"")];
    assert_eq!(statuses(&responses(client.bundle("batch", entries).await, "batch-response")), [200]);
}

/// http.html#patch: an entry patches by a Binary with the patch, or by Parameters.
#[tokio::test]
async fn entries_patch_too() {
    let client = Client::fresh();
    let id = client.create(&patient("patched")).await;
    let url = format!("Patient/{id}");
    // [{"op":"add","path":"/gender","value":"female"}]
    let data = "W3sib3AiOiJhZGQiLCJwYXRoIjoiL2dlbmRlciIsInZhbHVlIjoiZmVtYWxlIn1d";
    let binary = json!({"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data});
    let parts = json!([
        {"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"},
        {"name": "name", "valueString": "birthDate"}, {"name": "value", "valueDate": "1970-01-01"}]);
    let parameters = json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]});
    let entries = vec![entry("PATCH", &url, binary), entry("PATCH", &url, parameters)];
    assert_eq!(statuses(&responses(client.bundle("batch", entries).await, "batch-response")), [200, 200]);
    let read = client.read(&url).await;
    assert_eq!((&read["gender"], &read["birthDate"]), (&json!("female"), &json!("1970-01-01")));
}

/// http.html#transaction: only batch and transaction are processed.
#[tokio::test]
async fn another_type_of_bundle_is_400() {
    let client = Client::fresh();
    let posted = || vec![entry("POST", "Patient", patient("wrong bundle"))];
    for kind in ["document", "collection", "searchset", "history", "batch-response", "transaction-response", "nonsense"]
    {
        client.bundle(kind, posted()).await.expect_outcome(400..=422);
    }
    client.post("", &json!({"resourceType": "Bundle", "entry": posted()})).await.expect_outcome(400..=422);
    client.post("", &patient("no bundle")).await.expect_outcome(400..=422);
    assert!(client.found("Patient?identifier=wrong%20bundle").await.is_empty());
}

/// bundle.html (bdl-3): an entry of a batch or transaction has a request.
#[tokio::test]
async fn a_transaction_entry_without_request_is_400() {
    let client = Client::fresh();
    let requests = [
        json!({"resource": patient("no request")}),
        json!({"resource": patient("no method"), "request": {"url": "Patient"}}),
        json!({"resource": patient("no url"), "request": {"method": "POST"}}),
        json!({"resource": patient("odd method"), "request": {"method": "BREW", "url": "Patient"}}),
        json!({"request": {"method": "POST", "url": "Patient"}}),
    ];
    for request in requests {
        let good = entry("POST", "Patient", patient("good"));
        client.bundle("transaction", vec![good, request]).await.expect_outcome(400..=422);
    }
    assert!(client.found("Patient?identifier=good").await.is_empty());
}

/// http.html#batch: an empty one is answered by an empty one.
#[tokio::test]
async fn an_empty_bundle_is_answered_by_an_empty_one() {
    let client = Client::fresh();
    for kind in ["batch", "transaction"] {
        let answer = client.post("", &json!({"resourceType": "Bundle", "type": kind})).await;
        assert!(responses(answer, &format!("{kind}-response")).is_empty());
    }
}

/// http.html#ops: `Prefer: return=` holds for the entries.
#[tokio::test]
async fn prefer_return_chooses_the_bodies_of_entries() {
    let client = Client::fresh();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("POST", "Patient", patient("prefer"))]});
    let send = async |prefer: &str| {
        let call = client.call("POST", "").header("prefer", prefer).json(&bundle);
        responses(call.send().await, "transaction-response").remove(0)
    };
    assert!(send("return=minimal").await["resource"].is_null());
    assert_eq!(send("return=representation").await["resource"]["resourceType"], "Patient");
}
