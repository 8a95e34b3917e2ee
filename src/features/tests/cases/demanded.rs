//! Profiles that a tenant demands of all resources of a type (ImplementationGuide.global), on every way to write.

use super::house::House;
use engine::Verb;
use serde_json::{Value, json};

const NAMED: &str = "http://example.org/StructureDefinition/named";
const BREACH: &str = "https://medisync.dev/fhir/StructureDefinition/breach";

fn profile() -> Value {
    json!({
        "resourceType": "StructureDefinition", "id": "named", "url": NAMED, "name": "Named", "status": "active",
        "kind": "resource", "abstract": false, "type": "Location", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Location",
        "differential": { "element": [{ "id": "Location.name", "path": "Location.name", "min": 1 }] }
    })
}

/// A guide that demands these profiles of every Location, each with what a breach is.
fn guide(demands: &[(&str, Option<&str>)]) -> Value {
    let global = demands.iter().map(|(profile, breach)| {
        let mut global = json!({ "type": "Location", "profile": profile });
        if let Some(breach) = breach {
            global["extension"] = json!([{ "url": BREACH, "valueCode": breach }]);
        }
        global
    });
    json!({
        "resourceType": "ImplementationGuide", "id": "house", "url": "http://example.org/ImplementationGuide/house",
        "name": "House", "status": "active", "packageId": "org.example.house", "fhirVersion": ["4.0.1"],
        "global": global.collect::<Vec<_>>()
    })
}

async fn demanding(breach: Option<&str>) -> House {
    let house = House::new().await;
    house.put(&[profile(), guide(&[(NAMED, breach)])]).await;
    house
}

fn nameless(id: &str) -> Value {
    json!({ "resourceType": "Location", "id": id })
}

fn transaction(resource: &Value) -> Value {
    let request = json!({ "method": "POST", "url": "Location" });
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{ "resource": resource, "request": request }] })
}

#[tokio::test]
async fn every_write_is_held_to_what_is_demanded() {
    let house = demanding(None).await;
    let body = nameless("a").to_string();
    for (verb, path, body) in [
        (Verb::Post, "Location", body.clone()),
        (Verb::Put, "Location/a", body.clone()),
        (Verb::Put, "Location?name=x", json!({ "resourceType": "Location" }).to_string()),
        (Verb::Post, "", transaction(&nameless("a")).to_string()),
    ] {
        let refused = house.send(verb, path, body).await.expect_err(path);
        assert_eq!(refused.status, 422, "{path}");
        assert!(refused.issues[0].diagnostics.contains(NAMED), "{path}: {:?}", refused.issues);
    }
    let mut batch = transaction(&nameless("a"));
    batch["type"] = "batch".into();
    let answer = house.send(Verb::Post, "", batch.to_string()).await.unwrap();
    assert!(std::str::from_utf8(&answer.body).unwrap().contains("422 Unprocessable"));

    assert_eq!(house.load(&nameless("a"), 1).await.unwrap_err().status, 422);

    let mut named = nameless("a");
    named["name"] = "Ward 7".into();
    house.put(&[named]).await;
    let patch = json!([{ "op": "remove", "path": "/name" }]).to_string();
    assert_eq!(house.send(Verb::Patch, "Location/a", patch).await.unwrap_err().status, 422);
    house.send(Verb::Delete, "Location/a", String::new()).await.unwrap();
}

#[tokio::test]
async fn a_breach_may_be_a_warning() {
    let house = demanding(Some("warning")).await;
    house.put(&[nameless("a")]).await;
    let told = house.get("Location/a/$validate").await.unwrap();
    let of_profile = |it: &&Value| it["diagnostics"].as_str().unwrap().contains(NAMED);
    let issue = told["issue"].as_array().unwrap().iter().find(of_profile).unwrap();
    assert_eq!((&issue["severity"], &issue["expression"][0]), (&json!("warning"), &json!("Location.name")));
}

#[tokio::test]
async fn what_is_no_longer_demanded_is_let_pass() {
    let house = demanding(None).await;
    assert!(house.send(Verb::Post, "Location", nameless("a").to_string()).await.is_err());
    let mut retired = guide(&[(NAMED, None)]);
    retired["status"] = "retired".into();
    house.put(&[retired, nameless("a")]).await;
    house.put(&[guide(&[(NAMED, None)])]).await;
    assert!(house.send(Verb::Put, "Location/a", nameless("a").to_string()).await.is_err());
    house.send(Verb::Delete, "ImplementationGuide/house", String::new()).await.unwrap();
    house.put(&[nameless("a")]).await;
}

#[tokio::test]
async fn a_demanded_profile_that_is_not_known_cannot_be_met() {
    let house = House::new().await;
    house.put(&[guide(&[("http://example.org/StructureDefinition/gone", None)])]).await;
    assert_eq!(house.send(Verb::Post, "Location", nameless("a").to_string()).await.unwrap_err().status, 422);
    house.put(&[guide(&[("http://example.org/StructureDefinition/gone", Some("warning"))]), nameless("a")]).await;
}

#[tokio::test]
async fn the_capability_statement_tells_the_profiles() {
    let claims = async |house: &House, of: &str| {
        let statement = house.get("metadata").await.unwrap();
        let resources = statement["rest"][0]["resource"].as_array().unwrap().clone();
        let found = resources.into_iter().find(|it| it["type"] == of).unwrap();
        (found["profile"].clone(), found["supportedProfile"].clone())
    };
    let location = json!("http://hl7.org/fhir/StructureDefinition/Location");
    let house = House::new().await;
    assert_eq!(claims(&house, "Location").await, (location.clone(), Value::Null));
    let ours = json!(["https://medisync.dev/fhir/StructureDefinition/patient"]);
    assert_eq!(claims(&house, "Patient").await.1, ours);
    house.put(&[profile()]).await;
    assert_eq!(claims(&house, "Location").await, (location.clone(), json!([NAMED])));
    house.put(&[guide(&[(NAMED, None)])]).await;
    assert_eq!(claims(&house, "Location").await, (json!(NAMED), Value::Null));
    house.put(&[guide(&[(NAMED, None), ("http://e/other", None)])]).await;
    assert_eq!(claims(&house, "Location").await, (location, json!([NAMED, "http://e/other"])));
}
