//! What is shared with another tenant, as the logs of both tell it.

use super::*;
use crate::audit::{events, references};

/// A Consent of patient `a` that shares everything with a tenant.
fn shared_with(tenant: &str) -> Value {
    let identifier = json!({ "system": "https://medisync.dev/fhir/tenant", "value": tenant });
    json!({
        "type": "permit",
        "period": { "start": "2026-01-01", "end": "2099-01-01" },
        "actor": [{ "role": receives(), "reference": { "identifier": identifier } }]
    })
}

/// Whether an event is of a request with this name.
fn is_of(event: &Value, request: &str) -> bool {
    let entities = event["entity"].as_array().into_iter().flatten();
    entities.map(|it| &it["what"]["identifier"]["value"]).any(|it| it == request)
}

/// AuditEvent.entity and .agent: the tenant that asks tells of no patient of its own, and the one that is asked tells who of
/// which tenant asked, by which app, from where and what for, whether for a list or for records.
#[tokio::test]
async fn both_logs_tell_of_what_is_shared() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    south.consent("a", shared_with(&north.tenant)).await;
    let doctor = north.holder("doctor", "user/*.rs");
    let listed = format!("$shared?tenant={}", south.tenant);
    let asked = format!("$shared?tenant={}&patient=a&query=Observation%3Fcode%3Dx", south.tenant);
    let none = format!("$shared?tenant={}&patient=b&query=Observation", south.tenant);
    for (path, status, request) in [(listed, 200, "listed"), (asked, 200, "asked"), (none, 404, "none")] {
        doctor.call("GET", &path).header("x-request-id", request).send().await.expect(status);
    }

    for id in ["a", "b"] {
        let own = events(&north.admin, &format!("patient=Patient/{id}&subtype=operation")).await;
        assert_eq!(own.len(), 0, "{id} of the tenant that asks was not looked at");
    }
    let here = events(&north.admin, "subtype=operation").await;
    let event = here.iter().find(|it| is_of(it, "asked")).expect("an event of the tenant that asks");
    let foreign = format!("https://medisync.dev/fhir/tenant/{}", south.tenant);
    let entities = event["entity"].as_array().expect("entities");
    let named = entities.iter().map(|it| &it["what"]["identifier"]).filter(|it| it["system"] == *foreign);
    let named: Vec<&Value> = named.map(|it| &it["value"]).collect();
    assert_eq!(named, ["Patient/a", "Observation/oa/_history/1"]);
    assert_eq!(references(event), Vec::<&str>::new());

    let there = events(&south.admin, "patient=Patient/a&subtype=search-type").await;
    for request in ["listed", "asked"] {
        let event = there.iter().find(|it| is_of(it, request)).unwrap_or_else(|| panic!("{request}: {there:#?}"));
        let agent = &event["agent"][0];
        assert_eq!(agent["altId"], format!("tenant:{}/doctor", north.tenant), "{request}");
        assert!(agent["network"]["address"].is_string(), "{request}: {agent}");
        assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "TREAT", "{request}");
        // A user of another tenant is none of this one's.
        assert!(agent["who"].get("reference").is_none(), "{request}: {agent}");
    }
    assert_eq!(events(&south.admin, "agent=Practitioner/d&subtype=search-type").await.len(), 0);
}

/// A Consent of a patient at home has nothing to say of what others share.
#[tokio::test]
async fn a_consent_at_home_does_not_switch_sharing_off() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    south.consent("a", shared_with(&north.tenant)).await;
    north.consent("b", all_denied()).await;
    let doctor = north.holder("doctor", "user/*.rs");
    let asked = format!("$shared?tenant={}&patient=a&query=Observation", south.tenant);
    assert_eq!(doctor.page(&asked).await.ids(), ["oa"]);
    // Who was granted one patient's records is told of no others.
    let narrow = north.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    for path in [asked, format!("$shared?tenant={}", south.tenant)] {
        narrow.get(&path).await.expect_outcome(403..=403);
    }
}

/// Patient `a` has observations of some codes and days, and a condition; and so has `b`.
async fn records(clinic: &Clinic) {
    for patient in ["a", "b"] {
        let subject = json!({ "reference": format!("Patient/{patient}") });
        for (id, code, day) in [("old", "x", "2001-05-05"), ("new", "x", "2024-05-05"), ("other", "y", "2024-05-05")] {
            let id = format!("{patient}{id}");
            let performer = json!([{ "reference": "Practitioner/d" }]);
            let mut measured = json!({ "id": id, "subject": subject, "effectiveDateTime": day });
            if code == "y" {
                measured["performer"] = performer;
            }
            clinic.admin.put(&format!("Observation/{id}"), &with(observation(code), measured)).await.expect(201);
        }
        let report = json!({
            "resourceType": "DiagnosticReport", "id": format!("{patient}report"), "status": "final", "subject": subject,
            "code": { "text": "report" }, "effectiveDateTime": "2024-05-05",
            "result": [{ "reference": format!("Observation/{patient}other") }]
        });
        clinic.admin.put(&format!("DiagnosticReport/{patient}report"), &report).await.expect(201);
    }
}

/// What a doctor elsewhere sees of patient `a`.
async fn seen(doctor: &Client, south: &Clinic) -> Vec<String> {
    let asked = |query: &str| format!("$shared?tenant={}&patient=a&query={query}", south.tenant);
    let mut seen = Vec::new();
    for of in ["Patient", "Observation", "DiagnosticReport"] {
        let answer = doctor.get(&asked(&format!("{of}%3F_sort=_id"))).await;
        if answer.status == 200 {
            let found = Bundle(answer.json());
            assert!(found.ids().iter().all(|it| it.starts_with('a') || it == "oa"), "{:?}", found.ids());
            seen.extend(found.ids());
        }
    }
    for id in ["anew", "aold", "aother", "bnew", "bold"] {
        let status = doctor.get(&asked(&format!("Observation%2F{id}"))).await.status;
        assert_eq!(status == 200, seen.iter().any(|it| it == id), "{id} {status}");
    }
    seen
}

