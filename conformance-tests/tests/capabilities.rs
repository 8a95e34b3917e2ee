//! The CapabilityStatement is true (http.html#capabilities, capabilitystatement.html): everything that it
//! claims is called.

use conformance_tests::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn statement(client: &Client) -> Value {
    let statement = client.read("metadata").await;
    assert_eq!(statement["resourceType"], "CapabilityStatement");
    statement
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// capabilitystatement.html: what every instance of a server says of itself.
#[tokio::test]
async fn the_statement_describes_a_running_r4_server() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    assert_eq!((text(&statement, "kind"), text(&statement, "fhirVersion")), ("instance", "4.0.1"));
    assert_eq!(text(&statement["rest"][0], "mode"), "server");
    assert!(!text(&statement, "date").is_empty() && !text(&statement["software"], "version").is_empty());
    let outcome = client.post("CapabilityStatement", &statement).await;
    outcome.expect(201);
}

/// http.html#capabilities: whoever asks may know, and the formats that it names are given.
#[tokio::test]
async fn the_statement_is_open_and_its_formats_are_given() {
    let client = Client::fresh();
    let statement = client.with_token(None).get("metadata").await.expect(200).json();
    assert!(!list(&statement, "format").is_empty());
    for format in list(&statement, "format").iter().filter_map(Value::as_str) {
        client.get(&format!("metadata?_format={}", conformance_tests::encode(format))).await.expect(200);
    }
}

/// http.html: each interaction that is claimed for each type is there.
#[tokio::test]
async fn every_claimed_interaction_of_every_type_is_there() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    let resources = list(&statement["rest"][0], "resource");
    assert!(resources.len() > 140, "R4 has more than {} types", resources.len());
    let mut probes = 0;
    let mut wrong = Vec::new();
    for resource in resources {
        let kind = text(resource, "type");
        for interaction in list(resource, "interaction") {
            let code = text(interaction, "code");
            if let Err(problem) = probe(&client, kind, code).await {
                wrong.push(format!("{kind} {code}: {problem}"));
            }
            probes += 1;
        }
    }
    assert!(probes > 140 * 8, "{probes} interactions are too few");
    assert!(wrong.is_empty(), "{} of {probes}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Calls an interaction of a type in a way that needs no valid resource of it.
async fn probe(client: &Client, kind: &str, code: &str) -> Result<(), String> {
    let invalid = json!({"resourceType": kind, "id": "probe", "notAnElement": true});
    let (answer, expected): (_, &[u16]) = match code {
        "read" => (client.get(&format!("{kind}/probe")).await, &[404]),
        "vread" => (client.get(&format!("{kind}/probe/_history/1")).await, &[404]),
        "history-instance" => (client.get(&format!("{kind}/probe/_history")).await, &[404]),
        "history-type" => (client.get(&format!("{kind}/_history")).await, &[200]),
        "create" => (client.post(kind, &invalid).await, &[400, 422]),
        "update" => (client.put(&format!("{kind}/probe"), &invalid).await, &[400, 422]),
        "patch" => {
            let call = client.call("PATCH", &format!("{kind}/probe"));
            (call.body("application/json-patch+json", "[]").send().await, &[404])
        }
        "delete" => (client.delete(&format!("{kind}/probe")).await, &[200, 204]),
        "search-type" => (client.get(kind).await, &[200]),
        other => return Err(format!("there is no interaction {other}")),
    };
    match expected.contains(&answer.status) {
        true => Ok(()),
        false => Err(format!("{} {}", answer.status, answer.text())),
    }
}

/// http.html#summary: the interactions of the whole system.
#[tokio::test]
async fn every_claimed_interaction_of_the_system_is_there() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    let interactions = list(&statement["rest"][0], "interaction");
    assert!(!interactions.is_empty());
    for interaction in interactions {
        match text(interaction, "code") {
            code @ ("transaction" | "batch") => drop(client.bundle(code, vec![]).await.expect(200)),
            "history-system" => drop(client.get("_history").await.expect(200)),
            "search-system" => drop(client.get("?_type=Patient").await.expect(200)),
            other => panic!("there is no interaction {other}"),
        }
    }
}

/// A value that fits a search parameter's type.
fn sample_value(kind: &str) -> &'static str {
    match kind {
        "number" => "1",
        "date" => "2020",
        "reference" => "Patient/1",
        "quantity" => "1|http://unitsofmeasure.org|mg",
        "uri" => "http://example.org",
        // A token may be of a code or of a boolean, and both have this value.
        _ => "true",
    }
}

