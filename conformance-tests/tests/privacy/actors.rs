//! Consent.provision.actor.role: whether a rule is about who receives data, or about whom it is from.

use super::*;

const ROLE_CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

fn actor(role: Value, reference: &str) -> Value {
    json!({ "role": role, "reference": { "reference": reference } })
}

fn of(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

/// A clinic where patient `a` has an observation by Practitioner `e`, too.
async fn clinic() -> Option<Clinic> {
    let clinic = Clinic::new().await?;
    for id in ["e", "f"] {
        clinic
            .admin
            .put(&format!("Practitioner/{id}"), &json!({ "resourceType": "Practitioner", "id": id }))
            .await
            .expect(201);
    }
    clinic
        .admin
        .put("Organization/o", &json!({ "resourceType": "Organization", "id": "o", "name": "O" }))
        .await
        .expect(201);
    let by = json!({
        "id": "by", "subject": { "reference": "Patient/a" }, "performer": [{ "reference": "Practitioner/e" }]
    });
    clinic.admin.put("Observation/by", &with(observation("x"), by)).await.expect(201);
    Some(clinic)
}

/// What `d` sees of patient `a`.
async fn seen(doctor: &Client) -> Vec<String> {
    let mut seen = doctor.page("Patient?_id=a").await.ids();
    seen.extend(doctor.page("Observation?patient=a&_sort=_id").await.ids());
    for (path, id) in [("Patient/a", "a"), ("Observation/by", "by"), ("Observation/oa", "oa")] {
        let is_seen = seen.iter().any(|it| it == id);
        doctor.get(path).await.expect(if is_seen { 200 } else { 404 });
    }
    seen
}

const ALL: &[&str] = &["a", "by", "oa"];

/// A rule that denies: to those who receive, from those whom data is from; of a role that is not known it is for everybody.
#[tokio::test]
async fn a_denial_is_about_who_receives_or_whom_data_is_from() {
    let Some(clinic) = clinic().await else { return };
    let doctor = clinic.doctor();
    let (nothing, others): (&[&str], &[&str]) = (&[], &["a", "oa"]);
    let both = json!({ "coding": [role("IRCP")["coding"][0], role("AUT")["coding"][0]] });
    let translated = json!({ "coding": [{ "system": "urn:local", "code": "gp" }, role("PRCP")["coding"][0]] });
    for (actors, left) in [
        (json!([actor(role("IRCP"), "Practitioner/d")]), nothing),
        (json!([actor(role("PRCP"), "Practitioner/d")]), nothing),
        (json!([actor(of(ROLE_CODE, "GRANTEE"), "Practitioner/d")]), nothing),
        (json!([actor(role("IRCP"), "Practitioner/e")]), ALL),
        (json!([actor(of(ROLE_CLASS, "PROV"), "Practitioner/e")]), ALL),
        (json!([actor(translated, "Practitioner/e")]), ALL),
        // Whom it is from.
        (json!([actor(role("AUT"), "Practitioner/e")]), others),
        (json!([actor(role("INF"), "Practitioner/e")]), others),
        (json!([actor(role("AUT"), "Practitioner/d")]), ALL),
        (json!([actor(role("AUT"), "Practitioner/e"), actor(role("IRCP"), "Practitioner/f")]), others),
        (json!([actor(role("AUT"), "https://elsewhere.org/Practitioner/e")]), nothing),
        // No resource tells who keeps it.
        (json!([actor(role("CST"), "Organization/o")]), nothing),
        (json!([actor(json!({ "text": "Somebody" }), "Practitioner/e")]), nothing),
        (json!([actor(of("urn:local", "IRCP"), "Practitioner/e")]), nothing),
        (json!([actor(both, "Practitioner/e")]), nothing),
        // Who gives the consent is no condition of it.
        (json!([actor(of(ROLE_CODE, "GRANTOR"), "Patient/a")]), nothing),
        (json!([actor(of(ROLE_CODE, "GRANTOR"), "Patient/a"), actor(role("IRCP"), "Practitioner/d")]), nothing),
        (json!([actor(of(ROLE_CODE, "GRANTOR"), "Patient/a"), actor(role("IRCP"), "Practitioner/e")]), ALL),
    ] {
        clinic.consent("a", json!({ "type": "deny", "actor": actors })).await;
        assert_eq!(seen(&doctor).await, left, "{actors}");
    }
}

/// A rule that permits: to those who receive, and to nobody as soon as somebody has another part in it.
#[tokio::test]
async fn a_permission_is_about_who_receives() {
    let Some(clinic) = clinic().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    let doctor = clinic.doctor();
    let receiver = || actor(role("IRCP"), "Practitioner/d");
    for (actors, is_seen) in [
        (json!([receiver()]), true),
        (json!([actor(of(ROLE_CLASS, "PROV"), "Practitioner/d")]), true),
        (json!([receiver(), actor(of(ROLE_CODE, "GRANTOR"), "Patient/a")]), true),
        (json!([actor(role("IRCP"), "Practitioner/e")]), false),
        (json!([actor(role("AUT"), "Practitioner/d")]), false),
        (json!([actor(role("CST"), "Practitioner/d")]), false),
        (json!([actor(json!({ "text": "Somebody" }), "Practitioner/d")]), false),
        (json!([actor(of(ROLE_CODE, "GRANTOR"), "Practitioner/d")]), false),
        (json!([receiver(), actor(role("AUT"), "Practitioner/e")]), false),
        (json!([receiver(), actor(of("urn:local", "x"), "Practitioner/e")]), false),
    ] {
        clinic.consent("a", json!({ "type": "permit", "actor": actors })).await;
        let left: &[&str] = if is_seen { ALL } else { &[] };
        assert_eq!(seen(&doctor).await, left, "{actors}");
    }
}

/// extensibility.html#modifierExtension: a rule that says something by an extension that is not known denies, and does not permit.
#[tokio::test]
async fn a_rule_that_is_modified_is_not_known() {
    let Some(clinic) = clinic().await else { return };
    let doctor = clinic.doctor();
    let modified = json!([{ "url": "https://example.org/unless", "valueBoolean": true }]);
    let permit = json!({ "type": "permit", "modifierExtension": modified });
    clinic.consent("a", json!({ "type": "deny", "provision": [permit] })).await;
    assert_eq!(seen(&doctor).await, Vec::<String>::new());
    let elsewhere =
        json!({ "role": receives(), "reference": { "reference": "Practitioner/e" }, "modifierExtension": modified });
    clinic.consent("a", json!({ "type": "deny", "actor": [elsewhere] })).await;
    assert_eq!(seen(&doctor).await, Vec::<String>::new());
}