/// Consent.provision of what is shared says what it says to anybody: dataPeriod, data, exceptions, classes and codes.
#[tokio::test]
async fn a_provision_shares_what_it_permits() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    records(&south).await;
    let doctor = north.holder("doctor", "user/*.rs");
    let data = |meaning: &str, to: &str| json!([{ "meaning": meaning, "reference": { "reference": to } }]);
    let code = |code: &str| json!([{ "coding": [{ "system": "http://loinc.org", "code": code }] }]);
    let class = |of: &str| json!([{ "system": "http://hl7.org/fhir/resource-types", "code": of }]);
    let all: &[&str] = &["a", "anew", "aold", "aother", "oa", "areport"];
    let elsewhere = json!([{ "role": receives(), "reference": { "reference": "Practitioner/d" } }]);
    let here = shared_with(&north.tenant)["actor"].clone();
    for (said, expected) in [
        (json!({}), all),
        (json!({ "dataPeriod": { "start": "2020-01-01" } }), &["anew", "aother", "areport"]),
        (json!({ "dataPeriod": { "end": "2020-01-01" } }), &["aold"]),
        (json!({ "data": data("instance", "Observation/aold") }), &["aold"]),
        (json!({ "data": data("dependents", "Observation/aother") }), &["aother", "areport"]),
        (json!({ "data": data("authoredby", "Practitioner/d") }), &["aother"]),
        (json!({ "data": data("related", "Observation/aold") }), &[]),
        (json!({ "class": class("Observation"), "code": code("x") }), &["anew", "aold", "oa"]),
        (json!({ "class": class("Observation"), "provision": [{ "type": "deny", "code": code("x") }] }), &["aother"]),
        // What is made of what is not shared.
        (json!({ "provision": [{ "type": "deny", "code": code("y") }] }), &["a", "anew", "aold", "oa"]),
        (
            json!({ "provision": [{ "type": "deny", "class": class("Observation"), "provision": [{ "type": "permit", "code": code("y") }] }] }),
            &["a", "aother", "areport"],
        ),
        (json!({ "provision": [{ "type": "deny", "actor": here }] }), &[]),
        (json!({ "provision": [{ "type": "deny", "actor": elsewhere }] }), all),
        (json!({ "provision": [{ "type": "deny", "class": [{ "system": "urn:unknown", "code": "x" }] }] }), &[]),
        (json!({ "provision": [{ "type": "deny", "code": code("x"), "period": { "end": "2020-01-01" } }] }), all),
        (
            json!({ "securityLabel": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N" }] }),
            all,
        ),
        (
            json!({ "securityLabel": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "L" }] }),
            &[],
        ),
    ] {
        south.consent("a", with(shared_with(&north.tenant), said.clone())).await;
        assert_eq!(seen(&doctor, &south).await, expected, "{said}");
    }
    // The root has no type, says R4: then its exceptions permit.
    let mut root = shared_with(&north.tenant);
    root.as_object_mut().unwrap().remove("type");
    for (exceptions, expected) in [
        (json!([{ "type": "permit", "code": code("y") }]), &["aother"][..]),
        (json!([{ "type": "deny", "code": code("y") }]), &[]),
    ] {
        south.consent("a", with(root.clone(), json!({ "provision": exceptions }))).await;
        assert_eq!(seen(&doctor, &south).await, expected, "{exceptions}");
    }
}

/// provision.actor.role: who is named otherwise than as a receiver has nothing, and is told so; nor has anybody what is permitted to all
/// who are here.
#[tokio::test]
async fn nobody_elsewhere_has_what_is_not_shared_with_them() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    records(&south).await;
    let doctor = north.holder("doctor", "user/*.rs");
    for of in [role("CST"), role("AUT"), json!({ "text": "r" })] {
        let mut shared = shared_with(&north.tenant);
        shared["actor"][0]["role"] = of.clone();
        south.consent("a", shared).await;
        assert_eq!(seen(&doctor, &south).await, Vec::<String>::new(), "{of}");
        let listed = doctor.get(&format!("$shared?tenant={}", south.tenant)).await.expect(200).json();
        let reason = listed["parameter"][0]["part"][2]["valueString"].as_str().expect("a reason");
        assert!(reason.contains("role"), "{reason}");
    }
    // One patient shares a little; what others permit to all, or this one to others, is not shared.
    let class = json!([{ "system": "http://hl7.org/fhir/resource-types", "code": "Patient" }]);
    south.consent("a", with(shared_with(&north.tenant), json!({ "class": class }))).await;
    south.consent("b", json!({ "type": "permit" })).await;
    let everybody = with(consent("a", json!({ "type": "permit" })), json!({ "id": "everybody" }));
    south.admin.put("Consent/everybody", &everybody).await.expect(201);
    assert_eq!(seen(&doctor, &south).await, ["a"]);
    // Two consents that share, share both; one that denies goes first.
    let observations = json!([{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }]);
    let second =
        with(shared_with(&north.tenant), json!({ "class": observations, "dataPeriod": { "end": "2020-01-01" } }));
    south.admin.put("Consent/everybody", &with(consent("a", second), json!({ "id": "everybody" }))).await.expect(200);
    assert_eq!(seen(&doctor, &south).await, ["a", "aold"]);
    let denied = with(consent("a", all_denied()), json!({ "id": "denied" }));
    south.admin.put("Consent/denied", &denied).await.expect(201);
    assert_eq!(seen(&doctor, &south).await, Vec::<String>::new());
}
