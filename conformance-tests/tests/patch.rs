//! JSON Patch and FHIRPath Patch (http.html#patch, fhirpatch.html).

use conformance_tests::{Answer, Client, samples::*};
use serde_json::{Value, json};

async fn stored(client: &Client) -> String {
    let sent = with(patient("patch"), json!({"birthDate": "1920-01-01", "active": true}));
    format!("Patient/{}", client.create(&sent).await)
}

/// Sends a JSON Patch.
pub async fn json_patch(client: &Client, path: &str, patch: Value) -> Answer {
    client.call("PATCH", path).body("application/json-patch+json", patch.to_string()).send().await
}

/// One operation of a FHIRPath Patch: its parts as (name, value[x] member or `part`, value).
fn operation(parts: &[(&str, &str, Value)]) -> Value {
    let part = |(name, kind, value): &(&str, &str, Value)| json!({"name": name, *kind: value});
    json!({"name": "operation", "part": parts.iter().map(part).collect::<Vec<_>>()})
}

async fn fhirpath_patch(client: &Client, path: &str, operations: Vec<Value>) -> Answer {
    client.call("PATCH", path).json(&json!({"resourceType": "Parameters", "parameter": operations})).send().await
}

/// http.html#patch, RFC 6902: all six operations, in order.
#[tokio::test]
async fn a_json_patch_is_applied_in_order() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let patch = json!([
        {"op": "test", "path": "/name/0/family", "value": "Sample"},
        {"op": "replace", "path": "/name/0/family", "value": "Changed"},
        {"op": "add", "path": "/name/0/given/-", "value": "Beth"},
        {"op": "add", "path": "/name/0/given/0", "value": "First"},
        {"op": "copy", "from": "/name/0", "path": "/name/1"},
        {"op": "move", "from": "/name/1/given/0", "path": "/name/1/given/2"},
        {"op": "remove", "path": "/active"}
    ]);
    let answer = json_patch(&client, &path, patch).await.expect(200);
    let read = client.read(&path).await;
    assert_eq!(read["name"][0], json!({"family": "Changed", "given": ["First", "Ada", "Beth"]}));
    assert_eq!(read["name"][1], json!({"family": "Changed", "given": ["Ada", "Beth", "First"]}));
    assert_eq!((&read["active"], &read["birthDate"]), (&Value::Null, &json!("1920-01-01")));
    assert_eq!(read["meta"]["versionId"], answer.version());
}

/// RFC 6902 §5: a failed `test` fails the whole patch, and nothing is changed (422, or 4xx).
#[tokio::test]
async fn a_failed_test_changes_nothing() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let before = client.read(&path).await;
    let patch = json!([
        {"op": "remove", "path": "/active"},
        {"op": "test", "path": "/name/0/family", "value": "Another"}
    ]);
    json_patch(&client, &path, patch).await.expect_outcome(400..=422);
    assert_eq!(client.read(&path).await, before);
}

/// RFC 6902: each row is no patch, or one whose target is not there.
#[tokio::test]
async fn a_senseless_json_patch_is_refused() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let before = client.read(&path).await;
    let patches = [
        json!({"op": "remove", "path": "/active"}),
        json!([{"op": "delete", "path": "/active"}]),
        json!([{"op": "remove"}]),
        json!([{"op": "remove", "path": "active"}]),
        json!([{"op": "remove", "path": "/gender"}]),
        json!([{"op": "replace", "path": "/gender", "value": "male"}]),
        json!([{"op": "add", "path": "/gender"}]),
        json!([{"op": "add", "path": "/name/7", "value": {"family": "x"}}]),
        json!([{"op": "add", "path": "/name/01", "value": {"family": "x"}}]),
        json!([{"op": "move", "from": "/name", "path": "/name/0"}]),
        json!([{"op": "copy", "from": "/contact", "path": "/link"}]),
    ];
    for patch in patches {
        json_patch(&client, &path, patch).await.expect_outcome(400..=422);
    }
    let call = client.call("PATCH", &path).body("application/json-patch+json", "[{");
    call.send().await.expect_outcome(400..=400);
    assert_eq!(client.read(&path).await, before);
}

