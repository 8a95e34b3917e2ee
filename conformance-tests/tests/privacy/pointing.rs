//! What is no patient's by its compartment, and tells of what is hidden: what refers to a patient anywhere, and what points at
//! what others have (Provenance, Task, List, DocumentManifest).

use super::*;

/// An id, and how it is found.
type Pointing = (&'static str, &'static str, String);

fn local(to: &str) -> Value {
    json!({ "reference": to, "display": "Secret Name" })
}

/// Resources that point at what is patient `b`'s, and one of each that points at what is `c`'s.
async fn pointing(clinic: &Clinic) -> Vec<Pointing> {
    let mut all = Vec::new();
    for id in ["b", "c"] {
        let (patient, order) = (format!("Patient/{id}"), format!("MedicationRequest/m{id}"));
        let medication = json!({
            "resourceType": "MedicationRequest", "id": format!("m{id}"), "status": "active", "intent": "order",
            "medicationCodeableConcept": { "text": "x" }, "subject": { "reference": patient }
        });
        clinic.admin.put(&order, &medication).await.expect(201);
        let observation = format!("Observation/o{id}");
        let now = "2026-11-20T08:00:00Z";
        let author = json!([{ "who": { "reference": "Practitioner/d" } }]);
        for (of, body, query) in [
            (
                "List",
                json!({ "status": "current", "mode": "working", "entry": [{ "item": local(&patient) }] }),
                format!("item={patient}"),
            ),
            (
                "List",
                json!({ "status": "current", "mode": "working", "entry": [{ "item": local(&observation) }] }),
                format!("item={observation}"),
            ),
            (
                "Task",
                json!({ "status": "requested", "intent": "order", "focus": local(&order) }),
                format!("focus={order}"),
            ),
            (
                "DocumentManifest",
                json!({ "status": "current", "content": [local(&observation)] }),
                format!("item={observation}"),
            ),
            (
                "Provenance",
                json!({ "target": [local(&observation)], "recorded": now, "agent": author }),
                format!("target={observation}"),
            ),
            (
                "Provenance",
                json!({
                    "target": [{ "reference": "Practitioner/d" }], "recorded": now, "agent": author,
                    "entity": [{ "role": "source", "what": local(&order) }]
                }),
                format!("entity={order}"),
            ),
            ("BiologicallyDerivedProduct", json!({ "collection": { "source": local(&patient) } }), String::new()),
            (
                "Device",
                json!({ "extension": [{ "url": "http://x.org/for", "valueReference": local(&patient) }] }),
                String::new(),
            ),
        ] {
            let made = clinic.admin.create(&with(json!({ "resourceType": of }), body)).await;
            all.push((of, if id == "b" { "hidden" } else { "shown" }, format!("{made}?{query}")));
        }
    }
    all
}

/// That a caller has what points at patient `c`'s records, and no way to tell what points at those of `b`.
async fn tells_nothing(client: &Client, all: &[Pointing]) {
    for (of, kind, found) in all {
        let (id, query) = found.split_once('?').unwrap();
        let is_seen = *kind == "shown";
        let status = if is_seen { 200 } else { 404 };
        for path in [format!("{of}/{id}"), format!("{of}/{id}/_history/1"), format!("{of}/{id}/_history")] {
            client.get(&path).await.expect(status);
        }
        for query in
            [format!("{of}?_id={id}"), format!("{of}?{query}&_total=accurate"), format!("{of}?{query}&_count=1")]
        {
            let page = client.page(&query).await;
            assert_eq!(page.ids().iter().any(|it| it == id), is_seen, "{query}");
            assert!(is_seen || !page.0.to_string().contains("Patient/b"), "{query}");
        }
        let total = client.page(&format!("{of}?{query}&_id={id}&_summary=count")).await.total();
        assert_eq!(total, Some(u64::from(is_seen)), "{of}?{query}");
    }
    assert_eq!(client.page("Practitioner?_has:Provenance:agent:target=Observation/ob").await.ids().len(), 0);
    assert_eq!(client.page("Practitioner?_has:Provenance:agent:target=Observation/oc").await.ids().len(), 1);
    let included = client.page("Practitioner?_revinclude=Provenance:agent").await.included().len();
    assert_eq!(included, 2);
}

