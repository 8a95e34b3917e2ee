//! History of an instance, a type and the system (http.html#history).

use conformance_tests::{Bundle, Client, encode, samples::*};
use serde_json::{Value, json};

/// A Patient with three versions and its deletion; its path.
async fn lived(client: &Client) -> String {
    let first = client.post("Patient", &client.marked(&patient("history"))).await.expect(201);
    let path = format!("Patient/{}", first.id());
    for gender in ["female", "other"] {
        client.put(&path, &with(first.json(), json!({"gender": gender}))).await.expect(200);
    }
    client.delete(&path).await.expect_in(200..=204);
    path
}

fn methods(bundle: &Bundle) -> Vec<&str> {
    bundle.entries().iter().filter_map(|entry| entry["request"]["method"].as_str()).collect()
}

/// Every entry of all pages, in order.
async fn all(client: &Client, path: &str) -> Vec<Value> {
    let mut page = client.page(path).await;
    let mut entries = Vec::new();
    loop {
        assert_eq!(page.0["type"], "history");
        entries.extend_from_slice(page.entries());
        let Some(next) = page.link("next").map(str::to_owned) else { return entries };
        page = client.page(&next).await;
    }
}

/// http.html#history: "sorted with oldest versions last, and … deleted resources".
#[tokio::test]
async fn the_history_of_an_instance_tells_its_life_backwards() {
    let client = Client::fresh();
    let path = lived(&client).await;
    let history = client.page(&format!("{path}/_history")).await;
    assert_eq!(history.0["type"], "history");
    assert!(history.total().is_none_or(|total| total == 4), "{:?}", history.total());
    assert_eq!(methods(&history), ["DELETE", "PUT", "PUT", "POST"]);
    let genders: Vec<&Value> = history.entries()[1..].iter().map(|entry| &entry["resource"]["gender"]).collect();
    assert_eq!(genders, [&json!("other"), &json!("female"), &Value::Null]);
    assert!(history.link("self").is_some());
}

/// bundle.html#history: each entry has request and response, and a fullUrl; a deletion has no resource.
#[tokio::test]
async fn every_entry_tells_its_request_and_response() {
    let client = Client::fresh();
    let path = lived(&client).await;
    let history = client.page(&format!("{path}/_history")).await;
    for entry in history.entries() {
        let (request, response) = (&entry["request"], &entry["response"]);
        assert!(entry["fullUrl"].as_str().is_some_and(|url| url.ends_with(&path)), "{entry}");
        let url = request["url"].as_str().expect("request.url");
        match request["method"].as_str() {
            Some("POST") => assert_eq!(url, "Patient"),
            _ => assert_eq!(url, path),
        }
        assert!(response["status"].as_str().is_some_and(|status| status.starts_with('2')), "{entry}");
        assert!(response["lastModified"].is_string(), "{entry}");
        assert!(response["etag"].as_str().is_some_and(|etag| etag.starts_with("W/\"")), "{entry}");
        assert_eq!(entry["resource"].is_object(), request["method"] != "DELETE", "{entry}");
    }
}

/// http.html#history: an unknown resource has no history.
#[tokio::test]
async fn the_history_of_the_unknown_is_404() {
    let client = Client::fresh();
    client.get("Patient/absent/_history").await.expect_outcome(404..=404);
    client.get("Dragon/_history").await.expect_outcome(404..=404);
}

/// http.html#history: `_count` and paging tell everything once.
#[tokio::test]
async fn pages_tell_everything_once() {
    let client = Client::fresh();
    let path = lived(&client).await;
    let page = client.page(&format!("{path}/_history?_count=3")).await;
    assert_eq!(page.entries().len(), 3);
    let entries = all(&client, &format!("{path}/_history?_count=1")).await;
    let whole = client.page(&format!("{path}/_history")).await;
    assert_eq!(entries, whole.entries());
    client.get(&format!("{path}/_history?_count=few")).await.expect_outcome(400..=400);
}

