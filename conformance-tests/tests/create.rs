//! Creating resources (http.html#create), and what is refused on every write (http.html#Status-Codes).

use conformance_tests::{Client, samples::*};
use serde_json::{Value, json};

/// http.html#create: "201 Created … Location … [base]/[type]/[id]/_history/[vid]", ETag and Last-Modified.
#[tokio::test]
async fn a_create_answers_201_with_where_it_is() {
    let client = Client::fresh();
    let answer = client.post("Patient", &patient("new")).await.expect(201);
    let (id, version) = (answer.id(), answer.version());
    let location = answer.needed_header("location");
    assert!(location.ends_with(&format!("/Patient/{id}/_history/{version}")), "{location}");
    assert!(answer.needed_header("last-modified").ends_with(" GMT"));
    assert_eq!(client.get(location).await.expect(200).json()["id"], id);
}

/// http.html#create: "If an id is provided, the server SHALL ignore it"; versionId and lastUpdated likewise.
#[tokio::test]
async fn submitted_id_version_and_time_are_ignored() {
    let client = Client::fresh();
    let meta = json!({"versionId": "77", "lastUpdated": "2001-01-01T00:00:00Z", "source": "urn:here"});
    let sent = with(patient("own"), json!({"id": "mine", "meta": meta}));
    let kept = client.post("Patient", &sent).await.expect(201).json();
    assert_ne!(kept["id"], "mine");
    assert_ne!(kept["meta"]["versionId"], "77");
    let updated = kept["meta"]["lastUpdated"].as_str().expect("lastUpdated");
    assert!(updated > "2020", "{updated}");
    assert_eq!(kept["meta"]["source"], "urn:here");
}

/// resource.html#Meta: `lastUpdated` is an instant, and agrees with the header.
#[tokio::test]
async fn last_updated_is_an_instant_of_now() {
    let client = Client::fresh();
    let answer = client.post("Patient", &patient("now")).await.expect(201);
    let body = answer.json();
    let updated = body["meta"]["lastUpdated"].as_str().expect("lastUpdated");
    assert!(updated.len() >= 20 && updated.as_bytes()[10] == b'T', "{updated}");
    assert!(updated.ends_with('Z') || updated[19..].contains(['+', '-']), "{updated} has no zone");
}

/// http.html#ops: `Prefer: return=minimal | representation | OperationOutcome`
#[tokio::test]
async fn prefer_return_chooses_the_body() {
    let client = Client::fresh();
    let send = async |prefer: &str| {
        client.call("POST", "Patient").header("prefer", prefer).json(&patient("prefer")).send().await.expect(201)
    };
    let minimal = send("return=minimal").await;
    assert!(minimal.bytes.is_empty(), "{}", minimal.text());
    assert!(!minimal.id().is_empty());
    assert_eq!(send("return=representation").await.json()["resourceType"], "Patient");
    let outcome = send("return=OperationOutcome").await;
    assert_eq!(outcome.json()["resourceType"], "OperationOutcome");
    assert_eq!(client.read(&format!("Patient/{}", outcome.id())).await["resourceType"], "Patient");
}

/// http.html#create: the type in the address and in the body agree.
#[tokio::test]
async fn a_body_of_another_type_is_400() {
    Client::fresh().post("Patient", &observation("1")).await.expect_outcome(400..=400);
}

/// http.html#Status-Codes: an unsupported type is 404.
#[tokio::test]
async fn an_unknown_type_is_404() {
    Client::fresh().post("Dragon", &json!({"resourceType": "Dragon"})).await.expect_outcome(404..=404);
}

/// http.html#mime-type: "415 Unsupported Media Type" when the server can't read the format.
#[tokio::test]
async fn another_media_type_is_415() {
    let client = Client::fresh();
    let body = patient("media").to_string();
    for media_type in ["text/plain", "application/pdf", "application/x-www-form-urlencoded"] {
        client.call("POST", "Patient").body(media_type, body.clone()).send().await.expect_outcome(415..=415);
    }
    for media_type in
        ["application/json", "application/fhir+json; charset=UTF-8", "application/fhir+json; fhirVersion=4.0"]
    {
        client.call("POST", "Patient").body(media_type, body.clone()).send().await.expect(201);
    }
}

