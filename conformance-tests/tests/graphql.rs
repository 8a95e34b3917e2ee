//! `$graphql` (graphql.html).

use conformance_tests::{Client, encode, samples::*};
use serde_json::{Value, json};

/// A patient with a weight: the patient's id.
async fn record(client: &Client) -> String {
    let id = client
        .create(&with(patient("graphql"), json!({ "name": [{ "family": "Weiss", "given": ["Anna", "Maria"] }] })))
        .await;
    client.create(&with(observation("weight"), json!({ "subject": { "reference": format!("Patient/{id}") } }))).await;
    id
}

/// graphql.html: a query comes as a parameter, as GraphQL, as GraphQL's JSON, or in Parameters; the answer is JSON.
#[tokio::test]
async fn a_query_comes_in_four_ways() {
    let client = Client::fresh();
    let id = record(&client).await;
    let path = format!("Patient/{id}/$graphql");
    let query = "{ name { family } }";
    let expected = json!({ "data": { "name": [{ "family": "Weiss" }] } });
    let got = client.get(&format!("{path}?query={}", encode(query))).await.expect(200);
    assert!(got.needed_header("content-type").starts_with("application/json"));
    assert_eq!(got.json(), expected);
    let plain = client.call("POST", &path).body("application/graphql", query);
    let object = client.call("POST", &path).body("application/json", json!({ "query": query }).to_string());
    for call in [plain, object] {
        assert_eq!(call.send().await.expect(200).json(), expected);
    }
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "query", "valueString": query }] });
    assert_eq!(client.post(&path, &parameters).await.expect(200).json(), expected);
}

async fn data(client: &Client, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    client.call("POST", "$graphql").body("application/json", body).send().await.expect(200).json()["data"].clone()
}

/// graphql.html#searching, #reverse: lists and connections of what is searched, and of what refers to a resource.
#[tokio::test]
async fn a_query_searches() {
    let client = Client::fresh();
    let id = record(&client).await;
    let query = "query($id: ID!) { Patient(id: $id) { id ObservationList(_reference: patient) { subject { resource { ... on Patient { name @flatten { given } } } } } } }";
    let found = data(&client, query, json!({ "id": id })).await;
    let name = &found["Patient"]["ObservationList"][0]["subject"]["resource"];
    assert_eq!(name, &json!({ "given": ["Anna", "Maria"] }));
    let query = "query($id: String) { ObservationConnection(patient: $id, _count: 1) { count edges { mode resource { resourceType } } } }";
    let found = data(&client, query, json!({ "id": format!("Patient/{id}") })).await;
    let expected = json!({ "count": 1, "edges": [{ "mode": "match", "resource": { "resourceType": "Observation" } }] });
    assert_eq!(found["ObservationConnection"], expected);
}

/// What is wrong is told as GraphQL does, with FHIR's OperationOutcome; depth is bounded.
#[tokio::test]
async fn what_is_wrong_is_told() {
    let client = Client::fresh();
    let deep = format!("{{ {} id {} }}", "Patient(id: \"1\") { ".repeat(60), "}".repeat(60));
    for query in
        ["{ Patient(id: \"1\") { shoeSize } }", "{ PatientList(shoe: 43) { id } }", "nonsense", "mutation { x }", &deep]
    {
        let body = json!({ "query": query }).to_string();
        let answer = client.call("POST", "$graphql").body("application/json", body).send().await.expect_in(400..=499);
        let error = &answer.json()["errors"][0];
        assert!(error["message"].is_string(), "{query}");
        assert_eq!(error["extensions"]["resource"]["resourceType"], "OperationOutcome", "{query}");
    }
}

/// A query sees no more than its caller.
#[tokio::test]
async fn a_query_needs_a_caller() {
    let client = Client::fresh();
    client
        .with_token(None)
        .get(&format!("$graphql?query={}", encode("{ PatientList { id } }")))
        .await
        .expect_in(401..=403);
}
