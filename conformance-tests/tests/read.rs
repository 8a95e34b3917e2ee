//! Reading one resource (http.html#read, http.html#vread, http.html#cread).

use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};

/// A Patient and its path, such as `Patient/1`.
async fn stored(client: &Client) -> (String, Value) {
    let answer = client.post("Patient", &patient("read")).await.expect(201);
    (format!("Patient/{}", answer.id()), answer.json())
}

/// http.html#read
#[tokio::test]
async fn a_read_gives_the_resource_with_its_version_and_time() {
    let client = Client::fresh();
    let (path, created) = stored(&client).await;
    let answer = client.get(&path).await.expect(200);
    assert_eq!(answer.json(), created);
    assert_eq!(answer.json()["meta"]["versionId"], answer.version());
    assert!(answer.needed_header("last-modified").ends_with(" GMT"));
    assert!(answer.needed_header("content-type").starts_with("application/fhir+json"));
}

/// http.html#read: "A HEAD request can also be used … same headers … no body".
#[tokio::test]
async fn head_gives_the_headers_of_get_and_no_body() {
    let client = Client::fresh();
    let (path, _) = stored(&client).await;
    let (get, head) = (client.get(&path).await, client.call("HEAD", &path).send().await.expect(200));
    assert!(head.bytes.is_empty());
    for name in ["etag", "last-modified", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    client.call("HEAD", "Patient/absent").send().await.expect(404);
}

/// http.html#read: "404 Not Found" for an unknown resource, "410 Gone" for a deleted one.
#[tokio::test]
async fn unknown_is_404_and_deleted_is_410() {
    let client = Client::fresh();
    let outcome = client.get("Patient/absent").await.expect_outcome(404..=404);
    assert_eq!(outcome["issue"][0]["code"], "not-found");
    let (path, _) = stored(&client).await;
    client.delete(&path).await.expect_in(200..=204);
    let outcome = client.get(&path).await.expect_outcome(410..=410);
    assert_eq!(outcome["issue"][0]["code"], "deleted");
}

/// http.html#Status-Codes: "404 Not Found - resource type not supported".
#[tokio::test]
async fn an_unknown_type_is_404() {
    let client = Client::fresh();
    for path in ["Dragon/1", "Dragon", "patient/1", "Element/1", "DomainResource/1"] {
        client.get(path).await.expect_outcome(404..=404);
    }
}

/// datatypes.html#id: ids are of `[A-Za-z0-9\-\.]{1,64}`.
#[tokio::test]
async fn an_impossible_id_is_400_or_404() {
    let client = Client::fresh();
    for id in ["a_b", "a%20b", "%C3%A9", &"x".repeat(65)] {
        client.get(&format!("Patient/{id}")).await.expect_outcome(400..=404);
    }
}

/// http.html#vread
#[tokio::test]
async fn every_version_can_be_read() {
    let client = Client::fresh();
    let (path, first) = stored(&client).await;
    let second = with(first.clone(), json!({"active": true}));
    let second = client.put(&path, &second).await.expect(200).json();
    for version in [&first, &second] {
        let number = version["meta"]["versionId"].as_str().expect("a version id");
        let answer = client.get(&format!("{path}/_history/{number}")).await.expect(200);
        assert_eq!(&answer.json(), version);
        assert_eq!(answer.version(), number);
    }
    assert_ne!(first["meta"]["versionId"], second["meta"]["versionId"]);
}

/// http.html#vread: an unknown version is 404, "the version … where the resource was deleted" 410.
#[tokio::test]
async fn an_unknown_version_is_404_and_the_deletion_410() {
    let client = Client::fresh();
    let (path, _) = stored(&client).await;
    client.get(&format!("{path}/_history/999")).await.expect_outcome(404..=404);
    client.get(&format!("{path}/_history/no_version")).await.expect_outcome(400..=404);
    client.get("Patient/absent/_history/1").await.expect_outcome(404..=404);
    client.delete(&path).await.expect_in(200..=204);
    client.get(&format!("{path}/_history/2")).await.expect_outcome(410..=410);
    client.get(&format!("{path}/_history/1")).await.expect(200);
}

/// http.html#cread: If-None-Match
#[tokio::test]
async fn if_none_match_with_the_current_version_is_304() {
    let client = Client::fresh();
    let (path, _) = stored(&client).await;
    let etag = client.get(&path).await.needed_header("etag").to_owned();
    let answer = client.call("GET", &path).header("if-none-match", &etag).send().await.expect(304);
    assert!(answer.bytes.is_empty());
    let several = format!("W/\"x\", {etag}");
    client.call("GET", &path).header("if-none-match", &several).send().await.expect(304);
    client.call("GET", &path).header("if-none-match", "W/\"999\"").send().await.expect(200);
}

/// http.html#cread: If-Modified-Since
#[tokio::test]
async fn if_modified_since_the_last_change_is_304() {
    let client = Client::fresh();
    let (path, _) = stored(&client).await;
    let modified = client.get(&path).await.needed_header("last-modified").to_owned();
    client.call("GET", &path).header("if-modified-since", &modified).send().await.expect(304);
    let before = "Mon, 01 Jan 2001 00:00:00 GMT";
    client.call("GET", &path).header("if-modified-since", before).send().await.expect(200);
}

/// RFC 7232 §3.3: If-Modified-Since is not looked at when If-None-Match is there.
#[tokio::test]
async fn if_none_match_goes_before_if_modified_since() {
    let client = Client::fresh();
    let (path, _) = stored(&client).await;
    let modified = client.get(&path).await.needed_header("last-modified").to_owned();
    let call = client.call("GET", &path).header("if-modified-since", &modified);
    call.header("if-none-match", "W/\"999\"").send().await.expect(200);
}

/// search.html#elements and search.html#summary, which http.html#parameters lets a read carry; the answer is
/// marked as partial (resource.html#simple-tags).
#[tokio::test]
async fn elements_and_summary_cut_a_read_and_mark_it() {
    let client = Client::fresh();
    let text = json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"});
    let full = with(patient("parts"), json!({"text": text, "gender": "female", "multipleBirthBoolean": false}));
    let path = format!("Patient/{}", client.create(&full).await);

    let parts = client.read(&format!("{path}?_elements=gender")).await;
    assert_eq!((&parts["gender"], &parts["name"]), (&json!("female"), &Value::Null));
    assert_subsetted(&parts);

    let summary = client.read(&format!("{path}?_summary=true")).await;
    assert_eq!((&summary["gender"], &summary["multipleBirthBoolean"]), (&json!("female"), &Value::Null));
    assert_subsetted(&summary);

    let data = client.read(&format!("{path}?_summary=data")).await;
    assert_eq!((&data["text"], &data["multipleBirthBoolean"]), (&Value::Null, &json!(false)));

    let narrative = client.read(&format!("{path}?_summary=text")).await;
    assert_eq!((&narrative["text"], &narrative["gender"]), (&full["text"], &Value::Null));
    assert_eq!(client.read(&format!("{path}?_summary=false")).await["text"], full["text"]);
    client.get(&format!("{path}?_summary=some")).await.expect_outcome(400..=400);
}

fn assert_subsetted(resource: &Value) {
    let tags = resource["meta"]["tag"].as_array().expect("meta.tag");
    assert!(tags.iter().any(|tag| tag["code"] == "SUBSETTED"), "{resource}");
}

/// http.html#parameters: `_pretty`
#[tokio::test]
async fn pretty_is_for_people_and_means_the_same() {
    let client = Client::fresh();
    let (path, created) = stored(&client).await;
    let pretty = client.get(&format!("{path}?_pretty=true")).await.expect(200);
    assert!(pretty.text().trim().lines().count() > 5);
    assert_eq!(pretty.json(), created);
    let plain = client.get(&format!("{path}?_pretty=false")).await.expect(200);
    assert_eq!(plain.text().trim().lines().count(), 1);
}

/// http.html#mime-type and http.html#parameters: `_format` goes before Accept; 406 for what is not offered.
#[tokio::test]
async fn the_format_is_negotiated() {
    let client = Client::fresh();
    let (path, created) = stored(&client).await;
    for format in ["json", "application/json", "application/fhir%2Bjson", "text/json"] {
        let answer = client.get(&format!("{path}?_format={format}")).await.expect(200);
        assert_eq!(answer.json(), created, "{format}");
    }
    let call = client.call("GET", &format!("{path}?_format=json")).header("accept", "application/pdf");
    call.send().await.expect(200);
    for accept in
        ["*/*", "application/*", "application/fhir+json;fhirVersion=4.0", "application/json;q=0.5, text/plain"]
    {
        let answer = client.call("GET", &path).header("accept", accept).send().await.expect(200);
        assert_eq!(answer.json(), created, "{accept}");
    }
    client.get(&format!("{path}?_format=application/pdf")).await.expect_outcome(406..=406);
    client.call("GET", &path).header("accept", "application/pdf").send().await.expect_outcome(406..=406);
}
