//! Deleting resources (http.html#delete).

use conformance_tests::{Client, samples::*};
use serde_json::json;

/// http.html#delete: "200 OK … or 204 No Content"; afterwards 410.
#[tokio::test]
async fn a_deleted_resource_is_gone_and_not_found_by_search() {
    let client = Client::fresh();
    let id = client.create(&patient("delete")).await;
    let path = format!("Patient/{id}");
    client.delete(&path).await.expect_in(200..=204);
    client.get(&path).await.expect_outcome(410..=410);
    assert!(client.found("Patient?identifier=delete").await.is_empty());
    assert!(client.found(&format!("Patient?_id={id}")).await.is_empty());
}

/// http.html#delete: "If the … resource does not exist … the server SHOULD return 200 or 204".
#[tokio::test]
async fn deleting_what_is_not_there_is_no_error() {
    let client = Client::fresh();
    client.delete("Patient/absent").await.expect_in(200..=204);
    let path = format!("Patient/{}", client.create(&patient("twice")).await);
    client.delete(&path).await.expect_in(200..=204);
    client.delete(&path).await.expect_in(200..=204);
    assert_eq!(client.page(&format!("{path}/_history")).await.entries().len(), 2);
}

/// http.html#delete: an unsupported type is 404.
#[tokio::test]
async fn deleting_an_unknown_type_is_404() {
    Client::fresh().delete("Dragon/1").await.expect_outcome(404..=404);
}

/// http.html#delete: older versions can still be read, and the deletion is in the history.
#[tokio::test]
async fn the_past_of_a_deleted_resource_remains() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("past")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    client.delete(&path).await.expect_in(200..=204);
    assert_eq!(client.read(&format!("{path}/_history/{}", first.version())).await, first.json());
    let history = client.page(&format!("{path}/_history")).await;
    assert_eq!(history.entries()[0]["request"]["method"], "DELETE");
}

/// http.html#concurrency applies to every change.
#[tokio::test]
async fn a_stale_if_match_is_412_and_deletes_nothing() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("stale")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    client.put(&path, &with(first.json(), json!({"active": true}))).await.expect(200);
    let etag = first.needed_header("etag");
    client.call("DELETE", &path).header("if-match", etag).send().await.expect_outcome(412..=412);
    client.get(&path).await.expect(200);
}
