//! What the tenant's rules and patients' Consents hide (consent.html): the known holes of this field, each as a case. Rules
//! are given as a deployment would give them, by `$privacy-settings` and by Consents.

use conformance_tests::{Bundle, Client, Program, foreign_base, program, samples::*, skipped, unique};
use serde_json::{Value, json};

/// A tenant with a doctor `d`, and patients `a`, `b` and `c`, each with an observation `oa`, `ob`, `oc` of code `x`.
struct Clinic {
    program: &'static Program,
    tenant: String,
    admin: Client,
}

impl Clinic {
    async fn new() -> Option<Clinic> {
        if foreign_base().is_some() {
            skipped("tokens are issued for the server's own program only");
            return None;
        }
        let (program, root) = program();
        let tenant = format!("privacy-{}", unique());
        program.create_tenant(&tenant);
        let base = format!("{root}/fhir/{tenant}");
        let admin = Client::new(&base, Some(program.token(&tenant, "system/*.cruds")));
        let mut entries = vec![entry("PUT", "Practitioner/d", json!({ "resourceType": "Practitioner", "id": "d" }))];
        for id in ["a", "b", "c"] {
            let patient = with(patient(id), json!({ "id": id, "birthDate": "1980-01-01" }));
            entries.push(entry("PUT", &format!("Patient/{id}"), patient));
            let subject = json!({ "reference": format!("Patient/{id}") });
            let measured = with(observation("x"), json!({ "id": format!("o{id}"), "subject": subject }));
            entries.push(entry("PUT", &format!("Observation/o{id}"), measured));
        }
        admin.bundle("transaction", entries).await.expect(200);
        Some(Clinic { program, tenant, admin })
    }

    /// A client with a token that says these things.
    fn caller(&self, scope: &str, more: &[&str]) -> Client {
        let base = ["token", "--tenant", &self.tenant, "--scope", scope];
        self.admin.with_token(Some(self.program.succeed(&[&base[..], more].concat()).trim().to_owned()))
    }

    fn doctor(&self) -> Client {
        self.caller("user/*.rs", &["--subject", "d", "--user", "Practitioner/d"])
    }

    async fn limit_doctors(&self) {
        self.set(json!([{ "name": "limitedRole", "valueCode": "doctor" }])).await;
    }

