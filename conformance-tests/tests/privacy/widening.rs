//! Nobody widens what they see by writing what access goes by.

use super::*;

/// Who takes Consents down does not put them into force: that is a right of its own.
#[tokio::test]
async fn nobody_permits_themselves() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    let receptionist = clinic.holder("receptionist", "user/*.cruds");
    let of =
        |id: &str, status: &str| with(consent("a", json!({ "type": "permit" })), json!({ "id": id, "status": status }));
    receptionist.post("Consent", &of("x", "active")).await.expect_outcome(403..=403);
    receptionist.bundle("transaction", vec![entry("POST", "Consent", of("x", "active"))]).await.expect_in(400..=403);
    let batch =
        receptionist.bundle("batch", vec![entry("POST", "Consent", of("x", "active"))]).await.expect(200).json();
    assert!(batch["entry"][0]["response"]["status"].as_str().unwrap().starts_with("403"), "{batch}");
    let draft = receptionist.post("Consent", &of("x", "proposed")).await.expect(201);
    let draft = draft.json()["id"].as_str().expect("an id").to_owned();
    receptionist.get("Patient/a").await.expect(404);
    // A program may to which Consents are granted by their name, and whoever has the right.
    clinic.caller("system/*.cud", &[]).post("Consent", &of("x", "active")).await.expect_outcome(403..=403);
    clinic.caller("system/Consent.cruds", &[]).post("Consent", &of("x", "active")).await.expect(201);
    receptionist.get("Patient/a").await.expect(200);
    let path = format!("Consent/{draft}");
    receptionist.put(&path, &of(&draft, "active")).await.expect_outcome(403..=403);
    let active = json!([{ "op": "replace", "path": "/status", "value": "active" }]).to_string();
    let patched = receptionist.call("PATCH", &path).body("application/json-patch+json", active).send().await;
    patched.expect_outcome(403..=403);
    clinic.holder("admin", "user/*.cruds").put(&path, &of(&draft, "active")).await.expect(200);
    // What is in force is not ended, either.
    receptionist.put(&path, &of(&draft, "inactive")).await.expect_outcome(403..=403);
}

/// A patient gives consent to what is theirs, and to nothing else.
#[tokio::test]
async fn a_patient_consents_for_themselves() {
    let Some(clinic) = Clinic::new().await else { return };
    let own = clinic.caller("patient/*.cruds user/Consent.cruds", &["--patient", "a", "--user", "Patient/a"]);
    let of = |patient: &str| consent(patient, all_denied());
    own.post("Consent", &of("a")).await.expect(201);
    own.post("Consent", &of("b")).await.expect_outcome(403..=403);
    clinic.doctor().get("Patient/a").await.expect(404);
    clinic.doctor().get("Patient/b").await.expect(200);
}

/// What a label hides is not shown by taking the label away, on none of the ways to do that.
#[tokio::test]
async fn nobody_takes_a_label_away() {
    let Some(clinic) = Clinic::new().await else { return };
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    for path in ["Patient/a", "Observation/oa"] {
        let mut resource = clinic.admin.read(path).await;
        resource["meta"]["security"] = json!([label]);
        clinic.admin.put(path, &resource).await.expect(200);
    }
    let nurse = clinic.holder("nurse", "user/*.cruds");
    let bare = with(patient("a"), json!({ "id": "a" }));
    nurse.put("Patient/a", &bare).await.expect_outcome(403..=403);
    nurse.put("Patient?_id=a", &bare).await.expect_outcome(403..=403);
    nurse.bundle("transaction", vec![entry("PUT", "Patient/a", bare.clone())]).await.expect_in(400..=403);
    for (path, op) in [("/meta/security", "remove"), ("/meta/security/0", "remove"), ("/meta", "remove")] {
        let patch = json!([{ "op": op, "path": path }]).to_string();
        let patched = nurse.call("PATCH", "Patient/a").body("application/json-patch+json", patch).send().await;
        patched.expect_outcome(403..=403);
    }
    let meta = |label: &Value| {
        json!({ "resourceType": "Parameters",
        "parameter": [{ "name": "meta", "valueMeta": { "security": [label] } }] })
    };
    nurse.post("Patient/a/$meta-delete", &meta(&label)).await.expect_outcome(403..=403);
    // Without a level it is of level N: one below that takes something away, too.
    let level = |code: &str| json!({ "system": label["system"], "code": code });
    nurse.post("Patient/b/$meta-add", &meta(&level("L"))).await.expect_outcome(403..=403);
    let low = with(patient("b"), json!({ "id": "b", "meta": { "security": [level("U")] } }));
    nurse.put("Patient/b", &low).await.expect_outcome(403..=403);
    nurse.post("Patient/b/$meta-add", &meta(&level("R"))).await.expect(200);
    // More may be put on it, and other things changed.
    let other = json!({ "system": "urn:labels", "code": "kept" });
    nurse.post("Patient/a/$meta-add", &meta(&other)).await.expect(200);
    let mut changed = nurse.read("Patient/a").await;
    changed["gender"] = json!("other");
    nurse.put("Patient/a", &changed).await.expect(200);
    clinic.holder("admin", "user/*.cruds").post("Patient/a/$meta-delete", &meta(&label)).await.expect(200);
}

