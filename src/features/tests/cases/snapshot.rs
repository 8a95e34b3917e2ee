//! `$snapshot` (structuredefinition-operation-snapshot.html).

use super::house::House;
use engine::Verb;
use serde_json::{Value, json};

/// A profile with these elements.
fn profile(name: &str, base: &str, elements: Value) -> Value {
    json!({
        "resourceType": "StructureDefinition", "id": name, "url": format!("http://example.org/{name}"), "version": "1.0.0",
        "name": "P", "status": "active", "kind": "resource", "abstract": false, "type": "Patient", "baseDefinition": base,
        "derivation": "constraint", "differential": { "element": elements }
    })
}

/// A Patient with a name, and of those one with a family name.
fn two() -> [Value; 2] {
    let core = "http://hl7.org/fhir/StructureDefinition/Patient";
    [
        profile("named", core, json!([{ "id": "Patient.name", "path": "Patient.name", "min": 1 }])),
        profile(
            "family",
            "http://example.org/named",
            json!([{ "id": "Patient.name.family", "path": "Patient.name.family", "min": 1 }]),
        ),
    ]
}

async fn house() -> House {
    let house = House::new().await;
    for profile in two() {
        let path = format!("StructureDefinition/{}", profile["id"].as_str().unwrap());
        house.send(Verb::Put, &path, profile.to_string()).await.unwrap();
    }
    house
}

fn element<'s>(definition: &'s Value, id: &str) -> &'s Value {
    definition["snapshot"]["element"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()
}

#[tokio::test]
async fn a_profile_on_a_profile_has_what_both_say() {
    let house = house().await;
    let [_, family] = two();
    let given = json!([{ "name": "definition", "resource": family }]);
    let made = [
        house.get("StructureDefinition/family/$snapshot").await.unwrap(),
        house.get("StructureDefinition/$snapshot?url=http://example.org/family|1.0.0").await.unwrap(),
        house.post("StructureDefinition/$snapshot", given).await.unwrap(),
    ];
    for made in &made {
        assert_eq!(made["url"], "http://example.org/family");
        assert_eq!(
            (&element(made, "Patient.name")["min"], &element(made, "Patient.name.family")["min"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(element(made, "Patient.name.given")["max"], "*");
        assert_eq!(element(made, "Patient.name.family")["base"]["path"], "HumanName.family");
    }
    house.send(Verb::Post, "StructureDefinition", made[0].to_string()).await.expect("it is a valid one");
}

#[tokio::test]
async fn our_own_profiles_have_one() {
    let house = House::new().await;
    let ours = "https://medisync.dev/fhir/StructureDefinition/patient";
    let made = house.get(&format!("StructureDefinition/$snapshot?url={ours}")).await.unwrap();
    assert_eq!(element(&made, "Patient.name")["min"], 1);
    house.send(Verb::Post, "StructureDefinition", made.to_string()).await.expect("it is a valid one");
}

#[tokio::test]
async fn what_has_none_is_refused() {
    let house = house().await;
    let wide = profile(
        "wide",
        "http://example.org/named",
        json!([{ "id": "Patient.name", "path": "Patient.name", "min": 0 }]),
    );
    let given = json!([{ "name": "definition", "resource": wide }]);
    let refused = house.post("StructureDefinition/$snapshot", given).await.unwrap_err();
    let problem = "element Patient.name: its min 0 is less than the base's 1";
    assert_eq!(refused.status, 422);
    assert!(refused.issues[0].diagnostics.contains(problem), "{refused}");
    let refused = house.send(Verb::Post, "StructureDefinition", wide.to_string()).await.unwrap_err();
    assert!(refused.status == 422 && refused.issues[0].diagnostics.contains(problem), "{refused}");
    for (address, status) in [
        ("StructureDefinition/$snapshot", 400),
        ("StructureDefinition/$snapshot?url=http://example.org/none", 404),
        ("StructureDefinition/none/$snapshot", 404),
    ] {
        assert_eq!(house.get(address).await.unwrap_err().status, status, "{address}");
    }
}

#[tokio::test]
async fn who_may_not_search_profiles_may_not_name_them() {
    let house = house().await;
    let reader = house.caller("system/StructureDefinition.r").await;
    assert!(house.get_as(&reader, "StructureDefinition/family/$snapshot").await.is_ok());
    let by_url = "StructureDefinition/$snapshot?url=http://example.org/family";
    assert_eq!(house.get_as(&reader, by_url).await.unwrap_err().status, 403);
    let stranger = house.caller("system/Patient.rs").await;
    assert_eq!(house.get_as(&stranger, "StructureDefinition/family/$snapshot").await.unwrap_err().status, 403);
}
