//! Doctors who see their own patients only.

use super::*;

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

/// What has ended ties nobody: a care team's period, that of a part in it, that of a role; and appointments, referrals and
/// encounters of long ago, where the tenant says so.
#[tokio::test]
async fn what_has_ended_ties_nobody() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    let doctor = clinic.doctor();
    let (past, present) = (json!({ "end": "2020-01-01" }), json!({ "start": "2020-01-01" }));
    let role = |period: &Value| {
        json!({
            "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "Practitioner/d" }, "period": period
        })
    };
    let team = |member: &str, part: &Value, period: &Value| {
        json!({
            "resourceType": "CareTeam", "id": "ta", "subject": { "reference": "Patient/a" }, "period": period,
            "participant": [{ "member": { "reference": member }, "period": part }]
        })
    };
    for (member, of_role, part, period, is_seen) in [
        ("Practitioner/d", &present, &present, &present, true),
        ("Practitioner/d", &present, &past, &present, false),
        ("Practitioner/d", &present, &present, &past, false),
        ("PractitionerRole/r", &present, &present, &present, true),
        ("PractitionerRole/r", &past, &present, &present, false),
    ] {
        clinic.admin.put("PractitionerRole/r", &role(of_role)).await.expect_in(200..=201);
        clinic.admin.put("CareTeam/ta", &team(member, part, period)).await.expect_in(200..=201);
        assert_eq!(
            doctor.page("Patient?_id=a").await.ids().len(),
            usize::from(is_seen),
            "{member} {of_role} {part} {period}"
        );
    }
    clinic.admin.delete("CareTeam/ta").await.expect(204);
    let visit = |start: &str| {
        json!({
            "resourceType": "Appointment", "status": "fulfilled", "start": start, "end": start,
            "participant": [
                { "actor": { "reference": "Patient/b" }, "status": "accepted" },
                { "actor": { "reference": "Practitioner/d" }, "status": "accepted" }
            ]
        })
    };
    clinic.admin.create(&visit("2020-01-01T08:00:00Z")).await;
    sees(&doctor, &["b"]).await;
    clinic.set(json!([{ "name": "tieDays", "valueUnsignedInt": 30 }])).await;
    sees(&doctor, &[]).await;
    clinic.admin.create(&visit("2090-01-01T08:00:00Z")).await;
    sees(&doctor, &["b"]).await;
}
