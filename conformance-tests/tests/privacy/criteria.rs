//! Criteria of provisions (Consent.provision.class, code, dataPeriod, data, securityLabel) and what is about the records that they are
//! about: what points at one, and what is made of some.

use super::*;

/// A resource that is about an observation: its type, and what it says.
fn about(observation: &str) -> Vec<(&'static str, Value)> {
    let to = json!({ "reference": observation, "display": "Secret Name" });
    let (day, subject) = ("2010-05-05T08:00:00Z", json!({ "reference": "Patient/b" }));
    let who = json!({ "reference": "Practitioner/d" });
    let code = json!({ "text": "about" });
    vec![
        ("Provenance", json!({ "target": [to], "recorded": day, "agent": [{ "who": who }] })),
        (
            "Provenance",
            json!({ "target": [who], "recorded": day, "agent": [{ "who": who }], "entity": [{ "role": "source", "what": to }] }),
        ),
        ("List", json!({ "status": "current", "mode": "working", "date": day, "entry": [{ "item": to }] })),
        ("Task", json!({ "status": "requested", "intent": "order", "authoredOn": day, "focus": to })),
        ("Task", json!({ "status": "requested", "intent": "order", "authoredOn": day, "for": subject, "focus": to })),
        ("DocumentManifest", json!({ "status": "current", "created": day, "content": [to] })),
        (
            "DiagnosticReport",
            json!({ "status": "final", "code": code, "subject": subject, "effectiveDateTime": day, "result": [to] }),
        ),
        (
            "Composition",
            json!({
                "status": "final", "type": code, "subject": subject, "date": day, "author": [who], "title": "About",
                "section": [{ "title": "Part", "entry": [to] }]
            }),
        ),
        (
            "Observation",
            json!({ "status": "final", "code": code, "subject": subject, "effectiveDateTime": day, "hasMember": [to] }),
        ),
    ]
}

/// Patient `b` has an observation `ob` of code `x`, labelled `R`, of 2024, and `oy` of code `y`, of 2010; with what is about each: type,
/// id, and the observation.
async fn records(clinic: &Clinic) -> Vec<(&'static str, String, &'static str)> {
    let subject = json!({ "reference": "Patient/b" });
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    let one = json!({
        "id": "ob", "subject": subject, "effectiveDateTime": "2024-05-05", "meta": { "security": [label] },
        "performer": [{ "reference": "Practitioner/e" }]
    });
    let other = json!({ "id": "oy", "subject": subject, "effectiveDateTime": "2010-05-05" });
    clinic.admin.put("Practitioner/e", &json!({ "resourceType": "Practitioner", "id": "e" })).await.expect(201);
    clinic.admin.put("Observation/ob", &with(observation("x"), one)).await.expect(200);
    clinic.admin.put("Observation/oy", &with(observation("y"), other)).await.expect(201);
    let mut all = Vec::new();
    for to in ["ob", "oy"] {
        for (of, body) in about(&format!("Observation/{to}")) {
            let made = clinic.admin.create(&with(json!({ "resourceType": of }), body)).await;
            all.push((of, made, to));
        }
    }
    all
}

fn code(code: &str) -> Value {
    json!([{ "coding": [{ "system": "http://loinc.org", "code": code }] }])
}

/// That what is about these observations is seen, and nothing tells of what is about others.
async fn sees_about(client: &Client, all: &[(&str, String, &str)], seen: &[&str], said: &Value) {
    for (of, id, to) in all {
        let is_seen = seen.contains(to);
        for path in [format!("{of}/{id}"), format!("{of}/{id}/_history/1")] {
            assert_eq!(client.get(&path).await.status, if is_seen { 200 } else { 404 }, "{path} of {to} {said}");
        }
        let found = client.page(&format!("{of}?_id={id}&_total=accurate")).await;
        assert_eq!(
            (found.ids().len(), found.total()),
            (usize::from(is_seen), Some(u64::from(is_seen))),
            "{of} of {to} {said}"
        );
    }
}

