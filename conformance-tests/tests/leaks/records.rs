//! Words in resources, Bundles and headers.

use super::searches::searches;
use super::{Watched, xml};
use crate::smart::place::Place;
use conformance_tests::Call;
use serde_json::{Value, json};

/// Values of resources: what no error repeats.
pub(super) const VALUES: [&str; 12] = [
    "family",
    "given",
    "identifier",
    "telecom",
    "line",
    "text",
    "extension",
    "value",
    "note",
    "base64",
    "broken",
    "date",
];

/// A Patient of planted words.
fn patient(watched: &mut Watched) -> Value {
    json!({
        "resourceType": "Patient",
        "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", watched.plant("text"))},
        "extension": [{"url": "urn:planted", "valueString": watched.plant("extension")}],
        "identifier": [{"system": "urn:planted", "value": watched.plant("identifier")}],
        "name": [{"family": watched.plant("family"), "given": [watched.plant("given")]}],
        "telecom": [{"system": "email", "value": format!("{}@example.org", watched.plant("telecom"))}],
        "address": [{"line": [watched.plant("line")]}],
        "birthDate": "1971-03-04",
    })
}

/// Everything over FHIR: good and bad.
pub(super) async fn records(watched: &mut Watched, place: &Place<'_>) {
    let admin = &place.admin;
    let whole = patient(watched);
    let made = admin.post("Patient", &whole).await.expect(201);
    assert!(!watched.found_in(&made.text()).is_empty(), "what is planted can be found");
    watched.look("Location", made.needed_header("location"));
    let id = made.id();
    let mut changed = whole.clone();
    changed["id"] = id.clone().into();
    admin.put(&format!("Patient/{id}"), &changed).await.expect(200);
    admin.get(&format!("Patient/{id}/_history")).await.expect(200);
    admin.get(&format!("Patient/{id}/$everything")).await.expect_in(200..=404);
    bad_resources(watched, place, &id).await;
    xml::resources(watched, place, &id).await;
    searches(watched, place).await;
    headers(watched, place, &id).await;
    bundles(watched, place).await;
}

async fn bad_resources(watched: &mut Watched, place: &Place<'_>, id: &str) {
    let admin = &place.admin;
    let (broken, value, date) = (watched.plant("broken"), watched.plant("value"), watched.plant("date"));
    let fhir = "application/fhir+json";
    let texts = [
        (fhir, format!("{{\"resourceType\":\"Patient\",\"name\":[{{\"family\":\"{broken}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"gender\":\"{value}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"birthDate\":\"{date}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"id\":\"{value} x\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"multipleBirthInteger\":\"{value}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"active\":\"{value}\",\"deceasedBoolean\":\"{value}\"}}")),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"text\":\"{value}\"}},\"valueQuantity\":{{\"value\":\"{value}\"}}}}"
            ),
        ),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Observation\",\"status\":\"{value}\",\"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"\",\"display\":\"{value}\"}}]}}}}"
            ),
        ),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Patient\",\"text\":{{\"status\":\"generated\",\"div\":\"<div>{broken}<script>{broken}</script>\"}}}}"
            ),
        ),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"photo\":[{{\"data\":\"{broken}!\"}}]}}")),
        (fhir, broken.clone()),
        (
            "application/fhir+xml",
            format!(
                "<Patient xmlns=\"http://hl7.org/fhir\"><birthDate value=\"{date}\"/><name><family value=\"{broken}\"</Patient>"
            ),
        ),
        (
            "application/fhir+xml",
            format!("<Patient xmlns=\"http://hl7.org/fhir\"><gender value=\"{value}\"/></Patient>"),
        ),
        (
            "application/fhir+xml",
            format!("<!DOCTYPE x [<!ENTITY e \"{broken}\">]><Patient xmlns=\"http://hl7.org/fhir\">&e;</Patient>"),
        ),
    ];
    for (media_type, text) in texts {
        for (method, path) in [("POST", "Patient"), ("POST", "Patient/$validate"), ("POST", "")] {
            let answer = admin.call(method, path).body(media_type, text.clone()).send().await;
            watched.look_at_errors(&answer, &VALUES);
        }
    }
    let patches = [
        ("application/json-patch+json", json!([{"op": "replace", "path": "/birthDate", "value": date}]).to_string()),
        ("application/json-patch+json", json!([{"op": "test", "path": "/gender", "value": value}]).to_string()),
        ("application/json-patch+json", format!("[{{\"op\":\"{value}\"")),
        (
            "application/fhir+json",
            json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
            {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Patient.gender"},
            {"name": "value", "valueCode": value}]}]})
            .to_string(),
        ),
    ];
    for (media_type, text) in patches {
        let answer = admin.call("PATCH", &format!("Patient/{id}")).body(media_type, text).send().await;
        watched.look_at_errors(&answer, &VALUES);
    }
    let note = watched.plant("note");
    let about = json!({"resourceType": "Observation", "status": "final", "code": {"text": note}, "note": [{"text": note}],
        "subject": {"reference": "Patient/nobody-is-there", "display": note}, "valueString": note});
    let answer = admin.post("Observation", &about).await;
    watched.look_at_errors(&answer, &VALUES);
    let binary = watched.plant("base64");
    admin.call("POST", "Binary").body("text/plain", binary).send().await.expect_in(200..=499);
}

async fn headers(watched: &mut Watched, place: &Place<'_>, id: &str) {
    for header in [
        "accept",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "prefer",
        "content-type",
        "content-encoding",
        "accept-encoding",
        "x-tenant-id",
        "x-forwarded-for",
        "forwarded",
        "x-forwarded-host",
        "origin",
        "referer",
        "user-agent",
        "cookie",
        "range",
        "x-provenance",
        "traceparent",
        "accept-charset",
        "if-none-exist",
        "sec-fetch-site",
        "x-anything",
    ] {
        let word = watched.plant("header");
        let path = format!("Patient/{id}");
        let with = |method: &str, path: &str| -> Call { place.admin.call(method, path).header(header, &word) };
        with("GET", &path).send().await;
        with("PUT", &path).body("application/fhir+json", "{}").send().await;
        with("POST", "Patient").send().await;
        place.with(None).call("GET", &format!("{}/account", place.issuer())).header(header, &word).send().await;
    }
    let create = place
        .admin
        .call("POST", "Patient")
        .header("if-none-exist", &format!("identifier=urn:planted|{}", watched.plant("query")));
    create.json(&json!({"resourceType": "Patient"})).send().await.expect_in(200..=201);
}

async fn bundles(watched: &mut Watched, place: &Place<'_>) {
    for kind in ["batch", "transaction", "history", "nonsense"] {
        let (value, path, url) = (watched.plant("value"), watched.plant("query"), watched.plant("value"));
        let entries = vec![
            json!({"resource": {"resourceType": "Patient", "birthDate": value}, "request": {"method": "POST", "url": "Patient"}}),
            json!({"request": {"method": "GET", "url": format!("Patient?family={path}")}}),
            json!({"fullUrl": format!("urn:uuid:{url}"), "resource": {"resourceType": "Observation", "status": "final",
                "code": {"text": value}, "subject": {"reference": format!("Patient?identifier={path}")}},
                "request": {"method": "POST", "url": "Observation", "ifNoneExist": format!("code={path}")}}),
        ];
        let answer = place.admin.bundle(kind, entries).await;
        watched.look_at_errors(&answer, &["value", "query"]);
    }
}
