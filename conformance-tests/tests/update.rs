//! Updating resources (http.html#update, http.html#concurrency).

use conformance_tests::{Answer, Client, samples::*, unique};
use serde_json::json;

/// An id that nobody else uses.
fn new_id() -> String {
    format!("id-{}", unique())
}

/// http.html#update
#[tokio::test]
async fn an_update_makes_a_new_version() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("update")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    let changed = with(first.json(), json!({"gender": "other"}));
    let second = client.put(&path, &changed).await.expect(200);
    assert_ne!(second.version(), first.version());
    assert_eq!(second.json()["gender"], "other");
    assert_eq!(second.json()["meta"]["versionId"], second.version());
    assert_eq!(client.read(&path).await, second.json());
}

/// http.html#upsert: "201 Created" with Location, and the id is the client's.
#[tokio::test]
async fn an_update_of_something_new_creates_it() {
    let client = Client::fresh();
    let id = new_id();
    let path = format!("Patient/{id}");
    let answer = client.put(&path, &with(patient("upsert"), json!({"id": id}))).await.expect(201);
    let location = answer.needed_header("location");
    assert!(location.ends_with(&format!("/{path}/_history/{}", answer.version())), "{location}");
    assert_eq!(client.read(&path).await["id"], id);
}

/// http.html#update: the body's id is there and equals the one in the address.
#[tokio::test]
async fn an_update_without_its_id_is_400() {
    let client = Client::fresh();
    let path = format!("Patient/{}", new_id());
    client.put(&path, &patient("no id")).await.expect_outcome(400..=400);
    client.put(&path, &with(patient("other id"), json!({"id": "other"}))).await.expect_outcome(400..=400);
    client.get(&path).await.expect(404);
}

/// datatypes.html#id
#[tokio::test]
async fn an_update_with_an_impossible_id_is_400() {
    let client = Client::fresh();
    for id in ["under_score", &"x".repeat(65)] {
        let sent = with(patient("bad id"), json!({"id": id}));
        client.put(&format!("Patient/{id}"), &sent).await.expect_outcome(400..=400);
    }
}

/// http.html#update: the type in the body is the one in the address.
#[tokio::test]
async fn an_update_with_another_type_is_400() {
    let client = Client::fresh();
    let id = new_id();
    let sent = with(observation("1"), json!({"id": id}));
    client.put(&format!("Patient/{id}"), &sent).await.expect_outcome(400..=400);
}

/// http.html#concurrency: "412 Precondition Failed" when If-Match is not the current version.
#[tokio::test]
async fn a_stale_if_match_is_412_and_changes_nothing() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("stale")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    let put = async |etag: &str, gender: &str| {
        let sent = with(first.json(), json!({"gender": gender}));
        client.call("PUT", &path).header("if-match", etag).json(&sent).send().await
    };
    let etag = first.needed_header("etag");
    put(etag, "female").await.expect(200);
    put(etag, "male").await.expect_outcome(412..=412);
    assert_eq!(client.read(&path).await["gender"], "female");
}

/// http.html#concurrency: a tag that is no version is a bad request, not a match.
#[tokio::test]
async fn a_malformed_if_match_is_400() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("etag")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    for etag in ["W/1", "\"1", "W/\"", "one"] {
        let call = client.call("PUT", &path).header("if-match", etag).json(&first.json());
        call.send().await.expect_outcome(400..=400);
    }
}

/// http.html#concurrency: If-Match on something that is not there matches nothing.
#[tokio::test]
async fn if_match_on_nothing_is_412() {
    let client = Client::fresh();
    let id = new_id();
    let sent = with(patient("none"), json!({"id": id}));
    let path = format!("Patient/{id}");
    client.call("PUT", &path).header("if-match", "W/\"1\"").json(&sent).send().await.expect_outcome(412..=412);
    client.get(&path).await.expect(404);
}

const RACERS: usize = 20;

/// Racing updates of one new Patient, with its ETag in If-Match or without; its path and the answers.
async fn race(client: &Client, with_if_match: bool) -> (String, Vec<Answer>) {
    let first = client.post("Patient", &patient("race")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..RACERS {
        let call = client.call("PUT", &path).json(&with(first.json(), json!({"multipleBirthInteger": number})));
        let call = if with_if_match { call.header("if-match", first.needed_header("etag")) } else { call };
        racers.spawn(call.send());
    }
    (path, racers.join_all().await)
}

/// http.html#concurrency: of racing updates of one version exactly one is made.
#[tokio::test]
async fn of_racing_updates_one_wins() {
    let client = Client::fresh();
    let (path, answers) = race(&client, true).await;
    let with_status = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with_status(200), with_status(412)), (1, RACERS - 1));
    let history = client.page(&format!("{path}/_history")).await;
    assert_eq!(history.entries().len(), 2);
}

/// http.html#update: racing updates without If-Match are all made, each its own version.
#[tokio::test]
async fn racing_updates_without_if_match_are_all_versions() {
    let (_, answers) = race(&Client::fresh(), false).await;
    let mut versions: Vec<String> = answers.into_iter().map(|answer| answer.expect(200).version()).collect();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), RACERS);
}

/// http.html#ops: `Prefer: return=`
#[tokio::test]
async fn prefer_return_chooses_the_body() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("prefer")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    let put = async |prefer: &str, gender: &str| {
        let sent = with(first.json(), json!({"gender": gender}));
        client.call("PUT", &path).header("prefer", prefer).json(&sent).send().await.expect(200)
    };
    assert!(put("return=minimal", "male").await.bytes.is_empty());
    assert_eq!(put("return=representation", "female").await.json()["gender"], "female");
    assert_eq!(put("return=OperationOutcome", "other").await.json()["resourceType"], "OperationOutcome");
}

/// http.html#update: a deleted resource is brought back by an update.
#[tokio::test]
async fn an_update_brings_a_deleted_resource_back() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("back")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    client.delete(&path).await.expect_in(200..=204);
    let back = client.put(&path, &first.json()).await.expect_in(200..=201);
    assert_eq!(back.version(), "3");
    client.get(&path).await.expect(200);
}

/// http.html#update: an invalid resource leaves the old version as it is.
#[tokio::test]
async fn an_invalid_update_changes_nothing() {
    let client = Client::fresh();
    let first = client.post("Patient", &patient("keep")).await.expect(201);
    let path = format!("Patient/{}", first.id());
    let bad = with(first.json(), json!({"gender": "none of them"}));
    client.put(&path, &bad).await.expect_outcome(400..=422);
    assert_eq!(client.read(&path).await, first.json());
}

/// resource.html#Meta: tags, profiles and security labels of the client are kept.
#[tokio::test]
async fn meta_of_the_client_is_kept() {
    let client = Client::fresh();
    let id = new_id();
    let meta = json!({
        "versionId": "99", "lastUpdated": "1999-01-01T00:00:00Z",
        "profile": ["http://example.org/StructureDefinition/p"],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
        "tag": [{"system": "urn:t", "code": "a"}]
    });
    let sent = with(patient("meta"), json!({"id": id, "meta": meta}));
    let kept = client.put(&format!("Patient/{id}"), &sent).await.expect(201).json();
    assert_eq!(as_submitted(kept.clone())["meta"], as_submitted(sent)["meta"]);
    assert_eq!(kept["meta"]["versionId"], "1");
}
