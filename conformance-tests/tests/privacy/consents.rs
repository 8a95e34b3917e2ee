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
    let actor = |reference: &str| json!([{ "role": receives(), "reference": { "reference": reference } }]);
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

/// Consent.patient may be an identifier (references.html#logical): it is held to all the same. What cannot be held to is
/// refused.
#[tokio::test]
async fn a_consent_may_name_its_patient_by_an_identifier() {
    let Some(clinic) = Clinic::new().await else { return };
    let named = |id: &str, patient: Value| with(consent("a", all_denied()), json!({ "id": id, "patient": patient }));
    let identifier = |value: &str| json!({ "identifier": { "system": "urn:mrn", "value": value } });
    for id in ["a", "b", "c"] {
        let told = json!({ "id": id, "birthDate": "1980-01-01", "identifier": [{ "system": "urn:mrn", "value": id }] });
        clinic.admin.put(&format!("Patient/{id}"), &with(patient(id), told)).await.expect(200);
    }
    let doctor = clinic.doctor();
    clinic.admin.put("Consent/one", &named("one", identifier("a"))).await.expect(201);
    doctor.get("Patient/a").await.expect(404);
    doctor.get("Observation/oa").await.expect(404);
    assert_eq!(doctor.page("Observation?_total=accurate").await.total(), Some(2));
    // Nobody has it yet; who refers to them by it is hidden, and they once they are here.
    clinic.admin.put("Consent/two", &named("two", identifier("later"))).await.expect(201);
    let subject =
        json!({ "id": "logical", "subject": { "type": "Patient", "identifier": identifier("later")["identifier"] } });
    clinic.admin.put("Observation/logical", &with(observation("x"), subject)).await.expect(201);
    doctor.get("Observation/logical").await.expect(404);
    let later = json!({ "id": "later", "identifier": [{ "system": "urn:mrn", "value": "later" }] });
    clinic.admin.put("Patient/later", &with(patient("later"), later)).await.expect(201);
    doctor.get("Patient/later").await.expect(404);
    for patient in [json!({ "display": "Secret Name" }), json!({ "identifier": { "system": "urn:mrn" } })] {
        let refused =
            clinic.admin.put("Consent/three", &named("three", patient.clone())).await.expect_outcome(422..=422);
        assert!(!refused.to_string().contains("Secret"), "{refused}");
        let draft = with(named("three", patient), json!({ "status": "draft" }));
        clinic.admin.put("Consent/three", &draft).await.expect_in(200..=201);
    }
}

/// Consent.provision.code: a code may stand in what a resource refers to in place of one, or contains.
#[tokio::test]
async fn a_denied_code_is_denied_wherever_it_stands() {
    let Some(clinic) = Clinic::new().await else { return };
    let concept = |code: &str| json!({ "coding": [{ "system": "http://loinc.org", "code": code }] });
    for code in ["x", "y"] {
        let drug = json!({ "resourceType": "Medication", "id": format!("drug-{code}"), "code": concept(code) });
        clinic.admin.put(&format!("Medication/drug-{code}"), &drug).await.expect(201);
        let problem = json!({
            "resourceType": "Condition", "id": format!("problem-{code}"), "code": concept(code),
            "subject": { "reference": "Patient/b" }
        });
        clinic.admin.put(&format!("Condition/problem-{code}"), &problem).await.expect(201);
    }
    let order = |more: Value| {
        let base = json!({
            "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": { "reference": "Patient/a" }
        });
        with(base, more)
    };
    let contained = |code: &str| {
        let drug = json!([{ "resourceType": "Medication", "id": "m", "code": concept(code) }]);
        json!({ "contained": drug, "medicationReference": { "reference": "#m" } })
    };
    let mut made = Vec::new();
    for (more, is_seen) in [
        (json!({ "medicationReference": { "reference": "Medication/drug-x" } }), false),
        (json!({ "medicationReference": { "reference": "Medication/drug-y" } }), true),
        (contained("x"), false),
        (contained("y"), true),
        // What it is cannot be told.
        (json!({ "medicationReference": { "display": "x" } }), false),
        (json!({ "medicationReference": { "reference": "Medication/gone" } }), false),
        (json!({ "medicationCodeableConcept": concept("y") }), true),
        (
            json!({ "medicationCodeableConcept": concept("y"), "reasonReference": [{ "reference": "Condition/problem-x" }] }),
            false,
        ),
        (
            json!({ "medicationCodeableConcept": concept("y"), "reasonReference": [{ "reference": "Condition/problem-y" }] }),
            true,
        ),
    ] {
        made.push((clinic.admin.create(&order(more.clone())).await, more, is_seen));
    }
    clinic.consent("a", json!({ "type": "deny", "code": [concept("x")] })).await;
    let doctor = clinic.doctor();
    for (id, more, is_seen) in made {
        for path in [format!("MedicationRequest/{id}"), format!("MedicationRequest/{id}/_history/1")] {
            let answer = doctor.get(&path).await;
            assert_eq!(answer.status, if is_seen { 200 } else { 404 }, "{path} {more}");
        }
        assert_eq!(
            doctor.page(&format!("MedicationRequest?_id={id}")).await.ids().len(),
            usize::from(is_seen),
            "{more}"
        );
    }
}

/// provision.actor: an organization is also those that are part of it; where it cannot be told which those are, they may be.
#[tokio::test]
async fn an_organization_is_its_parts_too() {
    let Some(clinic) = Clinic::new().await else { return };
    let organization =
        |id: &str, more: Value| with(json!({ "resourceType": "Organization", "id": id, "name": id }), more);
    let part_of = |id: &str| json!({ "partOf": { "reference": format!("Organization/{id}") } });
    let role = json!({
        "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "Practitioner/d" },
        "organization": { "reference": "Organization/ward" }
    });
    for resource in [
        organization("trust", json!({})),
        organization("other", json!({})),
        organization("hospital", part_of("trust")),
        organization("ward", part_of("hospital")),
        role,
    ] {
        let path = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        clinic.admin.put(&path, &resource).await.expect(201);
    }
    let doctor = clinic.doctor();
    let denied = |to: &str| {
        let to = format!("Organization/{to}");
        json!({ "type": "deny", "actor": [{ "role": receives(), "reference": { "reference": to } }] })
    };
    for (to, is_seen) in [("ward", false), ("hospital", false), ("trust", false), ("other", true)] {
        clinic.consent("a", denied(to)).await;
        assert_eq!(doctor.page("Patient?_id=a").await.ids().len(), usize::from(is_seen), "{to}");
    }
    let elsewhere = json!({ "partOf": { "display": "Somewhere" } });
    clinic.admin.put("Organization/trust", &organization("trust", elsewhere)).await.expect(200);
    assert_eq!(doctor.page("Patient?_id=a").await.ids().len(), 0);
}