/// http.html#delete lets an id that was deleted be brought back by an update: it is held to the labels it had, as any update is.
#[tokio::test]
async fn a_label_outlives_a_deletion() {
    let Some(clinic) = Clinic::new().await else { return };
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    let bare = clinic.admin.read("Observation/oa").await;
    let labelled = with(bare.clone(), json!({ "meta": { "security": [label] } }));
    let clerk = clinic.caller("user/*.cruds", &["--subject", "clerk"]);
    for _ in 0..2 {
        clinic.admin.put("Observation/oa", &labelled).await.expect_in(200..=201);
        clerk.delete("Observation/oa").await.expect(204);
        clerk.put("Observation/oa", &bare).await.expect_outcome(403..=403);
        clerk.bundle("transaction", vec![entry("PUT", "Observation/oa", bare.clone())]).await.expect_in(400..=403);
        clerk.put("Observation?_id=oa", &bare).await.expect_outcome(403..=403);
        clerk.put("Observation/oa", &labelled).await.expect(201);
        clerk.delete("Observation/oa").await.expect(204);
        // Whoever may take labels away may leave them out.
        clinic.admin.put("Observation/oa", &bare).await.expect(201);
    }
    // What had none comes back without.
    clerk.delete("Observation/oa").await.expect(204);
    clerk.put("Observation/oa", &bare).await.expect(201);
}

/// Nobody enters, or leaves, what a Consent names.
#[tokio::test]
async fn nobody_joins_what_others_named() {
    let Some(clinic) = Clinic::new().await else { return };
    let team = |id: &str, members: &[&str]| {
        let participant: Vec<Value> = members.iter().map(|it| json!({ "member": { "reference": it } })).collect();
        let mut team = json!({ "resourceType": "CareTeam", "id": id, "subject": { "reference": "Patient/b" } });
        team["participant"] = participant.into();
        team
    };
    let group = |members: &[&str]| {
        let member: Vec<Value> = members.iter().map(|it| json!({ "entity": { "reference": it } })).collect();
        json!({ "resourceType": "Group", "id": "g", "type": "practitioner", "actual": true, "member": member })
    };
    let role = |id: &str, practitioner: &str| {
        json!({ "resourceType": "PractitionerRole", "id": id, "practitioner": { "reference": practitioner },
            "organization": { "reference": "Organization/o" } })
    };
    let one = |id: &str| json!({ "resourceType": "Practitioner", "id": id });
    let organization = json!({ "resourceType": "Organization", "id": "o", "name": "O" });
    for (path, body) in [
        ("Organization/o", organization),
        ("Practitioner/e", one("e")),
        ("Practitioner/f", one("f")),
        ("CareTeam/t", team("t", &["Practitioner/e"])),
        ("Group/g", group(&["Practitioner/e"])),
        ("PractitionerRole/r", role("r", "Practitioner/e")),
    ] {
        clinic.admin.put(path, &body).await.expect(201);
    }
    let named = |of: &str| json!([{ "role": receives(), "reference": { "reference": of } }]);
    let permits = ["CareTeam/t", "Group/g", "Organization/o"];
    let exceptions: Vec<Value> = permits.iter().map(|it| json!({ "type": "permit", "actor": named(it) })).collect();
    clinic.consent("a", json!({ "type": "deny", "provision": exceptions })).await;
    let (nurse, admin) = (clinic.holder("nurse", "user/*.cruds"), clinic.holder("admin", "user/*.cruds"));
    nurse.get("Patient/a").await.expect(404);
    let both = ["Practitioner/e", "Practitioner/d"];
    nurse.put("CareTeam/t", &team("t", &both)).await.expect_outcome(403..=403);
    nurse.put("CareTeam/t", &team("t", &["Practitioner/e", "Organization/o"])).await.expect(200);
    admin.put("Group/g", &group(&both)).await.expect_outcome(403..=403);
    admin.put("PractitionerRole/r", &role("r", "Practitioner/d")).await.expect_outcome(403..=403);
    admin.post("PractitionerRole", &role("x", "Practitioner/d")).await.expect_outcome(403..=403);
    nurse.get("Patient/a").await.expect(404);
    // Others may be, and a new team of one's own nobody has named.
    nurse.put("CareTeam/t", &team("t", &["Practitioner/e", "Practitioner/f"])).await.expect(200);
    admin.put("Group/g", &group(&["Practitioner/e", "Practitioner/f"])).await.expect(200);
    nurse.post("CareTeam", &team("x", &both)).await.expect(201);
    clinic.admin.put("Group/g", &group(&both)).await.expect(200);
    nurse.get("Patient/a").await.expect(200);
    admin.put("Group/g", &group(&["Practitioner/e"])).await.expect_outcome(403..=403);
}

/// For whom somebody acts others say.
#[tokio::test]
async fn nobody_says_for_whom_they_act() {
    let Some(clinic) = Clinic::new().await else { return };
    let relative = |of: &str| json!({ "resourceType": "RelatedPerson", "id": "r", "patient": { "reference": of } });
    let person = |of: &str| json!({ "resourceType": "Person", "id": "p", "link": [{ "target": { "reference": of } }] });
    clinic.admin.put("RelatedPerson/r", &relative("Patient/a")).await.expect(201);
    clinic.admin.put("Person/p", &person("Patient/a")).await.expect(201);
    // For whom a RelatedPerson is, is said by whom Consents are: a colleague could be asked to say it.
    for (is, body, status) in [("RelatedPerson/r", relative("Patient/b"), 403), ("Person/p", person("Patient/b"), 200)]
    {
        let own = clinic.caller("user/*.cruds", &["--user", is, "--subject", "s"]);
        own.put(is, &body).await.expect_outcome(403..=403);
        own.delete(is).await.expect_outcome(403..=403);
        clinic.caller("user/*.cruds", &["--user", "Practitioner/d"]).put(is, &body).await.expect(status);
    }
    // A practitioner is a Person, too, who may be somebody's patient.
    clinic.admin.put("Person/p", &person("Practitioner/d")).await.expect(200);
    let clerk = clinic.holder("receptionist", "user/*.cruds");
    clerk.put("Person/p", &person("Patient/b")).await.expect_outcome(403..=403);
    clerk.post("Person", &person("Practitioner/d")).await.expect_outcome(403..=403);
}