/// What is denied by what it is covers what is about it, and no more.
#[tokio::test]
async fn what_is_about_a_denied_record_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let all = records(&clinic).await;
    let doctor = clinic.doctor();
    let both: &[&str] = &["ob", "oy"];
    let (one, other, none): (&[&str], &[&str], &[&str]) = (&["ob"], &["oy"], &[]);
    let data = |meaning: &str, to: &str| json!([{ "meaning": meaning, "reference": { "reference": to } }]);
    let label = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" }]);
    for (said, seen) in [
        (json!({ "code": code("x") }), other),
        (json!({ "code": code("z") }), both),
        (json!({ "dataPeriod": { "start": "2020-01-01", "end": "2025-01-01" } }), other),
        (json!({ "data": data("instance", "Observation/ob") }), other),
        (json!({ "data": data("instance", "Observation/oy") }), one),
        (json!({ "data": data("authoredby", "Practitioner/e") }), other),
        (json!({ "data": data("dependents", "Practitioner/e") }), other),
        (json!({ "securityLabel": label }), other),
        (json!({ "actor": [{ "role": role("AUT"), "reference": { "reference": "Practitioner/e" } }] }), other),
        (json!({ "class": class("Observation") }), none),
        (json!({ "class": class("Observation"), "code": code("x") }), other),
        (json!({ "class": class("Condition"), "code": code("x") }), both),
        (json!({ "action": action("collect"), "code": code("x") }), both),
        (json!({ "data": data("related", "Observation/oy") }), none),
    ] {
        clinic.consent("b", with(said.clone(), json!({ "type": "deny" }))).await;
        sees_about(&doctor, &all, seen, &said).await;
    }
    clinic.consent("b", json!({ "type": "deny", "code": code("x") })).await;
    for (query, count) in [
        ("Practitioner?_has:Provenance:agent:target=Observation/ob", 0),
        ("Practitioner?_has:Provenance:agent:target=Observation/oy", 1),
        ("DiagnosticReport?result=Observation/ob,Observation/oy", 1),
        ("Task?focus=Observation/ob,Observation/oy&_summary=count", 0),
    ] {
        assert_eq!(doctor.page(query).await.ids().len(), count, "{query}");
    }
    assert_eq!(doctor.page("Task?focus=Observation/ob&_summary=count").await.total(), Some(0));
    // Nor is it written by who may not see it.
    let writer = clinic.caller("user/*.cruds", &["--subject", "d", "--user", "Practitioner/d"]);
    for (to, status) in [("ob", 403), ("oy", 201)] {
        let (of, body) = about(&format!("Observation/{to}")).remove(3);
        let answer = writer.post(of, &with(json!({ "resourceType": of }), body)).await;
        assert_eq!(answer.status, status, "{to}");
    }
}

fn class(of: &str) -> Value {
    json!([{ "system": "http://hl7.org/fhir/resource-types", "code": of }])
}

fn action(code: &str) -> Value {
    json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": code }] }])
}

/// Where consent is needed, what points at records is seen if these are permitted, and not because it is itself.
#[tokio::test]
async fn what_points_at_a_record_that_is_not_permitted_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    records(&clinic).await;
    let list = |to: &str| {
        let to = json!([{ "item": { "reference": format!("Observation/{to}"), "display": "Secret Name" } }]);
        let subject = json!({ "reference": "Patient/b" });
        json!({ "resourceType": "List", "status": "current", "mode": "working", "subject": subject, "entry": to })
    };
    let (one, other) = (clinic.admin.create(&list("ob")).await, clinic.admin.create(&list("oy")).await);
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    let doctor = clinic.doctor();
    for (said, seen) in [
        (json!({}), (true, true)),
        (json!({ "class": class("List") }), (false, false)),
        (json!({ "provision": [{ "type": "deny", "class": class("Observation") }] }), (false, false)),
        (json!({ "provision": [{ "type": "deny", "code": code("x") }] }), (false, true)),
    ] {
        clinic.consent("b", with(said.clone(), json!({ "type": "permit" }))).await;
        for (id, is_seen) in [(&one, seen.0), (&other, seen.1)] {
            assert_eq!(doctor.get(&format!("List/{id}")).await.status, if is_seen { 200 } else { 404 }, "{said}");
            assert_eq!(doctor.page(&format!("List?_id={id}")).await.ids().len(), usize::from(is_seen), "{said}");
        }
    }
}

/// Many patients with criteria of their own: what is about records of those for whom there is no room is hidden as a whole.
#[tokio::test]
async fn many_criteria_are_held_to() {
    let Some(clinic) = Clinic::new().await else { return };
    let mut entries = Vec::new();
    for at in 0..40 {
        let (id, subject) = (format!("p{at}"), json!({ "reference": format!("Patient/p{at}") }));
        entries.push(entry("PUT", &format!("Patient/{id}"), with(patient(&id), json!({ "id": id }))));
        let measured = with(observation("x"), json!({ "id": id, "subject": subject }));
        entries.push(entry("PUT", &format!("Observation/{id}"), measured));
        let task = json!({
            "resourceType": "Task", "id": id, "status": "requested", "intent": "order",
            "focus": { "reference": format!("Observation/{id}") }
        });
        entries.push(entry("PUT", &format!("Task/{id}"), task));
        let data = json!([
            { "meaning": "instance", "reference": { "reference": format!("Observation/{id}") } },
            { "meaning": "dependents", "reference": { "reference": format!("Practitioner/{id}") } }
        ]);
        let denied = with(consent(&id, json!({ "type": "deny", "data": data })), json!({ "id": id }));
        entries.push(entry("PUT", &format!("Consent/{id}"), denied));
    }
    clinic.admin.bundle("transaction", entries).await.expect(200);
    let doctor = clinic.doctor();
    assert_eq!(doctor.page("Task?_total=accurate").await.total(), Some(0));
    assert_eq!(doctor.page("Observation?_total=accurate").await.total(), Some(3));
    doctor.get("Task/p0").await.expect(404);
    doctor.get("Task/p39").await.expect(404);
}