    async fn set(&self, parameters: Value) {
        let parameters = json!({ "resourceType": "Parameters", "parameter": parameters });
        self.admin.post("$privacy-settings", &parameters).await.expect(200);
        // Rules hold within two seconds, on every server.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }

    /// A care team of the doctor's for a patient.
    async fn care_for(&self, patient: &str) {
        let team = json!({
            "resourceType": "CareTeam", "id": format!("t{patient}"),
            "subject": { "reference": format!("Patient/{patient}") },
            "participant": [{ "member": { "reference": "Practitioner/d" } }]
        });
        self.admin.put(&format!("CareTeam/t{patient}"), &team).await.expect_in(200..=201);
    }

    /// A Consent of a patient.
    async fn consent(&self, patient: &str, provision: Value) {
        self.admin.put(&format!("Consent/c{patient}"), &consent(patient, provision)).await.expect_in(200..=201);
    }
}

fn consent(patient: &str, provision: Value) -> Value {
    let scope = json!([{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }]);
    json!({
        "resourceType": "Consent", "id": format!("c{patient}"), "status": "active", "scope": { "coding": scope },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "policyRule": { "text": "The clinic's rules." }, "provision": provision
    })
}

fn all_denied() -> Value {
    json!({ "type": "deny" })
}

/// That somebody sees these patients with all that is theirs, and has no way to tell of the others.
async fn sees(client: &Client, patients: &[&str]) {
    let observations: Vec<String> = patients.iter().map(|it| format!("o{it}")).collect();
    let all = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let total = Some(patients.len() as u64);
    for (query, expected) in [
        ("Patient?_sort=_id&_total=accurate", all(patients)),
        ("Patient?birthdate=1980-01-01&_sort=_id&_total=accurate", all(patients)),
        ("Patient?_has:Observation:subject:code=x&_sort=_id&_total=accurate", all(patients)),
        ("Observation?_sort=_id&_total=accurate", observations.clone()),
        ("Observation?code=x&_sort=_id&_total=accurate", observations.clone()),
        ("Observation?subject:Patient.birthdate=1980-01-01&_sort=_id&_total=accurate", observations.clone()),
        ("Observation?patient=Patient/a,Patient/b,Patient/c&_sort=_id&_total=accurate", observations.clone()),
    ] {
        let found = client.page(query).await;
        assert_eq!(found.ids(), expected, "{query}");
        assert_eq!(found.total(), total, "{query}");
        let count = client.page(&format!("{query}&_summary=count")).await;
        assert_eq!((count.total(), count.entries().len()), (total, 0), "{query}");
    }
    let names: Vec<String> = patients.iter().map(|it| format!("Patient/{it}")).collect();
    assert_eq!(client.page("Observation?_include=Observation:subject").await.included(), names);
    let revincluded: Vec<String> = patients.iter().map(|it| format!("Observation/o{it}")).collect();
    assert_eq!(client.page("Patient?_revinclude=Observation:subject").await.included(), revincluded);
    let versions = client.page("Observation/_history").await;
    assert_eq!(versions.entries().len(), patients.len());
    for id in ["a", "b", "c"] {
        let is_seen = patients.contains(&id);
        let batch = ["Patient", "Observation"].map(|of| bare_entry("GET", &format!("{of}?_id={id},o{id}"))).to_vec();
        let batch = client.bundle("batch", batch).await.expect(200).json();
        for entry in batch["entry"].as_array().unwrap() {
            assert_eq!(Bundle(entry["resource"].clone()).ids().len(), usize::from(is_seen), "{entry}");
        }
        for path in [
            format!("Patient/{id}"),
            format!("Patient/{id}/_history"),
            format!("Patient/{id}/_history/1"),
            format!("Patient/{id}/$everything"),
            format!("Observation/o{id}"),
            format!("Observation/o{id}/_history"),
            format!("Observation/o{id}/_history/1"),
        ] {
            let status = if is_seen { 200 } else { 404 };
            client.get(&path).await.expect(status);
        }
        let compartment = client.page(&format!("Patient/{id}/Observation")).await;
        assert_eq!(compartment.ids().len(), usize::from(is_seen));
    }
}

/// Doctors see the records of those patients whom they treat, where the tenant says so; what is no patient's everybody
/// sees.
#[tokio::test]
async fn doctors_see_their_own_patients() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    sees(&doctor, &["a", "b", "c"]).await;
    clinic.limit_doctors().await;
    sees(&doctor, &[]).await;
    doctor.read("Practitioner/d").await;
    clinic.care_for("a").await;
    sees(&doctor, &["a"]).await;
    let visit = json!({
        "resourceType": "Appointment", "status": "booked", "start": "2026-11-20T08:00:00Z", "end": "2026-11-20T08:30:00Z",
        "participant": [
            { "actor": { "reference": "Patient/b" }, "status": "accepted" },
            { "actor": { "reference": "Practitioner/d" }, "status": "accepted" }
        ]
    });
    let visit_id = clinic.admin.create(&visit).await;
    sees(&doctor, &["a", "b"]).await;
    // Access ends with what it rests on, to what was as to what is.
    let cancelled = with(visit, json!({ "id": visit_id, "status": "cancelled" }));
    clinic.admin.put(&format!("Appointment/{visit_id}"), &cancelled).await.expect(200);
    clinic.admin.delete("CareTeam/ta").await.expect(204);
    sees(&doctor, &[]).await;
    let settings = clinic.admin.post("$privacy-settings", &json!({ "resourceType": "Parameters" })).await;
    assert_eq!(settings.expect(200).json()["parameter"][0]["valueCode"], "doctor");
}

/// A token that does not say who its user is shows no patient where users are limited.
#[tokio::test]
async fn a_missing_user_has_no_patients() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    clinic.care_for("a").await;
    for more in
        [&["--subject", "d"][..], &["--user", "Practitioner/nobody"], &["--user", "https://other.org/Practitioner/d"]]
    {
        sees(&clinic.caller("user/*.rs", more), &[]).await;
    }
    sees(&clinic.caller("system/*.rs", &[]), &["a", "b", "c"]).await;
}