/// http.html#patch: "the server SHALL … ensure that the resource is valid"; otherwise nothing is changed.
#[tokio::test]
async fn an_invalid_result_is_refused_and_changes_nothing() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let before = client.read(&path).await;
    for patch in [
        json!([{"op": "add", "path": "/colour", "value": "red"}]),
        json!([{"op": "replace", "path": "/birthDate", "value": "soon"}]),
        json!([{"op": "replace", "path": "/resourceType", "value": "Person"}]),
        json!([{"op": "replace", "path": "/id", "value": "other"}]),
        json!([{"op": "replace", "path": "", "value": []}]),
    ] {
        json_patch(&client, &path, patch).await.expect_outcome(400..=422);
    }
    assert_eq!(client.read(&path).await, before);
}

/// http.html#patch: an unknown resource is 404, a deleted one 404 or 410.
#[tokio::test]
async fn a_patch_of_nothing_is_404() {
    let client = Client::fresh();
    let patch = json!([{"op": "add", "path": "/gender", "value": "male"}]);
    json_patch(&client, "Patient/absent", patch.clone()).await.expect_outcome(404..=404);
    let path = stored(&client).await;
    client.delete(&path).await.expect_in(200..=204);
    json_patch(&client, &path, patch).await.expect_outcome(404..=410);
}

/// http.html#patch: "servers SHALL support … version aware" patches by If-Match.
#[tokio::test]
async fn a_stale_if_match_is_412() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let etag = client.get(&path).await.needed_header("etag").to_owned();
    let send = async |gender: &str| {
        let patch = json!([{"op": "add", "path": "/gender", "value": gender}]).to_string();
        let call = client.call("PATCH", &path).header("if-match", &etag);
        call.body("application/json-patch+json", patch).send().await
    };
    send("female").await.expect(200);
    send("male").await.expect_outcome(412..=412);
    assert_eq!(client.read(&path).await["gender"], "female");
}

/// http.html#patch: another media type is 415.
#[tokio::test]
async fn another_media_type_is_415() {
    let client = Client::fresh();
    let path = stored(&client).await;
    client.call("PATCH", &path).body("text/plain", "[]").send().await.expect_outcome(415..=415);
}

/// json.html#primitive: a patch leaves decimals elsewhere as they are, and takes new ones digit for digit.
#[tokio::test]
async fn a_patch_keeps_decimals() {
    let client = Client::fresh();
    let sent =
        parsed(r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10}}"#);
    let path = format!("Observation/{}", client.create(&sent).await);
    let patch = r#"[{"op":"add","path":"/referenceRange","value":[{"low":{"value":0.500}}]}]"#;
    client.call("PATCH", &path).body("application/json-patch+json", patch).send().await.expect(200);
    let read = client.read(&path).await;
    assert_eq!(read["valueQuantity"]["value"].to_string(), "1.10");
    assert_eq!(read["referenceRange"][0]["low"]["value"].to_string(), "0.500");
}

/// fhirpatch.html: "replace", the example of the page.
#[tokio::test]
async fn fhirpath_patch_replaces() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let replace = operation(&[
        ("type", "valueCode", json!("replace")),
        ("path", "valueString", json!("Patient.birthDate")),
        ("value", "valueDate", json!("1930-01-01")),
    ]);
    let answer = fhirpath_patch(&client, &path, vec![replace]).await.expect(200);
    assert_eq!(answer.json()["birthDate"], "1930-01-01");
    assert_eq!(client.read(&path).await["birthDate"], "1930-01-01");
}

/// fhirpatch.html: "add" appends to a list, sets what is not there, and builds anonymous types from parts.
#[tokio::test]
async fn fhirpath_patch_adds() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let contact = operation(&[
        ("type", "valueCode", json!("add")),
        ("path", "valueString", json!("Patient")),
        ("name", "valueString", json!("contact")),
        (
            "value",
            "part",
            json!([
                {"name": "name", "valueHumanName": {"text": "a name"}},
                {"name": "gender", "valueCode": "male"}
            ]),
        ),
    ]);
    let gender = operation(&[
        ("type", "valueCode", json!("add")),
        ("path", "valueString", json!("Patient")),
        ("name", "valueString", json!("gender")),
        ("value", "valueCode", json!("female")),
    ]);
    let name = operation(&[
        ("type", "valueCode", json!("add")),
        ("path", "valueString", json!("Patient")),
        ("name", "valueString", json!("name")),
        ("value", "valueHumanName", json!({"family": "Second"})),
    ]);
    fhirpath_patch(&client, &path, vec![contact, gender, name]).await.expect(200);
    let read = client.read(&path).await;
    assert_eq!(read["contact"], json!([{"name": {"text": "a name"}, "gender": "male"}]));
    assert_eq!(read["gender"], "female");
    assert_eq!(read["name"][1]["family"], "Second");
}

