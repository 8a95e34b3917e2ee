//! `$shared`: what a Consent (consent.html) of another tenant's patient lets this tenant see.

use super::house::{House, keys, link};
use engine::Context;
use serde_json::{Value, json};

fn observation(id: &str, patient: &str, code: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "code": { "coding": [{ "system": "urn:codes", "code": code }] },
        "subject": { "reference": format!("Patient/{patient}") },
    })
}

/// A Consent of Patient/p by which the tenant north may see Observations until 2027.
fn consent() -> Value {
    json!({
        "resourceType": "Consent", "id": "c", "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] },
        "patient": { "reference": "Patient/p" },
        "provision": {
            "type": "permit",
            "period": { "start": "2026-01-01", "end": "2027-12-31" },
            "actor": [{
                "role": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
                "reference": { "identifier": { "system": "https://medisync.dev/fhir/tenant", "value": "north" } },
            }],
            "class": [{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }],
        },
    })
}

/// Two tenants: north asks, south has two patients, one of whom gave this Consent.
async fn houses(consent: Value) -> (House, Context) {
    let house = House::new().await;
    let south = house.neighbour("south").await;
    let resources = [
        json!({ "resourceType": "Patient", "id": "p" }),
        json!({ "resourceType": "Patient", "id": "q" }),
        observation("a", "p", "one"),
        observation("b", "p", "two"),
        observation("x", "q", "one"),
        json!({
            "resourceType": "Condition", "id": "k", "subject": { "reference": "Patient/p" }, "code": { "text": "k" },
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
        }),
        consent,
    ];
    house.put_as(&south, &resources).await;
    (house, south)
}

fn shared(query: &str) -> String {
    format!(
        "$shared?tenant=south&patient=p&query={}",
        query.replace('&', "%26").replace('=', "%3D").replace('?', "%3F")
    )
}

async fn found(house: &House, query: &str) -> Vec<String> {
    let bundle = house.get(&shared(query)).await.unwrap();
    keys(&bundle).into_iter().filter(|(_, mode)| mode == "match").map(|(key, _)| key).collect()
}

async fn refused(house: &House, query: &str) -> u16 {
    house.get(&shared(query)).await.unwrap_err().status
}

#[tokio::test]
async fn what_a_consent_permits_is_read_and_searched() {
    let (house, _) = houses(consent()).await;
    assert_eq!(house.get(&shared("Observation/a")).await.unwrap()["id"], "a");
    assert_eq!(found(&house, "Observation").await, ["Observation/a", "Observation/b"]);
    assert_eq!(found(&house, "Observation?code=two").await, ["Observation/b"]);
    assert_eq!(found(&house, "Patient/p/Observation").await, ["Observation/a", "Observation/b"]);
}

#[tokio::test]
async fn nothing_else_is() {
    let (house, _) = houses(consent()).await;
    // Another patient's record is as if it were not there; another type is not granted.
    assert_eq!(refused(&house, "Observation/x").await, 404);
    for query in ["Condition/k", "Condition", "Patient/p", "Consent/c", "Observation?patient:Patient.name=p"] {
        assert_eq!(refused(&house, query).await, 403, "{query}");
    }
    for query in ["Observation/a/_history", "Observation/a/_history/1", "_history", "$stats", "metadata"] {
        assert!(house.get(&shared(query)).await.is_err(), "{query}");
    }
}

#[tokio::test]
async fn pages_go_on_through_the_view_until_the_consent_ends() {
    let (house, south) = houses(consent()).await;
    let page = house.get(&shared("Observation?_count=1")).await.unwrap();
    let next = link(&page, "next").unwrap();
    assert!(next.contains("$shared?tenant=south&patient=p&query="), "{next}");
    assert_eq!(keys(&house.get(&next).await.unwrap())[0].0, "Observation/b");
    let mut ended = consent();
    ended["status"] = "inactive".into();
    house.put_as(&south, &[ended]).await;
    assert_eq!(house.get(&next).await.unwrap_err().status, 404);
}

