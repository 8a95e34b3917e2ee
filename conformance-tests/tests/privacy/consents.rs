//! Consents (consent.html), and the known holes around them.

use super::*;

/// consent.html: what a patient denies is hidden on every way to it, and is there again when the Consent is not.
#[tokio::test]
async fn what_a_consent_denies_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    clinic.consent("a", all_denied()).await;
    sees(&doctor, &["b", "c"]).await;
    sees(&clinic.caller("system/*.rs", &[]), &["b", "c"]).await;
    // Who gave it is not bound by it, nor who administers the tenant.
    let own = clinic.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    sees(&own, &["a"]).await;
    sees(&clinic.admin, &["a", "b", "c"]).await;
    let ended = with(consent("a", all_denied()), json!({ "status": "inactive" }));
    clinic.admin.put("Consent/ca", &ended).await.expect(200);
    sees(&doctor, &["a", "b", "c"]).await;
}

/// Consent.provision: whom, for what, when, and of what.
#[tokio::test]
async fn a_provision_is_about_what_it_says() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    let actor = |reference: &str| json!([{ "role": { "text": "r" }, "reference": { "reference": reference } }]);
    let action = |code: &str| json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code }] }]);
    let class = |code: &str| json!([{ "system": "http://hl7.org/fhir/resource-types", "code": code }]);
    let code = |code: &str| json!([{ "coding": [{ "system": "http://loinc.org", "code": code }] }]);
    let data = |meaning: &str, to: &str| json!([{ "meaning": meaning, "reference": { "reference": to } }]);
    let label =
        |code: &str| json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code }]);
    let role = json!({
        "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "Practitioner/d" },
        "organization": { "reference": "Organization/o" }
    });
    clinic
        .admin
        .put("Organization/o", &json!({ "resourceType": "Organization", "id": "o", "name": "O" }))
        .await
        .expect(201);
    clinic.admin.put("PractitionerRole/r", &role).await.expect(201);
    // Whether the patient and the observation are still seen.
    for (provision, patient, observation) in [
        (json!({ "actor": actor("Practitioner/d") }), false, false),
        (json!({ "actor": actor("Practitioner/e") }), true, true),
        (json!({ "actor": actor("Organization/o") }), false, false),
        (json!({ "actor": actor("PractitionerRole/r") }), false, false),
        (json!({ "action": action("access") }), false, false),
        (json!({ "action": action("collect") }), true, true),
        (json!({ "purpose": purpose("TREAT") }), false, false),
        (json!({ "purpose": purpose("HMARKT") }), true, true),
        (json!({ "class": class("Observation") }), true, false),
        (json!({ "class": class("Patient") }), false, true),
        (json!({ "code": code("x") }), true, false),
        (json!({ "code": code("y") }), true, true),
        (json!({ "period": { "end": "2001-01-01" } }), true, true),
        (json!({ "period": { "start": "2001-01-01" } }), false, false),
        (json!({ "dataPeriod": { "start": "2001-01-01" } }), true, false),
        (json!({ "data": data("instance", "Observation/oa") }), true, false),
        (json!({ "data": data("dependents", "Patient/a") }), false, false),
        (json!({ "data": data("authoredby", "Practitioner/d") }), true, true),
        (json!({ "securityLabel": label("R") }), true, true),
        (json!({ "securityLabel": label("N") }), false, false),
        (json!({ "provision": [{ "type": "permit", "actor": actor("Practitioner/d") }] }), true, true),
        (json!({ "provision": [{ "type": "permit", "actor": actor("Practitioner/e") }] }), false, false),
        (json!({ "provision": [{ "type": "permit", "class": class("Patient") }] }), true, false),
        (
            json!({ "provision": [{ "type": "permit", "provision": [{ "type": "deny", "code": code("x") }] }] }),
            true,
            false,
        ),
    ] {
        clinic.consent("a", with(provision.clone(), json!({ "type": "deny" }))).await;
        let status = |is_seen: bool| if is_seen { 200 } else { 404 };
        doctor.get("Patient/a").await.expect(status(patient));
        doctor.get("Observation/oa").await.expect(status(observation));
        assert_eq!(doctor.page("Patient?_id=a").await.ids().len(), usize::from(patient), "{provision}");
        assert_eq!(doctor.page("Observation?_id=oa").await.ids().len(), usize::from(observation), "{provision}");
    }
}

