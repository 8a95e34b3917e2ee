//! Definitions govern operations (operations.html#executing).

use super::house::House;
use engine::{Access, Answer, Operation, Verb};
use serde_json::{Value, json};

fn status(answer: fhir::Result<Value>) -> u16 {
    answer.map_or_else(|it| it.status, |_| 200)
}

#[tokio::test]
async fn what_a_definition_does_not_have_is_refused() {
    let house = House::with_demo().await;
    for (address, expected, named) in [
        ("$everything", 404, "everything"),
        ("Encounter/$everything", 404, "everything"),
        ("Patient/amina-diallo/$nope", 404, "nope"),
        ("Patient/nobody/$everything", 404, "no such resource"),
        ("Patient/amina-diallo/$everything?shoe=43", 400, "shoe"),
        ("Patient/amina-diallo/$everything?start=yesterday", 400, "start"),
        ("Patient/amina-diallo/$everything?start=2020&start=2021", 400, "start"),
        ("Observation/$stats?subject=Patient/amina-diallo&code=1", 400, "statistic"),
        ("Observation/$stats?subject=Patient/1&code=1&statistic=count&period=2020", 400, "period"),
        ("Observation/$lastn?patient=1&code=1&max=0", 400, "max"),
    ] {
        let failure = house.get(address).await.expect_err(address);
        assert_eq!(failure.status, expected, "{address}: {failure}");
        assert!(failure.to_string().contains(named), "{address}: {failure}");
    }
}

#[tokio::test]
async fn a_body_is_a_parameters_resource_of_the_right_types() {
    let house = House::with_demo().await;
    let path = "Patient/amina-diallo/$everything";
    let by_get = house.get(&format!("{path}?_type=Patient")).await.unwrap();
    let by_post = house.post(path, json!([{ "name": "_type", "valueCode": "Patient" }])).await.unwrap();
    assert_eq!(by_get["entry"], by_post["entry"]);
    for parameters in [
        json!([{ "name": "_type", "valueString": "Patient" }]),
        json!([{ "name": "start" }]),
        json!([{ "name": "shoe", "valueString": "43" }]),
        json!([{ "name": "shoe", "valuePeriod": { "start": "2020" } }]),
    ] {
        assert_eq!(status(house.post(path, parameters.clone()).await), 400, "{parameters}");
    }
    let not_parameters = json!({ "resourceType": "Patient" }).to_string();
    assert_eq!(house.send(Verb::Post, path, not_parameters).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn an_operation_demands_what_it_shows() {
    let house = House::with_demo().await;
    let observer = house.caller("system/Observation.rs").await;
    let lastn = "Observation/$lastn?patient=amina-diallo&category=vital-signs";
    assert_eq!(status(house.get_as(&observer, lastn).await), 200);
    assert_eq!(status(house.get_as(&observer, "Patient/amina-diallo/$everything").await), 403);
    let searcher = house.caller("system/Observation.s").await;
    assert_eq!(status(house.get_as(&searcher, lastn).await), 403);
}

#[tokio::test]
async fn bundles_take_operations_that_change_nothing() {
    let house = House::with_demo().await;
    for kind in ["batch", "transaction"] {
        let get = json!({ "request": { "method": "GET", "url": "Patient/amina-diallo/$everything?_type=Patient" } });
        let parameters =
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "_count", "valueInteger": 1 }] });
        let post = json!({ "request": { "method": "POST", "url": "Patient/amina-diallo/$everything" }, "resource": parameters });
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [post, get] });
        let answer = house.send(Verb::Post, "", bundle.to_string()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        for entry in answer["entry"].as_array().unwrap() {
            assert_eq!(entry["resource"]["entry"].as_array().unwrap().len(), 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn every_operation_is_claimed_and_described() {
    let house = House::new().await;
    let statement = house.get("metadata").await.unwrap();
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let claimed = |of: &str| -> Vec<String> {
        let resource = resources.iter().find(|it| it["type"] == of).unwrap();
        let operations = resource["operation"].as_array().into_iter().flatten();
        operations.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    let of_all = ["validate", "graphql", "meta", "meta-add", "meta-delete"];
    let with = |own: &[&'static str]| [own, &of_all].concat();
    assert_eq!(claimed("Patient"), with(&["everything", "summary"]));
    assert_eq!(claimed("Encounter"), with(&["everything"]));
    assert_eq!(claimed("Observation"), with(&["lastn", "stats"]));
    assert_eq!(claimed("Basic"), with(&[]));
    assert_eq!(claimed("StructureDefinition"), with(&["snapshot"]));
    let api = house.get("openapi.json").await.unwrap();
    for path in ["/Patient/{id}/$everything", "/Encounter/{id}/$everything", "/Observation/$lastn"] {
        assert!(api["paths"][path]["get"].is_object() && api["paths"][path]["post"].is_object(), "{path}");
    }
    assert!(api["paths"]["/Encounter/$everything"].is_null());
}

const TOUCH: &str = r#"{"resourceType":"OperationDefinition","url":"http://example.org/touch","name":"Touch","status":"active",
    "kind":"operation","affectsState":true,"code":"touch","system":true,"type":false,"instance":false}"#;

fn touch(demands: &'static [(Access, &'static str)]) -> Operation {
    let run: engine::Run = |_| Box::pin(async { Ok(Answer::new(200, "{}")) });
    Operation { definition: TOUCH, demands, extras: &[], run }
}

#[tokio::test]
async fn what_changes_something_is_posted_and_stands_outside_of_transactions() {
    let house = House::serving(vec![touch(&[(Access::Update, "Basic")])]).await;
    assert_eq!(status(house.get("$touch").await), 405);
    assert_eq!(status(house.post("$touch", json!([])).await), 400);
    assert!(house.send(Verb::Post, "$touch", String::new()).await.is_ok());
    let entry =
        json!({ "request": { "method": "POST", "url": "$touch" }, "resource": { "resourceType": "Parameters" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry] });
    assert!(house.send(Verb::Post, "", bundle.to_string()).await.is_err());
}

#[tokio::test]
async fn an_operation_that_demands_nothing_is_nobodys() {
    let house = House::serving(vec![touch(&[])]).await;
    assert_eq!(house.send(Verb::Post, "$touch", String::new()).await.unwrap_err().status, 403);
}
