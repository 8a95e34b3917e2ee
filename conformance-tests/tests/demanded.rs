//! Profiles that are demanded of all resources of a type (implementationguide.html, ImplementationGuide.global).

use conformance_tests::{Client, unique};
use serde_json::{Value, json};

fn profile(url: &str) -> Value {
    json!({
        "resourceType": "StructureDefinition", "url": url, "name": "Stocked", "status": "active", "kind": "resource",
        "abstract": false, "type": "SupplyDelivery", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/SupplyDelivery",
        "differential": { "element": [{ "id": "SupplyDelivery.status", "path": "SupplyDelivery.status", "min": 1 }] }
    })
}

fn guide(url: &str) -> Value {
    json!({
        "resourceType": "ImplementationGuide", "url": format!("{url}/guide"), "name": "House", "status": "active",
        "packageId": "org.example.house", "fhirVersion": ["4.0.1"],
        "global": [{ "type": "SupplyDelivery", "profile": url }]
    })
}

async fn claimed(client: &Client) -> Value {
    let statement = client.get("metadata").await.expect(200).json();
    let resources = statement["rest"][0]["resource"].as_array().expect("resources");
    resources.iter().find(|it| it["type"] == "SupplyDelivery").expect("every type is claimed")["profile"].clone()
}

/// ImplementationGuide.global: "profiles that all resources must conform to"; told in the CapabilityStatement
/// (capabilitystatement-definitions.html#CapabilityStatement.rest.resource.profile).
#[tokio::test]
async fn what_a_guide_demands_holds_from_its_write_to_its_end() {
    let client = Client::fresh();
    let url = format!("http://example.org/StructureDefinition/{}", unique());
    let bare = json!({ "resourceType": "SupplyDelivery" });
    client.create(&profile(&url)).await;
    client.post("SupplyDelivery", &bare).await.expect(201);
    let guide = client.create(&guide(&url)).await;
    let outcome = client.post("SupplyDelivery", &bare).await.expect_outcome(422..=422);
    assert_eq!(outcome["issue"][0]["expression"][0], "SupplyDelivery.status");
    assert_eq!(claimed(&client).await, json!(url));
    let entry = json!({ "resource": bare, "request": { "method": "POST", "url": "SupplyDelivery" } });
    client.bundle("transaction", vec![entry]).await.expect_outcome(422..=422);
    client
        .post("SupplyDelivery", &json!({ "resourceType": "SupplyDelivery", "status": "completed" }))
        .await
        .expect(201);
    client.delete(&format!("ImplementationGuide/{guide}")).await.expect_in(200..=204);
    client.post("SupplyDelivery", &bare).await.expect(201);
}
