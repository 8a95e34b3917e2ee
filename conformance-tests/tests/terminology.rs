//! The terminology service (terminology-service.html) over HTTP.

use conformance_tests::{Client, unique};
use serde_json::{Value, json};

/// The value of an answer's first parameter with this name.
fn told(answer: &Value, name: &str) -> Value {
    let found = answer["parameter"].as_array().into_iter().flatten().find(|it| it["name"] == name);
    let members = found.and_then(Value::as_object).into_iter().flatten();
    members.filter(|(member, _)| member.starts_with("value")).map(|(_, value)| value.clone()).next().unwrap_or_default()
}

/// http.html#capabilities: `mode=terminology` is a TerminologyCapabilities, and each code system it lists is there.
#[tokio::test]
async fn the_terminology_capabilities_are_true() {
    let client = Client::fresh();
    let statement = client.read("metadata?mode=terminology").await;
    assert_eq!(statement["resourceType"], "TerminologyCapabilities");
    let systems = statement["codeSystem"].as_array().cloned().unwrap_or_default();
    assert!(systems.len() > 1000);
    for system in systems.iter().step_by(100) {
        let uri = system["uri"].as_str().unwrap_or_default();
        let whole = format!("ValueSet/$expand?url={}&count=0", conformance_tests::encode(&format!("{uri}?fhir_vs")));
        assert!(client.read(&whole).await["expansion"]["total"].is_u64(), "{uri}");
    }
    let parameters = statement["expansion"]["parameter"].as_array().cloned().unwrap_or_default();
    let gender = "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender";
    for name in parameters.iter().filter_map(|it| it["name"].as_str()).filter(|it| *it != "url" && *it != "valueSet") {
        let value = match name {
            "offset" | "count" => "1",
            "valueSetVersion" => "4.0.1",
            "filter" | "designation" | "displayLanguage" => "de",
            "exclude-system" | "system-version" | "check-system-version" | "force-system-version" => "urn:nothing|1",
            _ => "true",
        };
        client.get(&format!("{gender}&{name}={value}")).await.expect(200);
    }
    client.get("metadata?mode=normative").await.expect_outcome(400..=400);
}

/// codesystem-operation-lookup.html, valueset-operation-validate-code.html and the others, on R4's own terminology.
#[tokio::test]
async fn r4s_terminology_is_served() {
    let client = Client::fresh();
    let roles = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let mother = client.read(&format!("CodeSystem/$lookup?system={roles}&code=MTH")).await;
    assert_eq!(told(&mother, "display"), "mother");
    let family = "http://terminology.hl7.org/ValueSet/v3-FamilyMember";
    let query = format!("ValueSet/$validate-code?url={family}&system={roles}");
    assert_eq!(told(&client.read(&format!("{query}&code=MTH")).await, "result"), true);
    assert_eq!(told(&client.read(&format!("{query}&code=GUARD")).await, "result"), false);
    let subsumed = client.read(&format!("CodeSystem/$subsumes?system={roles}&codeA=PRN&codeB=MTH")).await;
    assert_eq!(told(&subsumed, "outcome"), "subsumes");
    let expanded = client.read(&format!("ValueSet/$expand?url={family}&filter=twin")).await;
    assert!(expanded["expansion"]["contains"].to_string().contains("TWIN"));
    let query = "ConceptMap/$translate?system=http://hl7.org/fhir/composition-status&code=preliminary";
    assert_eq!(told(&client.read(query).await, "result"), true);
}

