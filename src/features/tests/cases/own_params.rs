//! A tenant's own search parameters (search.html#searchparameter): found by from the moment all is indexed, never half.

use super::house::{House, keys};
use engine::{Settings, Verb};
use serde_json::{Value, json};
use std::time::Duration;

/// A rest between two steps that no test waits for.
const NEVER: u32 = 1_000_000;

fn param(id: &str, code: &str, expression: &str) -> Value {
    json!({
        "resourceType": "SearchParameter", "id": id, "url": format!("http://example.org/{id}"), "name": code,
        "status": "active", "description": "d", "code": code, "base": ["Patient"], "type": "string",
        "expression": expression,
    })
}

fn patient(id: &str, text: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "maritalStatus": { "text": text } })
}

fn by_marriage() -> Value {
    param("marriage", "marriage", "Patient.maritalStatus.text")
}

/// A searchset with the keys found, and what its OperationOutcome says.
async fn search(house: &House, address: &str) -> (Vec<String>, String) {
    let bundle = house.get(address).await.unwrap();
    let found = keys(&bundle).into_iter().filter(|(_, mode)| mode == "match").map(|(key, _)| key).collect();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let told = entries.iter().find(|it| it["search"]["mode"] == "outcome");
    (found, told.map(|it| it["resource"]["issue"][0]["diagnostics"].as_str().unwrap().to_owned()).unwrap_or_default())
}

/// State of the own parameter with this code, or of the run (`run`).
async fn state(house: &House, of: &str) -> String {
    let status = house.get("$reindex-status").await.unwrap();
    let parts = |it: &Value, name: &str| {
        let part = it["part"].as_array().unwrap().iter().find(|it| it["name"] == name).cloned();
        part.and_then(|it| it["valueCode"].as_str().map(str::to_owned))
    };
    let all = status["parameter"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|it| it["name"] == of || parts(it, "code").as_deref() == Some(of));
    found.and_then(|it| parts(it, "state")).unwrap_or_default()
}

