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
    for (address, status) in [("Patient/none/$meta", 404), ("Patient/1/_history/9/$meta", 404)] {
        assert_eq!(house.get(address).await.unwrap_err().status, status, "{address}");
    }
    assert_eq!(house.get(&format!("{PATH}/$meta-add")).await.unwrap_err().status, 405);
    assert_eq!(house.post(&format!("{PATH}/$meta-add"), json!([])).await.unwrap_err().status, 400);
    let unsound = given(json!({ "profile": ["not a url"] }));
    assert!(house.post(&format!("{PATH}/$meta-add"), unsound).await.is_err());
}

/// The lists of an answer's meta: profiles, labels and tags.
fn lists(answer: &Value) -> [String; 3] {
    let meta = &answer["parameter"][0]["valueMeta"];
    assert!(meta.get("versionId").is_none() && meta.get("lastUpdated").is_none(), "{meta}");
    ["profile", "security", "tag"].map(|list| {
        let items = meta[list].as_array().into_iter().flatten();
        let texts: Vec<&str> = items.filter_map(|it| it.as_str().or(it["code"].as_str())).collect();
        texts.join(" ")
    })
}

#[tokio::test]
async fn what_is_in_use_is_told_once_of_a_type_and_of_all() {
    let house = house().await;
    let profile = "http://hl7.org/fhir/StructureDefinition/Patient";
    let tag = |code: &str| json!({ "system": "urn:t", "code": code });
    house
        .put(&[
            json!({ "resourceType": "Patient", "id": "2", "meta": { "profile": [profile], "tag": [tag("b"), tag("a")] } }),
            json!({ "resourceType": "Patient", "id": "3", "meta": { "profile": [profile], "security": [tag("R")] } }),
            json!({ "resourceType": "Basic", "id": "4", "code": { "text": "x" }, "meta": { "tag": [tag("c")] } }),
            json!({ "resourceType": "Basic", "id": "5", "code": { "text": "x" } }),
        ])
        .await;
    for (address, expected) in [
        ("Patient/$meta", [profile, "R", "a b"]),
        ("Basic/$meta", ["", "", "c"]),
        ("Group/$meta", ["", "", ""]),
        ("$meta", [profile, "R", "a b c"]),
    ] {
        assert_eq!(lists(&house.get(address).await.unwrap()), expected, "{address}");
    }
    house.send(Verb::Delete, "Basic/4", String::new()).await.unwrap();
    assert_eq!(lists(&house.get("$meta").await.unwrap()), [profile, "R", "a b"]);
}

#[tokio::test]
async fn what_is_in_use_is_told_as_far_as_the_caller_may_find_it() {
    let house = house().await;
    let labelled =
        json!({ "resourceType": "Basic", "id": "4", "code": { "text": "x" }, "meta": { "tag": [{ "code": "c" }] } });
    house.put(&[labelled]).await;
    for (scopes, address, expected) in [
        ("system/Patient.rs", "$meta", Ok("a")),
        ("system/*.rs", "$meta", Ok("c a")),
        ("system/Patient.rs?name=Schwarz", "Patient/$meta", Ok("")),
        ("system/Patient.rs", "Basic/$meta", Err(403)),
        ("system/Patient.c", "$meta", Err(403)),
    ] {
        let caller = house.caller(scopes).await;
        let told = house.get_as(&caller, address).await;
        let tags = told.map(|it| lists(&it)[2].clone()).map_err(|it| it.status);
        assert_eq!(tags.as_deref().map_err(|it| *it), expected, "{scopes} {address}");
    }
}

#[tokio::test]
async fn the_meta_of_a_version_that_was_is_told_and_not_changed() {
    let house = house().await;
    let add = given(json!({ "tag": [{ "code": "x" }] }));
    house.post(&format!("{PATH}/$meta-add"), add.clone()).await.unwrap();
    for (version, tags) in [("1", "a"), ("2", "a x")] {
        let answer = house.get(&format!("{PATH}/_history/{version}/$meta")).await.unwrap();
        assert_eq!(told(&answer), (tags.into(), version.into()));
    }
    for code in ["meta-add", "meta-delete"] {
        let refused = house.post(&format!("{PATH}/_history/1/${code}"), add.clone()).await.unwrap_err();
        assert!(refused.status == 405 && refused.to_string().contains("Patient/1"), "{refused}");
    }
    let others = house.get(&format!("{PATH}/_history/1/$everything")).await.unwrap_err();
    assert_eq!(others.status, 404);
    let stranger = house.caller("system/Observation.cruds").await;
    let refused = house.get_as(&stranger, &format!("{PATH}/_history/1/$meta")).await.unwrap_err();
    assert_eq!(refused.status, 403);
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