/// http.html#history: `_since` gives the versions "created at or after the given instant".
#[tokio::test]
async fn since_leaves_out_what_was_before() {
    let client = Client::fresh();
    let path = format!("Patient/{}", client.create(&patient("since")).await);
    let first = client.read(&path).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let second = client.put(&path, &with(first.clone(), json!({"active": true}))).await.expect(200).json();
    let since =
        async |instant: &str| client.page(&format!("{path}/_history?_since={}", encode(instant))).await.entries().len();
    let time = |resource: &Value| resource["meta"]["lastUpdated"].as_str().expect("lastUpdated").to_owned();
    assert_eq!(since(&time(&first)).await, 2);
    assert_eq!(since(&time(&second)).await, 1);
    assert_eq!(since("2001-01-01T00:00:00+05:00").await, 2);
    assert_eq!(since("2999-01-01T00:00:00Z").await, 0);
    client.get(&format!("{path}/_history?_since=lately")).await.expect_outcome(400..=400);
}

/// http.html#history: `_at` gives the versions "current at some point during the time period".
#[tokio::test]
async fn at_gives_what_was_current_then() {
    let client = Client::fresh();
    let path = format!("Patient/{}", client.create(&patient("at")).await);
    let first = client.read(&path).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    client.put(&path, &with(first.clone(), json!({"active": true}))).await.expect(200);
    let at = async |value: &str| {
        let page = client.page(&format!("{path}/_history?_at={}", encode(value))).await;
        page.entries().iter().map(|entry| entry["resource"]["meta"]["versionId"].clone()).collect::<Vec<_>>()
    };
    let then = first["meta"]["lastUpdated"].as_str().expect("lastUpdated");
    assert_eq!(at(then).await, [json!("1")]);
    assert!(at("2001").await.is_empty());
    assert_eq!(at("2999-12-31").await, [json!("2")]);
    client.get(&format!("{path}/_history?_at=then")).await.expect_outcome(400..=400);
}

/// http.html#history: `[base]/[type]/_history` and `[base]/_history`
#[tokio::test]
async fn the_histories_of_type_and_system_hold_all_of_theirs() {
    let client = Client::fresh();
    let path = lived(&client).await;
    let other = client.create(&observation("history")).await;
    let of = |entries: &[Value], url: &str| {
        entries.iter().filter(|entry| entry["fullUrl"].as_str().is_some_and(|it| it.ends_with(url))).count()
    };
    let observation = format!("Observation/{other}");
    let of_type = all(&client, "Patient/_history?_count=2").await;
    assert_eq!((of(&of_type, &path), of(&of_type, &observation)), (4, 0));
    let of_system = all(&client, "_history?_count=2").await;
    assert_eq!((of(&of_system, &path), of(&of_system, &observation)), (4, 1));
}

/// http.html#history: newest first, over types too.
#[tokio::test]
async fn the_history_of_the_system_is_newest_first() {
    let client = Client::fresh();
    for number in 0..5 {
        client.create(&patient(&number.to_string())).await;
        client.create(&observation("order")).await;
    }
    let times: Vec<Value> =
        all(&client, "_history?_count=3").await.iter().map(|it| it["response"]["lastModified"].clone()).collect();
    let newest_first = times.windows(2).all(|pair| pair[0].as_str() >= pair[1].as_str());
    assert!(newest_first && times.len() >= 10, "{times:?}");
}

/// http.html#history: history is for reading.
#[tokio::test]
async fn a_history_cannot_be_written() {
    let client = Client::fresh();
    let path = lived(&client).await;
    client.put(&format!("{path}/_history/1"), &patient("past")).await.expect_outcome(405..=405);
    client.delete(&format!("{path}/_history/1")).await.expect_outcome(405..=405);
    client.post(&format!("{path}/_history"), &patient("past")).await.expect_outcome(405..=405);
}

/// http.html#history: writes that come while a client pages neither repeat nor hide an older entry.
#[tokio::test]
async fn writing_while_paging_neither_repeats_nor_hides() {
    let client = Client::fresh();
    let mut expected = Vec::new();
    for number in 0..12 {
        expected.push(client.create(&patient(&number.to_string())).await);
    }
    let mut page = client.page("Patient/_history?_count=5").await;
    let mut seen: Vec<String> = Vec::new();
    loop {
        seen.extend(page.entries().iter().filter_map(|it| it["resource"]["id"].as_str().map(str::to_owned)));
        let Some(next) = page.link("next").map(str::to_owned) else { break };
        client.create(&patient("meanwhile")).await;
        page = client.page(&next).await;
    }
    for id in &expected {
        assert_eq!(seen.iter().filter(|it| *it == id).count(), 1, "{id}");
    }
}