/// Nobody makes themselves the doctor of a patient whom they do not treat.
#[tokio::test]
async fn nobody_takes_a_patient_by_writing() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    let doctor = clinic.caller("user/*.cruds", &["--subject", "d", "--user", "Practitioner/d"]);
    let team = json!({
        "resourceType": "CareTeam", "subject": { "reference": "Patient/a" },
        "participant": [{ "member": { "reference": "Practitioner/d" } }]
    });
    doctor.post("CareTeam", &team).await.expect_outcome(403..=403);
    doctor.bundle("transaction", vec![entry("POST", "CareTeam", team)]).await.expect_in(400..=403);
    let own = json!({ "generalPractitioner": [{ "reference": "Practitioner/d" }] });
    doctor.put("Patient/a", &with(patient("a"), with(own.clone(), json!({ "id": "a" })))).await.expect(404);
    sees(&clinic.doctor(), &[]).await;
    let mine = doctor.create(&with(patient("new"), own)).await;
    doctor.read(&format!("Patient/{mine}")).await;

    // Nor by naming them beside one of their own, or by an identifier.
    let (own, d) = (json!({ "reference": format!("Patient/{mine}") }), json!({ "reference": "Practitioner/d" }));
    let logical = json!({ "type": "Patient", "identifier": { "system": "urn:mrn", "value": "a" } });
    for subject in [json!({ "reference": "Patient/a" }), logical] {
        let referral = json!({
            "resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": subject,
            "requester": d, "performer": [own]
        });
        doctor.post("ServiceRequest", &referral).await.expect_outcome(403..=403);
    }
    let with_actors = |actors: &[&Value]| {
        let participant = |actor: &&Value| json!({ "actor": actor, "status": "accepted" });
        json!({
            "resourceType": "Appointment", "status": "proposed",
            "participant": actors.iter().map(participant).collect::<Vec<_>>()
        })
    };
    let stranger = json!({ "reference": "Patient/a" });
    doctor.post("Appointment", &with_actors(&[&d, &own, &stranger])).await.expect_outcome(403..=403);
    doctor.post("Appointment", &with_actors(&[&d, &own])).await.expect(201);
    doctor.get("Patient/a").await.expect(404);
}

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
    let purpose =
        |code: &str| json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code }]);
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

/// X-Purpose-Of-Use says what data is wanted for; an emergency is nobody's to claim.
#[tokio::test]
async fn a_purpose_is_said_in_a_header() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    let research = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HRESCH" }]);
    clinic.consent("a", json!({ "type": "deny", "purpose": research })).await;
    let asked = |purpose: &'static str| doctor.call("GET", "Patient/a").header("x-purpose-of-use", purpose).send();
    doctor.get("Patient/a").await.expect(200);
    asked("TREAT").await.expect(200);
    asked("CLINTRCH").await.expect(404);
    asked("TREAT,HRESCH").await.expect(404);
    asked("ETREAT").await.expect_outcome(403..=403);
    asked("curiosity").await.expect_outcome(400..=400);
    // What a Bundle is wanted for its entries are, too.
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [bare_entry("GET", "Patient/a")] });
    let answer = doctor.call("POST", "").header("x-purpose-of-use", "HRESCH").json(&batch).send().await.expect(200);
    assert!(answer.json()["entry"][0]["response"]["status"].as_str().unwrap().starts_with("404"));
    // For what a program wants data is not known.
    sees(&clinic.caller("system/*.rs", &[]), &["b", "c"]).await;
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

/// A page link goes on as its caller may see it when it is followed, and for nobody else.
#[tokio::test]
async fn a_page_link_does_not_outlive_access() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    for query in ["Patient?_sort=_id&_count=1", "Patient?_count=1", "Patient/_history?_count=1"] {
        let first = doctor.page(query).await;
        let next = first.link("next").expect("a next page").to_owned();
        let other = clinic.caller("user/*.rs", &["--subject", "e", "--user", "Practitioner/e"]);
        other.get(&next).await.expect_outcome(400..=400);
        for id in ["a", "b", "c"] {
            clinic.consent(id, all_denied()).await;
        }
        assert_eq!(doctor.page(&next).await.entries().len(), 0, "{query}");
        for id in ["a", "b", "c"] {
            clinic.admin.delete(&format!("Consent/c{id}")).await.expect(204);
        }
        assert_eq!(doctor.page(&next).await.entries().len(), 1, "{query}");
    }
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

async fn break_glass(client: &Client, more: Value) -> conformance_tests::Answer {
    let mut parameters = vec![
        json!({ "name": "patient", "valueId": "a" }),
        json!({ "name": "reason", "valueString": "Found unconscious, allergies unknown." }),
    ];
    for (name, value) in more.as_object().unwrap() {
        parameters.retain(|it| it["name"] != *name);
        let kind = if name == "minutes" { "valuePositiveInt" } else { "valueString" };
        parameters.push(json!({ "name": name, kind: value }));
    }
    client.post("Patient/$break-glass", &json!({ "resourceType": "Parameters", "parameter": parameters })).await
}