/// What is written counts for the next answer, and an expansion is a valid ValueSet.
#[tokio::test]
async fn the_tenants_terminology_is_served_as_it_is_written() {
    let client = Client::fresh();
    let system = format!("urn:colours:{}", unique());
    let of = |codes: &[&str]| {
        let concepts: Vec<Value> = codes.iter().map(|it| json!({"code": it})).collect();
        json!({"resourceType": "CodeSystem", "url": system, "status": "active", "content": "complete", "concept": concepts})
    };
    let id = client.create(&of(&["red", "blue"])).await;
    let query = format!("ValueSet/$expand?url={system}?fhir_vs");
    let mut expanded = client.read(&query).await;
    assert_eq!(expanded["expansion"]["total"], 2);
    // Under its own URL it would be the tenant's, and come before the one that is made of the code system.
    expanded["url"] = format!("{system}:kept").into();
    client.create(&expanded).await;
    let mut now = of(&["red", "blue", "green"]);
    now["id"] = id.as_str().into();
    client.put(&format!("CodeSystem/{id}"), &now).await.expect(200);
    assert_eq!(client.read(&query).await["expansion"]["total"], 3);
    let invalid = client.read(&format!("CodeSystem/{id}/$validate-code?code=pink")).await;
    assert_eq!(told(&invalid, "result"), false);
}

/// valueset-operation-expand.html, codesystem-operation-lookup.html: `date` is answered by the definitions that were current then.
#[tokio::test]
async fn a_date_that_is_past_is_answered_by_what_was_then() {
    let client = Client::fresh();
    let (system, set) = (format!("urn:colours-{}", unique()), format!("urn:all-colours-{}", unique()));
    let colours = |code: &str| {
        json!({ "resourceType": "CodeSystem", "id": unique_id(&system), "url": system, "status": "active", "content": "complete",
            "concept": [{ "code": code, "display": format!("The colour {code}") }] })
    };
    let value_set = json!({ "resourceType": "ValueSet", "id": unique_id(&set), "url": set, "status": "active",
        "compose": { "include": [{ "system": system }] } });
    let (path, set_path) = (format!("CodeSystem/{}", unique_id(&system)), format!("ValueSet/{}", unique_id(&set)));
    let before = client.put(&path, &colours("red")).await.json()["meta"]["lastUpdated"].clone();
    let first = client.put(&set_path, &value_set).await.json()["meta"]["lastUpdated"].clone();
    // Within a millisecond it would be what was there then.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    client.put(&path, &colours("blue")).await;
    let (before, first) = (encoded(&before), encoded(&first));
    let query = format!("ValueSet/$expand?url={set}");
    let code = |it: &Value| it["expansion"]["contains"][0]["code"].clone();
    assert_eq!(code(&client.read(&query).await), "blue");
    assert_eq!(code(&client.read(&format!("{query}&date={first}")).await), "red");
    assert_eq!(code(&client.read(&format!("{set_path}/$expand?date={first}")).await), "red");
    let lookup = format!("CodeSystem/$lookup?system={system}&code=red");
    assert_eq!(told(&client.read(&format!("{lookup}&date={before}")).await, "display"), "The colour red");
    client.get(&lookup).await.expect_outcome(404..=404);
    let valid = format!("ValueSet/$validate-code?url={set}&system={system}&code=red");
    assert_eq!(told(&client.read(&format!("{valid}&date={first}")).await, "result"), true);
    assert_eq!(told(&client.read(&valid).await, "result"), false);
    let coded = format!("CodeSystem/$validate-code?url={system}&code=blue&date={first}");
    assert_eq!(told(&client.read(&coded).await, "result"), false);
    client.delete(&path).await;
    assert_eq!(told(&client.read(&format!("{lookup}&date={before}")).await, "display"), "The colour red");
    client.get(&format!("{query}&date=1999")).await.expect_outcome(404..=404);
    client.get(&format!("{set_path}/$expand?date=1999")).await.expect_outcome(404..=404);
    let gender = "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&date=2020";
    assert_eq!(client.read(gender).await["expansion"]["total"], 4);
}

fn unique_id(url: &str) -> String {
    url.trim_start_matches("urn:").to_owned()
}

fn encoded(instant: &Value) -> String {
    conformance_tests::encode(instant.as_str().unwrap_or_default())
}