/// json.html: what is not a JSON object with a resourceType, once each, is refused with an outcome.
#[tokio::test]
async fn malformed_json_is_400() {
    let client = Client::fresh();
    let bodies = [
        "",
        "{",
        "null",
        "[]",
        "\"Patient\"",
        "{}",
        r#"{"resourceType": 5}"#,
        r#"{"resourceType": "Patient",}"#,
        r#"{"resourceType": "Patient", "active": tru}"#,
        r#"{"resourceType": "Patient", "active": true, "active": false}"#,
        r#"{"resourceType": "Patient"} {"resourceType": "Patient"}"#,
        r#"{"resourceType": "Patient", "name": [{"family": "a
b"}]}"#,
        r#"{"resourceType": "Patient", "name": [{"family": "\ud800"}]}"#,
    ];
    for body in bodies {
        let answer = client.call("POST", "Patient").body("application/fhir+json", body).send().await;
        answer.expect_outcome(400..=400);
    }
    let mut bytes = br#"{"resourceType": "Patient", "name": [{"family": ""#.to_vec();
    bytes.extend([0xC3, 0x28]);
    bytes.extend(br#""}]}"#);
    client.call("POST", "Patient").body("application/fhir+json", bytes).send().await.expect_outcome(400..=400);
}

/// http.html#create: all problems at once, each with its expression (operationoutcome.html).
#[tokio::test]
async fn every_problem_of_a_resource_is_told_with_its_place() {
    let bad = json!({
        "resourceType": "Patient",
        "colour": "red",
        "gender": "femme",
        "birthDate": "yesterday",
        "name": [{"family": "A"}, {"family": 7}],
        "deceasedBoolean": true,
        "deceasedDateTime": "2020",
        "contact": [{"nickname": "x"}],
        "link": [{"type": "seealso"}],
        "managingOrganization": {"reference": "Patient/1"}
    });
    let outcome = Client::fresh().post("Patient", &bad).await.expect_outcome(400..=422);
    // What is not an element has no expression of its own: the element around it is the place.
    for (place, word) in [
        ("Patient", "colour"),
        ("Patient.gender", ""),
        ("Patient.birthDate", ""),
        ("Patient.name[1].family", ""),
        ("Patient.deceased", ""),
        ("Patient.contact[0]", "nickname"),
        ("Patient.link[0].other", ""),
        ("Patient.managingOrganization", ""),
    ] {
        let told = outcome["issue"].as_array().expect("issues").iter().any(|issue| {
            let expression = issue["expression"][0].as_str().unwrap_or_default();
            expression.starts_with(place) && issue["diagnostics"].as_str().is_some_and(|it| it.contains(word))
        });
        assert!(told, "{place} {word} is not told in {outcome}");
    }
}

fn expressions(outcome: &Value) -> Vec<String> {
    let issues = outcome["issue"].as_array().expect("issues");
    issues.iter().filter_map(|issue| issue["expression"][0].as_str().map(str::to_owned)).collect()
}

/// One rule of the structure broken by each row: the resource, and where the problem is.
const BROKEN: &[(&str, &str)] = &[
    (r#"{"resourceType":"Observation","code":{"text":"x"}}"#, "Observation.status"),
    (r#"{"resourceType":"Observation","status":"final"}"#, "Observation.code"),
    (r#"{"resourceType":"Observation","status":"done","code":{"text":"x"}}"#, "Observation.status"),
    (r#"{"resourceType":"Observation","status":["final"],"code":{"text":"x"}}"#, "Observation.status"),
    (r#"{"resourceType":"Patient","name":{"family":"x"}}"#, "Patient.name"),
    (r#"{"resourceType":"Patient","name":[]}"#, "Patient.name"),
    (r#"{"resourceType":"Patient","name":[{}]}"#, "Patient.name[0]"),
    (r#"{"resourceType":"Patient","name":[null]}"#, "Patient.name[0]"),
    (r#"{"resourceType":"Patient","active":"true"}"#, "Patient.active"),
    (r#"{"resourceType":"Patient","active":null}"#, "Patient.active"),
    (r#"{"resourceType":"Patient","birthDate":"2020-02-30"}"#, "Patient.birthDate"),
    (r#"{"resourceType":"Patient","birthDate":"2020-1-1"}"#, "Patient.birthDate"),
    (r#"{"resourceType":"Patient","deceasedDateTime":"2020-01-01T10:00:00"}"#, "Patient.deceased"),
    (r#"{"resourceType":"Patient","language":"a  b"}"#, "Patient.language"),
    (r#"{"resourceType":"Patient","name":[{"family":""}]}"#, "Patient.name[0].family"),
    (r#"{"resourceType":"Patient","multipleBirthInteger":1.5}"#, "Patient.multipleBirth"),
    (r#"{"resourceType":"Patient","multipleBirthInteger":2147483648}"#, "Patient.multipleBirth"),
    (r#"{"resourceType":"Patient","contained":[{"id":"a","active":true}]}"#, "Patient.contained[0]"),
    (r#"{"resourceType":"Patient","extension":[{"valueString":"x"}]}"#, "Patient.extension[0].url"),
    (
        r#"{"resourceType":"Patient","generalPractitioner":[{"reference":"Device/1"}]}"#,
        "Patient.generalPractitioner[0]",
    ),
    (r#"{"resourceType":"Patient","_active":{"extension":5}}"#, "Patient.active"),
    (r#"{"resourceType":"Patient","photo":[{"data":"n=t base64"}]}"#, "Patient.photo[0].data"),
];

/// validation.html: structure, cardinality, value domains, bindings
#[tokio::test]
async fn each_broken_rule_is_refused_at_its_place() {
    let client = Client::fresh();
    for (body, place) in BROKEN {
        let path = parsed(body)["resourceType"].as_str().expect("a type").to_owned();
        let answer = client.call("POST", &path).body("application/fhir+json", *body).send().await;
        let outcome = answer.expect_outcome(400..=422);
        let places = expressions(&outcome);
        assert!(places.iter().any(|it| it.starts_with(place)), "{body}: {place} is not in {places:?}");
    }
}

/// json.html#primitive: decimals keep their digits, primitives their extensions and nulls, members their order.
#[tokio::test]
async fn what_was_sent_is_what_is_read() {
    let client = Client::fresh();
    let sent = r#"{"resourceType":"Observation","status":"final","_status":{"id":"s1"},"code":{"text":"x"},
        "component":[
          {"code":{"text":"a"},"valueQuantity":{"value":1.10,"unit":"mg"}},
          {"code":{"text":"b"},"valueQuantity":{"value":1e-10}},
          {"code":{"text":"c"},"valueQuantity":{"value":12345678901234567890.12345678901234567890}},
          {"code":{"text":"d"},"valueQuantity":{"value":-0.000}},
          {"code":{"text":"e"},"valueString":"\u00e9\ud83d\ude00 \"q\" \\ / tab\t"}],
        "effectiveDateTime":"2015-02-07T13:28:17.239000+02:00",
        "_issued":{"extension":[{"url":"urn:why","valueCode":"unknown"}]},
        "contained":[{"resourceType":"Patient","id":"p","name":[
          {"given":["A",null,"C"],"_given":[null,{"extension":[{"url":"urn:why","valueCode":"masked"}]},{"id":"g3"}]}]}],
        "subject":{"reference":"\#p"}}"#
        .replace("\\#", "#");
    let sent = parsed(&sent);
    let path = format!("Observation/{}", client.create(&sent).await);
    let read = client.read(&path).await;
    let mut kept = as_submitted(read);
    let members = kept.as_object_mut().expect("a resource");
    members.shift_remove("id");
    members.entry("meta").and_modify(|meta| drop(meta.as_object_mut().and_then(|it| it.shift_remove("tag"))));
    members.retain(|name, value| name != "meta" || value.as_object().is_some_and(|it| !it.is_empty()));
    assert_eq!(kept.to_string(), sent.to_string());
}