/// Whoever asks sees no more than of the own tenant's records.
#[tokio::test]
async fn the_callers_own_access_bounds_what_is_seen() {
    let (house, _) = houses(consent()).await;
    for (scopes, allowed) in [
        ("user/Patient.rs user/Observation.rs", true),
        ("user/Patient.rs user/Condition.rs", false),
        ("user/Patient.rs user/Observation.rs?code=one", false),
    ] {
        let caller = house.caller(scopes).await;
        let answer = house.get_as(&caller, &shared("Observation/a")).await;
        assert_eq!(answer.is_ok(), allowed, "{scopes}");
    }
    let narrowed = house.caller("user/Observation.rs").await;
    assert_eq!(house.get_as(&narrowed, &shared("Observation/a")).await.unwrap_err().status, 403);
}

#[tokio::test]
async fn codes_and_labels_narrow_what_is_shared() {
    let mut coded = consent();
    coded["provision"]["code"] = json!([{ "coding": [{ "system": "urn:codes", "code": "two" }] }]);
    let (house, _) = houses(coded).await;
    assert_eq!(found(&house, "Observation").await, ["Observation/b"]);
    let mut labelled = consent();
    labelled["provision"]["securityLabel"] =
        json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N" }]);
    let (house, south) = houses(labelled).await;
    // Confidentiality is a water mark, and what has no label is normal.
    assert_eq!(found(&house, "Observation").await, ["Observation/a", "Observation/b"]);
    let mut restricted = observation("b", "p", "one");
    restricted["meta"] =
        json!({ "security": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" }] });
    house.put_as(&south, &[restricted]).await;
    assert_eq!(found(&house, "Observation").await, ["Observation/a"]);
}

/// A Consent that says something the view can't be held to, or that does not hold now, shares nothing and says why.
#[tokio::test]
async fn what_cannot_be_held_to_shares_nothing() {
    for (name, value) in [
        ("period", json!({ "start": "2026-01-01" })),
        ("period", json!({ "end": "2026-01-01" })),
        ("period", json!({ "start": "2027-01-01", "end": "2027-12-31" })),
        ("data", json!([{ "meaning": "related", "reference": { "reference": "Observation/a" } }])),
        ("modifierExtension", json!([{ "url": "https://example.org/unless", "valueBoolean": true }])),
        ("purpose", json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH" }])),
        (
            "action",
            json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "collect" }] }]),
        ),
        ("class", json!([{ "system": "http://hl7.org/fhir/consentcontentclass", "code": "x" }])),
        ("provision", json!([{ "type": "deny" }])),
        ("provision", json!([{ "type": "deny", "class": [{ "system": "urn:x", "code": "x" }] }])),
    ] {
        let mut consent = consent();
        consent["provision"][name] = value;
        let (house, _) = houses(consent).await;
        assert_eq!(refused(&house, "Observation/a").await, 403, "{name}");
        let listed = house.get("$shared?tenant=south").await.unwrap();
        assert_eq!(listed["parameter"][0]["part"][2]["name"], "reason", "{listed}");
    }
}

#[tokio::test]
async fn who_shares_is_listed() {
    let (house, _) = houses(consent()).await;
    let listed = house.get("$shared?tenant=south").await.unwrap();
    let parts: Vec<_> =
        listed["parameter"][0]["part"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(parts, ["patient", "consent", "until", "type"]);
    assert_eq!(listed["parameter"][0]["part"][0]["valueId"], "p");
}

/// Nobody learns which tenants there are: one that shares nothing answers as one that is not there.
#[tokio::test]
async fn a_tenant_that_shares_nothing_is_as_if_it_were_not_there() {
    let mut elsewhere = consent();
    elsewhere["provision"]["actor"][0]["reference"]["identifier"]["value"] = "west".into();
    let (house, _) = houses(elsewhere).await;
    let told = |failure: fhir::Failure| (failure.status, failure.issues[0].diagnostics.clone());
    let one = told(house.get("$shared?tenant=south").await.unwrap_err());
    let other = told(house.get("$shared?tenant=nowhere").await.unwrap_err());
    assert_eq!(one, other);
    assert_eq!(one.0, 404);
    let mut denied = consent();
    denied["provision"]["type"] = "deny".into();
    let (house, _) = houses(denied).await;
    assert_eq!(house.get("$shared?tenant=south").await.unwrap_err().status, 404);
}