/// In an emergency a record is open to whoever says why, to nobody else, and somebody looks at it afterwards.
#[tokio::test]
async fn a_glass_is_broken_with_a_reason_and_reviewed() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    clinic.consent("a", all_denied()).await;
    let doctor = clinic.doctor();
    sees(&doctor, &[]).await;
    for wrong in [json!({ "reason": "urgent" }), json!({ "minutes": 100_000 })] {
        break_glass(&doctor, wrong).await.expect_outcome(400..=400);
    }
    for nobody in [clinic.caller("system/*.rs", &[]), clinic.caller("user/*.rs", &["--user", "Patient/b"])] {
        break_glass(&nobody, json!({})).await.expect_outcome(403..=403);
    }
    let broken = break_glass(&doctor, json!({ "minutes": 5 })).await.expect(200).json();
    let id = broken["parameter"][0]["valueString"].as_str().expect("an id").to_owned();
    sees(&doctor, &["a"]).await;
    sees(&clinic.caller("user/*.rs", &["--subject", "e", "--user", "Practitioner/e"]), &[]).await;
    // More than was granted it is not.
    let clerk = clinic.caller("user/Patient.rs", &["--subject", "d", "--user", "Practitioner/d"]);
    clerk.get("Observation/oa").await.expect_outcome(403..=403);

    let reviews = async |parameters: Value| {
        clinic.admin.post("$glass-reviews", &json!({ "resourceType": "Parameters", "parameter": parameters })).await
    };
    let all = json!([{ "name": "all", "valueBoolean": true }]);
    let listed = reviews(all.clone()).await.expect(200).text();
    for told in ["Practitioner/d", "Patient/a", "Found unconscious", "BTG", &id] {
        assert!(listed.contains(told), "{told}: {listed}");
    }
    let reviewed = json!([{ "name": "use", "valueString": id }, { "name": "comment", "valueString": "Justified." }]);
    reviews(reviewed.clone()).await.expect(200);
    // An app that was granted one patient's records opens no other's.
    let narrow = clinic.caller("patient/*.rs", &["--patient", "b", "--user", "Practitioner/d"]);
    break_glass(&narrow, json!({})).await.expect_outcome(403..=403);
    reviews(reviewed).await.expect_outcome(409..=409);
    assert!(reviews(all).await.expect(200).text().contains("Justified."));
    let open = clinic.admin.post("$glass-reviews", &json!({ "resourceType": "Parameters" })).await.expect(200).json();
    assert_eq!(open.get("parameter"), None);
    let list = json!({ "resourceType": "Parameters" });
    doctor.post("$glass-reviews", &list).await.expect_outcome(403..=403);
    // DICOM's code for it, on the record that was opened.
    let audited = clinic.admin.page("AuditEvent?patient=a&subtype=110127").await;
    assert_eq!(audited.ids().len(), 1);
}

/// security-labels.html: what has a label is seen by those who are cleared for it.
#[tokio::test]
async fn labels_need_a_clearance() {
    let Some(clinic) = Clinic::new().await else { return };
    let label =
        |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code });
    let clearance = |roles: &[&str]| {
        let mut parts = vec![json!({ "name": "label", "valueCoding": label("R") })];
        parts.extend(roles.iter().map(|role| json!({ "name": "role", "valueCode": role })));
        json!([{ "name": "clearance", "part": parts }])
    };
    for (id, code) in [("a", "R"), ("b", "V"), ("c", "N")] {
        for (of, id) in [("Patient", id.to_owned()), ("Observation", format!("o{id}"))] {
            let mut resource = clinic.admin.read(&format!("{of}/{id}")).await;
            resource["meta"]["security"] = json!([label(code)]);
            clinic.admin.put(&format!("{of}/{id}"), &resource).await.expect(200);
        }
    }
    let doctor = clinic.doctor();
    let seen = async |client: &Client| client.page("Observation?_sort=_id").await.ids();
    assert_eq!(seen(&doctor).await, ["oa", "ob", "oc"]);
    clinic.set(clearance(&["psychiatrist"])).await;
    assert_eq!(seen(&doctor).await, ["oc"]);
    doctor.get("Patient/b").await.expect(404);
    doctor.get("Patient/b/_history/2").await.expect(404);
    assert_eq!(doctor.page("Patient?_summary=count").await.total(), Some(1));
    let own = clinic.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    assert_eq!(seen(&own).await, ["oa"]);
    clinic.set(clearance(&[])).await;
    assert_eq!(seen(&doctor).await, ["oa", "ob", "oc"]);
}