/// Where consent is needed, what a Consent permits is seen, and nothing else.
#[tokio::test]
async fn without_consent_nothing_is_seen_where_it_is_needed() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    let doctor = clinic.doctor();
    sees(&doctor, &[]).await;
    doctor.read("Practitioner/d").await;
    clinic.consent("a", json!({ "type": "permit" })).await;
    sees(&doctor, &["a"]).await;
    sees(&clinic.caller("patient/*.rs", &["--patient", "b", "--user", "Patient/b"]), &["b"]).await;
    // Of two consents the one that denies holds.
    let denied = with(consent("a", all_denied()), json!({ "id": "also" }));
    clinic.admin.put("Consent/also", &denied).await.expect(201);
    sees(&doctor, &[]).await;
}

/// Whoever may not see a patient's record may not change it, nor tell by a condition what is in it.
#[tokio::test]
async fn what_is_hidden_is_not_written() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.consent("a", all_denied()).await;
    let doctor = clinic.caller("user/*.cruds", &["--subject", "d", "--user", "Practitioner/d"]);
    let changed = with(patient("a"), json!({ "id": "a" }));
    doctor.put("Patient/a", &changed).await.expect(404);
    doctor.delete("Observation/oa").await.expect(204);
    clinic.admin.read("Observation/oa").await;
    let patch = json!([{ "op": "test", "path": "/birthDate", "value": "1980-01-01" }]).to_string();
    let patched = doctor.call("PATCH", "Patient/a").body("application/json-patch+json", patch).send().await;
    patched.expect(404);
    let create = doctor.call("POST", "Patient").header("if-none-exist", "identifier=urn:sample|a");
    create.json(&patient("other")).send().await.expect(201);
    for (method, url) in
        [("GET", "Patient/a"), ("GET", "Patient?_id=a"), ("PUT", "Patient/a"), ("DELETE", "Patient?_id=a")]
    {
        let mut entry = bare_entry(method, url);
        if method == "PUT" {
            entry["resource"] = changed.clone();
        }
        let answer = doctor.bundle("batch", vec![entry]).await.expect(200).text();
        assert!(!answer.contains("1980-01-01"), "{method} {url}: {answer}");
    }
    clinic.admin.read("Patient/a").await;
}

/// A body that names another tenant leads nowhere but to this one.
#[tokio::test]
async fn no_body_reaches_another_tenant() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    north.admin.put("Patient/secret", &with(patient("secret"), json!({ "id": "secret" }))).await.expect(201);
    let caller = south.caller("user/*.cruds", &["--subject", "d", "--user", "Practitioner/d"]);
    let address = north.admin.page("Patient?_id=secret").await.entries()[0]["fullUrl"].as_str().unwrap().to_owned();
    let relative = format!("../{}/Patient/secret", north.tenant);
    for url in [address.as_str(), &relative, "Patient/secret"] {
        for kind in ["batch", "transaction"] {
            let answer = caller.bundle(kind, vec![bare_entry("GET", url)]).await;
            assert!(!answer.text().contains("urn:sample"), "{kind} {url}: {}", answer.text());
        }
    }
    let subject = json!({ "subject": { "reference": address } });
    let id = caller.create(&with(observation("z"), subject)).await;
    let found = caller.page(&format!("Observation?_id={id}&_include=Observation:subject")).await;
    assert_eq!((found.ids(), found.included()), (vec![id], vec![]));
    assert_eq!(caller.page("Observation?subject:Patient.identifier=urn:sample|secret").await.ids().len(), 0);
}
