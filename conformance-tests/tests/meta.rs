//! `$meta`, `$meta-add`, `$meta-delete` and `$convert` (resource-operations.html).

use conformance_tests::{Client, samples::*, unique};
use serde_json::{Value, json};

fn given(meta: Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": meta }] })
}

/// resource-operations.html: tags are added and taken away by system and code; the resource gets a version for it.
#[tokio::test]
async fn tags_are_added_and_taken_away() {
    let client = Client::fresh();
    let path = format!("Patient/{}", client.create(&patient("meta")).await);
    let tag = json!({ "system": "http://example.org/tags", "code": "seen" });
    let meta = given(json!({ "tag": [tag] }));
    let of = |answer: &Value| answer["parameter"][0]["valueMeta"].clone();
    let added = of(&client.post(&format!("{path}/$meta-add"), &meta).await.expect(200).json());
    assert!(added["tag"].as_array().is_some_and(|it| it.contains(&tag)), "{added}");
    assert_eq!(of(&client.read(&format!("{path}/$meta")).await), added);
    assert_eq!(client.read(&path).await["meta"], added);
    let deleted = of(&client.post(&format!("{path}/$meta-delete"), &meta).await.expect(200).json());
    assert!(!deleted["tag"].as_array().is_some_and(|it| it.contains(&tag)), "{deleted}");
    assert_ne!(deleted["versionId"], added["versionId"]);
    client.get(&format!("{path}/$meta-add")).await.expect_outcome(405..=405);
    client.get("Patient/no-such-patient/$meta").await.expect_outcome(404..=404);
}

/// resource-operation-meta.html: what is in use at a type and in all is told once, and of a version that was what it had.
#[tokio::test]
async fn what_is_in_use_is_told() {
    let client = Client::fresh();
    let tag = json!({ "system": "http://example.org/tags", "code": unique() });
    let tagged = |it: Value| with(it, json!({ "meta": { "tag": [tag] } }));
    client.create(&tagged(patient("one"))).await;
    let path = format!("Patient/{}", client.create(&tagged(patient("two"))).await);
    for address in ["Patient/$meta", "$meta"] {
        let meta = client.read(address).await["parameter"][0]["valueMeta"].clone();
        let times = meta["tag"].as_array().into_iter().flatten().filter(|it| **it == tag).count();
        assert_eq!((times, &meta["versionId"]), (1, &Value::Null), "{address}: {meta}");
    }
    let basic = client.read("Basic/$meta").await["parameter"][0]["valueMeta"].clone();
    assert!(!basic.to_string().contains(tag["code"].as_str().unwrap_or("?")), "{basic}");
    let removed = given(json!({ "tag": [tag] }));
    client.post(&format!("{path}/$meta-delete"), &removed).await.expect(200);
    let of_version = async |version: u8| {
        let meta = client.read(&format!("{path}/_history/{version}/$meta")).await["parameter"][0]["valueMeta"].clone();
        (meta["versionId"].clone(), meta["tag"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(of_version(1).await, (json!("1"), 1));
    assert_eq!(of_version(2).await, (json!("2"), 0));
    client.post(&format!("{path}/_history/1/$meta-add"), &removed).await.expect_outcome(405..=405);
    client.get(&format!("{path}/_history/9/$meta")).await.expect_outcome(404..=404);
}

/// resource-operation-convert.html: the same resource in another format.
#[tokio::test]
async fn a_resource_is_converted_both_ways() {
    let client = Client::fresh();
    let resource = with(patient("convert"), json!({ "multipleBirthInteger": 2 }));
    let to_xml = client.call("POST", "$convert").json(&resource).header("accept", "application/fhir+xml");
    let xml = to_xml.send().await.expect(200);
    assert!(xml.needed_header("content-type").starts_with("application/fhir+xml"));
    let text = xml.text();
    assert!(text.contains("<multipleBirthInteger value=\"2\"/>"), "{text}");
    let to_json = client.call("POST", "$convert").body("application/fhir+xml", text);
    let json = to_json.header("accept", "application/fhir+json").send().await.expect(200).json();
    assert_eq!(json, resource);
    client.post("$convert", &json!({ "resourceType": "Patient", "gender": "unicorn" })).await.expect_outcome(422..=422);
}