async fn until(house: &House, of: &str, expected: &str) {
    for _ in 0..20_000 {
        if state(house, of).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{of} is not {expected} but {}", state(house, of).await);
}

async fn many(house: &House, count: usize) {
    let entry = |at: usize| {
        let id = format!("p{at}");
        json!({ "resource": patient(&id, "Married"), "request": { "method": "PUT", "url": format!("Patient/{id}") } })
    };
    let entries: Vec<Value> = (0..count).map(entry).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    house.send(Verb::Post, "", bundle.to_string()).await.unwrap();
}

/// US Core's own parameters call a value as JSON does.
#[tokio::test]
async fn an_expression_may_call_a_value_as_json_does() {
    let house = House::new().await;
    let url = "http://example.org/nickname";
    let own = param("nickname", "nickname", &format!("Patient.extension.where(url = '{url}').valueString"));
    let named = json!({"resourceType": "Patient", "id": "named", "extension": [{"url": url, "valueString": "Eve"}]});
    house.put(&[named, own]).await;
    until(&house, "nickname", "ready").await;
    assert_eq!(search(&house, "Patient?nickname=eve").await.0, ["Patient/named"]);
}

#[tokio::test]
async fn finds_what_was_there_before_and_what_comes_after() {
    let house = House::new().await;
    house.put(&[patient("old", "Married"), patient("other", "Single"), by_marriage()]).await;
    until(&house, "marriage", "ready").await;
    house.put(&[patient("new", "Married for long")]).await;
    let (found, told) = search(&house, "Patient?marriage=married&_sort=marriage").await;
    assert_eq!(found, ["Patient/old", "Patient/new"]);
    assert_eq!(told, "");
    let claims = house.get("metadata").await.unwrap().to_string();
    assert!(claims.contains("http://example.org/marriage"));
    let description = house.get("openapi.json").await.unwrap();
    let parameters = description["paths"]["/Patient"]["get"]["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|it| it["name"] == "marriage"));
}

#[tokio::test]
async fn while_it_is_building_a_search_says_so_and_a_restart_goes_on() {
    let house = House::new().await;
    many(&house, 900).await;
    let slow = Settings { index_rest: NEVER, ..Settings::default() };
    let house = house.restarted(slow).await;
    house.put(&[by_marriage()]).await;
    house.put(&[patient("late", "Married")]).await;
    let (found, told) = search(&house, "Patient?marriage=married&_count=5").await;
    assert_eq!(found.len(), 5, "the parameter is left out");
    assert!(told.contains("still being indexed") && told.contains("of 900 resources"), "{told}");
    assert_eq!(state(&house, "marriage").await, "building");
    for _ in 0..20_000 {
        let (_, told) = search(&house, "Patient?marriage=married&_count=1").await;
        if told.contains(": 200 of 900") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let house = house.restarted(Settings { index_rest: NEVER, ..Settings::default() }).await;
    let (_, told) = search(&house, "Patient?marriage=married&_count=1").await;
    assert!(!told.contains(": 0 of"), "it goes on where it was: {told}");
    let house = house.restarted(Settings::default()).await;
    until(&house, "marriage", "ready").await;
    let (found, told) = search(&house, "Patient?marriage=married&_count=1000").await;
    assert_eq!((found.len(), told.as_str()), (901, ""));
}

#[tokio::test]
async fn a_restart_goes_on_by_itself() {
    let house = House::new().await;
    many(&house, 300).await;
    let house = house.restarted(Settings { index_rest: NEVER, ..Settings::default() }).await;
    house.put(&[by_marriage()]).await;
    let house = house.closed_and_resumed().await;
    assert_eq!(state(&house, "marriage").await, "ready");
}

#[tokio::test]
async fn a_change_is_another_parameter_and_a_deletion_ends_it() {
    let house = House::new().await;
    house.put(&[patient("a", "Married"), by_marriage()]).await;
    until(&house, "marriage", "ready").await;
    house.put(&[param("marriage", "marriage", "Patient.name.family")]).await;
    until(&house, "marriage", "ready").await;
    let (found, told) = search(&house, "Patient?marriage=married").await;
    assert_eq!((found.len(), told.as_str()), (0, ""), "no entry of the former expression counts");
    house.send(Verb::Delete, "SearchParameter/marriage", String::new()).await.unwrap();
    let (_, told) = search(&house, "Patient?marriage=married").await;
    assert!(told.contains("unknown"), "{told}");
    house.put(&[by_marriage()]).await;
    until(&house, "marriage", "ready").await;
    assert_eq!(search(&house, "Patient?marriage=married").await.0, ["Patient/a"]);
    let mut retired = by_marriage();
    retired["status"] = "retired".into();
    house.put(&[retired]).await;
    assert!(search(&house, "Patient?marriage=married").await.1.contains("unknown"));
}

#[tokio::test]
async fn references_are_chained_to_and_included() {
    let house = House::new().await;
    let mut doctor = param("doctor", "doctor", "Patient.generalPractitioner.where(resolve() is Practitioner)");
    doctor["type"] = "reference".into();
    doctor["target"] = json!(["Practitioner"]);
    house
        .put(&[
            json!({ "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Diallo" }] }),
            json!({ "resourceType": "Patient", "id": "a", "generalPractitioner": [{ "reference": "Practitioner/d" }] }),
            json!({ "resourceType": "Patient", "id": "b" }),
            doctor,
        ])
        .await;
    until(&house, "doctor", "ready").await;
    assert_eq!(search(&house, "Patient?doctor.name=diallo").await.0, ["Patient/a"]);
    assert_eq!(search(&house, "Practitioner?_has:Patient:doctor:_id=a").await.0, ["Practitioner/d"]);
    let bundle = house.get("Patient?_id=a&_include=Patient:doctor").await.unwrap();
    assert!(keys(&bundle).contains(&("Practitioner/d".into(), "include".into())));
}

/// A composite of telephone numbers, their system and something else.
fn composite(first: &str, first_expression: &str) -> Value {
    let mut it = param("x", "x", "Patient.telecom");
    it["type"] = "composite".into();
    let system = "http://hl7.org/fhir/SearchParameter/individual-phone";
    it["component"] = json!([
        { "definition": first, "expression": first_expression },
        { "definition": system, "expression": "use" },
    ]);
    it
}

/// search.html#composite: components by canonical, R4's and own ones.
#[tokio::test]
async fn composites_join_values_of_one_match() {
    let house = House::new().await;
    let mut channel = param("channel", "channel", "Patient.telecom.system");
    channel["type"] = "token".into();
    let both = composite("http://example.org/channel|1.0", "system");
    let telecom = |id: &str, phone: &str, mail: &str| {
        json!({ "resourceType": "Patient", "id": id, "telecom": [
            { "system": "phone", "value": "1", "use": phone }, { "system": "email", "value": "a", "use": mail },
        ] })
    };
    house.put(&[telecom("a", "home", "work"), telecom("b", "work", "home"), channel, both]).await;
    until(&house, "x", "ready").await;
    assert_eq!(search(&house, "Patient?x=phone$work").await.0, ["Patient/b"]);
    house.put(&[telecom("c", "work", "work")]).await;
    assert_eq!(search(&house, "Patient?x=phone$work,email$home").await.0, ["Patient/b", "Patient/c"]);
    let status = house.get("$reindex-status").await.unwrap().to_string();
    assert!(status.contains("SearchParameter/x/_history/1\""), "{status}");
    // Of another type, the component's values would be others.
    let mut strings = param("channel", "channel", "Patient.telecom.system");
    strings["type"] = "string".into();
    house.put(&[strings]).await;
    assert_eq!(state(&house, "x").await, "refused");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused() {
    let house = House::new().await;
    house.put(&[by_marriage()]).await;
    let with = |name: &str, value: Value| {
        let mut it = param("x", "x", "Patient.name.text");
        it[name] = value;
        it
    };
    for (refused, element) in [
        (with("code", "birthdate".into()), "SearchParameter.code"),
        (with("code", "marriage".into()), "SearchParameter.code"),
        (with("code", "a:b".into()), "SearchParameter.code"),
        (with("url", "http://example.org/marriage".into()), "SearchParameter.url"),
        (with("url", "http://hl7.org/fhir/SearchParameter/individual-birthdate".into()), "SearchParameter.url"),
        (with("expression", "Patient.nmae".into()), "SearchParameter.expression"),
        (with("expression", "Patient.name.".into()), "SearchParameter.expression"),
        (with("expression", "Observation.code".into()), "SearchParameter.expression"),
        (with("type", "special".into()), "SearchParameter.type"),
        (composite("http://example.org/none", "value"), "SearchParameter.component.definition"),
        (composite("http://example.org/marriage", "nmae"), "SearchParameter.component.expression"),
        (composite("http://example.org/marriage", "value"), "SearchParameter.component"),
    ] {
        let refusal = house.send(Verb::Put, "SearchParameter/x", refused.to_string()).await.unwrap_err();
        assert_eq!(refusal.status, 422, "{element}: {refusal}");
        assert_eq!(refusal.issues[0].expression, element, "{refusal}");
    }
    let draft = with("status", "draft".into()).to_string().replace("Patient.name.text", "Patient.nmae");
    house.send(Verb::Put, "SearchParameter/x", draft).await.unwrap();
}

#[tokio::test]
async fn two_of_one_code_in_one_transaction_are_not_both_served() {
    let house = House::new().await;
    let entry = |id: &str| json!({ "resource": param(id, "same", "Patient.name.text"), "request": { "method": "PUT", "url": format!("SearchParameter/{id}") } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry("one"), entry("two")] });
    house.send(Verb::Post, "", bundle.to_string()).await.unwrap();
    let status = house.get("$reindex-status").await.unwrap().to_string();
    assert_eq!(status.matches("\"refused\"").count(), 1, "{status}");
}

#[tokio::test]
async fn reindexing_leaves_searches_as_they_were() {
    let house = House::with_demo().await;
    let address = "Observation?_sort=-date&_count=200&_include=Observation:subject";
    let before = keys(&house.get(address).await.unwrap());
    assert!(before.len() > 5);
    assert!(house.post("$reindex", json!([{ "name": "type", "valueCode": "Nope" }])).await.is_err());
    house.post("$reindex", json!([{ "name": "type", "valueCode": "Observation" }])).await.unwrap();
    until(&house, "run", "finished").await;
    assert_eq!(keys(&house.get(address).await.unwrap()), before);
    house.send(Verb::Post, "$reindex", String::new()).await.unwrap();
    until(&house, "run", "finished").await;
    assert_eq!(keys(&house.get(address).await.unwrap()), before);
    let reader = house.caller("system/*.read").await;
    assert_eq!(house.get_as(&reader, "$reindex-status").await.unwrap_err().status, 403);
}
