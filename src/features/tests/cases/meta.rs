//! `$meta`, `$meta-add`, `$meta-delete` and `$convert` (resource-operations.html).

use super::house::House;
use engine::Verb;
use serde_json::{Value, json};

const PATH: &str = "Patient/1";

async fn house() -> House {
    let house = House::new().await;
    let patient = json!({
        "resourceType": "Patient", "id": "1",
        "meta": { "tag": [{ "system": "urn:t", "code": "a", "display": "A" }], "source": "urn:s" },
        "name": [{ "family": "Weiss" }], "extension": [{ "url": "urn:x", "valueDecimal": 1 }],
    });
    house
        .send(Verb::Put, PATH, patient.to_string().replace("\"valueDecimal\":1", "\"valueDecimal\":1.10"))
        .await
        .unwrap();
    house
}

fn given(meta: Value) -> Value {
    json!([{ "name": "meta", "valueMeta": meta }])
}

/// The codes of the tags of an answer, and its version.
fn told(answer: &Value) -> (String, String) {
    let meta = &answer["parameter"][0]["valueMeta"];
    let tags = meta["tag"].as_array().into_iter().flatten();
    let codes: Vec<&str> = tags.filter_map(|it| it["code"].as_str()).collect();
    (codes.join(" "), meta["versionId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn tags_are_sets_by_system_and_code() {
    let house = house().await;
    assert_eq!(told(&house.get(&format!("{PATH}/$meta")).await.unwrap()), ("a".into(), "1".into()));
    let add = format!("{PATH}/$meta-add");
    let more = json!({ "tag": [{ "system": "urn:t", "code": "a", "display": "Other" }, { "system": "urn:u", "code": "a" }, { "system": "urn:t", "code": "b" }] });
    assert_eq!(told(&house.post(&add, given(more.clone())).await.unwrap()), ("a a b".into(), "2".into()));
    assert_eq!(told(&house.post(&add, given(more)).await.unwrap()), ("a a b".into(), "2".into()), "nothing is new");
    let delete = format!("{PATH}/$meta-delete");
    let less = json!({ "tag": [{ "system": "urn:t", "code": "a" }, { "system": "urn:t", "code": "none" }] });
    assert_eq!(told(&house.post(&delete, given(less)).await.unwrap()), ("a b".into(), "3".into()));
}

#[tokio::test]
async fn profiles_and_labels_change_and_the_rest_stays() {
    let house = house().await;
    let profile = "http://hl7.org/fhir/StructureDefinition/Patient";
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    let add = given(json!({ "profile": [profile], "security": [label] }));
    let answer = house.post(&format!("{PATH}/$meta-add"), add).await.unwrap();
    let meta = &answer["parameter"][0]["valueMeta"];
    assert_eq!(
        (&meta["profile"], &meta["security"], &meta["source"]),
        (&json!([profile]), &json!([label]), &json!("urn:s"))
    );
    let stored = house.send(Verb::Get, PATH, String::new()).await.unwrap();
    let text = String::from_utf8(stored.body.to_vec()).unwrap();
    assert!(text.contains("1.10") && text.contains("Weiss"), "{text}");
    let answer = house.post(&format!("{PATH}/$meta-delete"), given(json!({ "profile": [profile] }))).await.unwrap();
    let meta = &answer["parameter"][0]["valueMeta"];
    assert_eq!((&meta["profile"], &meta["security"]), (&Value::Null, &json!([label])));
}

#[tokio::test]
async fn a_meta_is_changed_by_who_may_update_the_resource() {
    let house = house().await;
    let add = given(json!({ "tag": [{ "code": "x" }] }));
    for (scopes, status) in [("system/Patient.r", 403), ("system/Patient.u", 403), ("system/Observation.cruds", 403)] {
        let caller = house.caller(scopes).await;
        let refused = house.post_as(&caller, &format!("{PATH}/$meta-add"), add.clone()).await.unwrap_err();
        assert_eq!(refused.status, status, "{scopes}");
    }
    let caller = house.caller("system/Patient.ru").await;
    assert!(house.post_as(&caller, &format!("{PATH}/$meta-add"), add.clone()).await.is_ok());
    for (address, status) in [("Patient/none/$meta", 404), ("Patient/$meta", 404), ("$meta", 404)] {
        assert_eq!(house.get(address).await.unwrap_err().status, status, "{address}");
    }
    assert_eq!(house.get(&format!("{PATH}/$meta-add")).await.unwrap_err().status, 405);
    assert_eq!(house.post(&format!("{PATH}/$meta-add"), json!([])).await.unwrap_err().status, 400);
    let unsound = given(json!({ "profile": ["not a url"] }));
    assert!(house.post(&format!("{PATH}/$meta-add"), unsound).await.is_err());
}

#[tokio::test]
async fn a_resource_is_converted_as_it_came() {
    let house = House::new().await;
    let patient = json!({ "resourceType": "Patient", "gender": "female" });
    let bare = house.send(Verb::Post, "$convert", patient.to_string()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bare.body).unwrap(), patient);
    let wrapped = house.post("$convert", json!([{ "name": "input", "resource": patient }])).await.unwrap();
    assert_eq!(wrapped["parameter"][0], json!({ "name": "output", "resource": patient }));
    let wrong = json!({ "resourceType": "Patient", "gender": "unicorn" });
    let refused = house.send(Verb::Post, "$convert", wrong.to_string()).await.unwrap_err();
    assert!(refused.status == 422 && refused.issues[0].expression == "Patient.gender", "{refused}");
    assert_eq!(house.post("$convert", json!([])).await.unwrap_err().status, 400);
}