/// fhirpatch.html: "insert" at an index, "move" from one index to another.
#[tokio::test]
async fn fhirpath_patch_inserts_and_moves() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let at = |index: u32, value: &str| {
        operation(&[
            ("type", "valueCode", json!("insert")),
            ("path", "valueString", json!("Patient.identifier")),
            ("index", "valueInteger", json!(index)),
            ("value", "valueIdentifier", json!({"system": "urn:i", "value": value})),
        ])
    };
    let answer = fhirpath_patch(&client, &path, vec![at(0, "a"), at(2, "z"), at(1, "b")]).await.expect(200);
    assert_eq!(identifiers(&answer.json()), ["a", "b", "patch", "z"]);
    let moved = operation(&[
        ("type", "valueCode", json!("move")),
        ("path", "valueString", json!("Patient.identifier")),
        ("source", "valueInteger", json!(3)),
        ("destination", "valueInteger", json!(1)),
    ]);
    let answer = fhirpath_patch(&client, &path, vec![moved]).await.expect(200);
    assert_eq!(identifiers(&answer.json()), ["a", "z", "b", "patch"]);
}

fn identifiers(patient: &Value) -> Vec<&str> {
    let identifiers = patient["identifier"].as_array().expect("identifiers");
    identifiers.iter().filter_map(|identifier| identifier["value"].as_str()).collect()
}

/// fhirpatch.html: "delete"; deleting what is not there changes nothing and is no error.
#[tokio::test]
async fn fhirpath_patch_deletes() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let delete =
        |what: &str| operation(&[("type", "valueCode", json!("delete")), ("path", "valueString", json!(what))]);
    let operations = vec![
        delete("Patient.birthDate"),
        delete("Patient.name.where(family = 'Sample').given[0]"),
        delete("Patient.gender"),
    ];
    let read = fhirpath_patch(&client, &path, operations).await.expect(200).json();
    assert_eq!((&read["birthDate"], &read["name"]), (&Value::Null, &json!([{"family": "Sample"}])));
}

/// fhirpatch.html: "the operation … SHALL fail" when the path is not right; then nothing is changed.
#[tokio::test]
async fn a_senseless_fhirpath_patch_is_refused() {
    let client = Client::fresh();
    let path = stored(&client).await;
    let before = client.read(&path).await;
    let family = ("value", "valueString", json!("x"));
    let senseless = [
        operation(&[("type", "valueCode", json!("destroy")), ("path", "valueString", json!("Patient.active"))]),
        operation(&[("type", "valueCode", json!("delete"))]),
        operation(&[("type", "valueCode", json!("delete")), ("path", "valueString", json!("Patient.("))]),
        operation(&[
            ("type", "valueCode", json!("replace")),
            ("path", "valueString", json!("Patient.contact.name.family")),
            family.clone(),
        ]),
        operation(&[
            ("type", "valueCode", json!("add")),
            ("path", "valueString", json!("Patient")),
            ("name", "valueString", json!("colour")),
            family,
        ]),
        operation(&[
            ("type", "valueCode", json!("insert")),
            ("path", "valueString", json!("Patient.identifier")),
            ("index", "valueInteger", json!(9)),
            ("value", "valueIdentifier", json!({"value": "far"})),
        ]),
        operation(&[
            ("type", "valueCode", json!("move")),
            ("path", "valueString", json!("Patient.identifier")),
            ("source", "valueInteger", json!(5)),
            ("destination", "valueInteger", json!(0)),
        ]),
    ];
    for one in senseless {
        fhirpath_patch(&client, &path, vec![one]).await.expect_outcome(400..=422);
    }
    let no_parameters = client.call("PATCH", &path).json(&patient("not parameters")).send().await;
    no_parameters.expect_outcome(400..=422);
    assert_eq!(client.read(&path).await, before);
}