/// compartmentdefinition.html tells whose a resource is by few of its references; what a patient denies is hidden with all that
/// refers to it.
#[tokio::test]
async fn what_points_at_a_denied_record_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let all = pointing(&clinic).await;
    clinic.consent("b", all_denied()).await;
    tells_nothing(&clinic.doctor(), &all).await;
    // Nor is it written by who may not see it; what points elsewhere is.
    let doctor = clinic.caller("user/*.cruds", &["--subject", "d", "--user", "Practitioner/d"]);
    let task =
        |to: &str| json!({ "resourceType": "Task", "status": "requested", "intent": "order", "focus": local(to) });
    doctor.post("Task", &task("MedicationRequest/mb")).await.expect_outcome(403..=403);
    let made = doctor.create(&task("MedicationRequest/mc")).await;
    let changed = with(task("MedicationRequest/mc"), json!({ "id": made, "status": "accepted" }));
    doctor.put(&format!("Task/{made}"), &changed).await.expect(200);
    doctor.put(&format!("Task/{made}"), &with(task("MedicationRequest/mb"), json!({ "id": made }))).await.expect(403);
    for (of, kind, found) in all.iter().filter(|it| it.0 != "AuditEvent") {
        let id = found.split_once('?').unwrap().0;
        let there = clinic.admin.read(&format!("{of}/{id}")).await;
        doctor.put(&format!("{of}/{id}"), &there).await.expect(if *kind == "shown" { 200 } else { 404 });
    }
}

/// The same of a doctor who does not treat the patient, and where consent is needed and not given.
#[tokio::test]
async fn what_points_at_another_patients_record_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let all = pointing(&clinic).await;
    clinic.limit_doctors().await;
    clinic.care_for("c").await;
    // Of a record whose Provenance names no patient it is not known whether it is one of theirs.
    let told: Vec<Pointing> =
        all.iter().filter(|it| !matches!(it.0, "Provenance" | "List" | "DocumentManifest")).cloned().collect();
    for (of, kind, found) in &told {
        let path = format!("{of}/{}", found.split_once('?').unwrap().0);
        // An extension opens nothing.
        clinic.doctor().get(&path).await.expect(if *kind == "shown" && *of != "Device" { 200 } else { 404 });
    }
    let mixed = json!({
        "resourceType": "List", "status": "current", "mode": "working", "subject": { "reference": "Patient/c" },
        "entry": [{ "item": local("Observation/ob") }]
    });
    let mixed = clinic.admin.create(&mixed).await;
    clinic.doctor().get(&format!("List/{mixed}")).await.expect(404);
}

/// security-labels.html: what points at what has a label tells of it.
#[tokio::test]
async fn what_points_at_a_labelled_resource_is_hidden() {
    let Some(clinic) = Clinic::new().await else { return };
    let all = pointing(&clinic).await;
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    for path in ["Patient/b", "Observation/ob", "MedicationRequest/mb"] {
        let mut resource = clinic.admin.read(path).await;
        resource["meta"]["security"] = json!([label]);
        clinic.admin.put(path, &resource).await.expect(200);
    }
    let clearance = json!([{ "name": "label", "valueCoding": label }, { "name": "role", "valueCode": "psychiatrist" }]);
    clinic.set(json!([{ "name": "clearance", "part": clearance }])).await;
    let pointing: Vec<Pointing> =
        all.into_iter().filter(|it| !matches!(it.0, "BiologicallyDerivedProduct" | "Device")).collect();
    tells_nothing(&clinic.doctor(), &pointing).await;
}

/// What the server says of a write by itself (provenance.html) is hidden with what was written.
#[tokio::test]
async fn a_provenance_of_the_servers_is_hidden_with_its_target() {
    let Some(clinic) = Clinic::new().await else { return };
    let provenance = json!({
        "resourceType": "Provenance", "recorded": "2026-11-20T08:00:00Z", "agent": [{ "who": { "reference": "Practitioner/d" } }]
    });
    let measured = with(observation("x"), json!({ "subject": { "reference": "Patient/a" } }));
    let sent = clinic.admin.call("POST", "Observation").header("x-provenance", &provenance.to_string()).json(&measured);
    let id = sent.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let query = format!("Provenance?target=Observation/{id}");
    let doctor = clinic.doctor();
    assert_eq!(doctor.page(&query).await.ids().len(), 1);
    clinic.consent("a", all_denied()).await;
    assert_eq!(doctor.page(&query).await.ids().len(), 0);
    assert_eq!(doctor.page(&format!("{query}&_summary=count")).await.total(), Some(0));
}