/// search.html: every parameter that is claimed is understood, with a fitting value, when strict.
#[tokio::test]
async fn every_claimed_parameter_is_understood() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    let mut probes: BTreeMap<String, u16> = BTreeMap::new();
    for resource in list(&statement["rest"][0], "resource") {
        for parameter in list(resource, "searchParam") {
            let (name, kind) = (text(parameter, "name"), text(parameter, "type"));
            // `:missing` suits every type, composites too, whose components each have a type of their own.
            let (modifier, value) = match kind {
                "composite" | "special" => (":missing", "false"),
                _ => ("", sample_value(kind)),
            };
            let query = format!("{}?{name}{modifier}={}", text(resource, "type"), conformance_tests::encode(value));
            let call = client.call("GET", &query).header("prefer", "handling=strict");
            probes.insert(query, call.send().await.status);
        }
    }
    assert!(probes.len() > 1000, "{} parameters are too few", probes.len());
    let wrong: Vec<_> = probes.iter().filter(|(_, status)| **status != 200).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:?}", wrong.len(), probes.len());
}

/// search.html#include: every include that is claimed is understood when strict.
#[tokio::test]
async fn every_claimed_include_is_understood() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    let mut wrong = Vec::new();
    let mut probes = 0;
    for resource in list(&statement["rest"][0], "resource") {
        let kind = text(resource, "type");
        for (claim, name) in [("searchInclude", "_include"), ("searchRevInclude", "_revinclude")] {
            // All of a type at once: a wrong one is named in the outcome.
            let values: Vec<String> = list(resource, claim)
                .iter()
                .filter_map(Value::as_str)
                .map(|value| format!("{name}={}", conformance_tests::encode(value)))
                .collect();
            for some in values.chunks(40) {
                let query = format!("{kind}?{}", some.join("&"));
                let answer = client.call("GET", &query).header("prefer", "handling=strict").send().await;
                if answer.status != 200 {
                    wrong.push(format!("{query}: {} {}", answer.status, answer.text()));
                }
                probes += some.len();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(probes > 100, "{probes} includes are too few");
}

/// operations.html: every operation that is claimed is there, at the system and at the types.
#[tokio::test]
async fn every_claimed_operation_is_there() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    let rest = &statement["rest"][0];
    let of_system = list(rest, "operation").iter().map(|operation| (String::new(), text(operation, "name")));
    let of_types = list(rest, "resource").iter().flat_map(|resource| {
        let kind = format!("{}/", text(resource, "type"));
        list(resource, "operation").iter().map(move |operation| (kind.clone(), text(operation, "name")))
    });
    for (prefix, name) in of_system.chain(of_types) {
        let name = name.trim_start_matches('$');
        let mut answers = Vec::new();
        for path in [format!("{prefix}${name}"), format!("{prefix}probe/${name}")] {
            let answer = client.post(&path, &json!({"resourceType": "Parameters"})).await;
            answers.push((answer.status, answer.text()));
        }
        // An operation on an instance is there when what is missing is the instance.
        let there = |(status, text): &(u16, String)| match status {
            404 => text.contains("\"not-found\""),
            status => ![405, 500, 501].contains(status),
        };
        assert!(answers.iter().any(there), "{prefix}${name} is claimed and not there: {answers:?}");
    }
    client.post("$no-such-operation", &json!({"resourceType": "Parameters"})).await.expect_outcome(404..=404);
}

/// capabilitystatement.html: the conditions that are claimed are kept.
#[tokio::test]
async fn claimed_conditions_are_kept() {
    let client = Client::fresh();
    let statement = statement(&client).await;
    for resource in list(&statement["rest"][0], "resource") {
        let kind = text(resource, "type");
        let invalid = json!({"resourceType": kind, "notAnElement": true});
        if resource["conditionalUpdate"] == true {
            let answer = client.put(&format!("{kind}?_id=probe"), &invalid).await;
            assert!(answer.text().contains("notAnElement"), "{kind}: {} {}", answer.status, answer.text());
        }
        if matches!(resource["conditionalDelete"].as_str(), Some("single" | "multiple")) {
            client.delete(&format!("{kind}?_id=probe")).await.expect_in(200..=204);
        }
    }
}

/// OpenAPI 3.1 of the tenant's base: it lists the paths of every type.
#[tokio::test]
async fn the_open_api_lists_the_paths() {
    let client = Client::fresh();
    let answer = client.get("openapi.json").await.expect(200);
    let api = answer.json();
    assert!(text(&api, "openapi").starts_with("3.1"), "{}", api["openapi"]);
    let paths = api["paths"].as_object().expect("paths");
    let statement = statement(&client).await;
    for resource in list(&statement["rest"][0], "resource") {
        let kind = text(resource, "type");
        for end in [format!("/{kind}"), format!("/{kind}/{{id}}")] {
            assert!(paths.keys().any(|path| path.ends_with(&end)), "no path ends with {end}");
        }
    }
}
