//! Who may write in one patient's record puts nothing into another's (compartmentdefinition-patient.html).

use super::*;

/// A patient answers for themselves, and names nobody else whose record the answer would be in.
#[tokio::test]
async fn a_patient_writes_into_nobody_elses_record() {
    let Some(clinic) = Clinic::new().await else { return };
    let own = clinic.caller("patient/*.cruds", &["--patient", "a", "--user", "Patient/a", "--role", "patient"]);
    let answer = |subject: &str| {
        json!({
            "resourceType": "QuestionnaireResponse", "status": "completed",
            "subject": { "reference": subject }, "author": { "reference": "Patient/a" }
        })
    };
    for foreign in ["Patient/b".to_owned(), format!("{}/Patient/b", clinic.admin.base)] {
        own.post("QuestionnaireResponse", &answer(&foreign)).await.expect_outcome(403..=403);
        let entries = vec![entry("POST", "QuestionnaireResponse", answer(&foreign))];
        own.bundle("transaction", entries).await.expect_outcome(403..=403);
    }
    let written = own.post("QuestionnaireResponse", &answer("Patient/a")).await.expect(201);
    let path = format!("QuestionnaireResponse/{}", written.id());
    let moved = with(answer("Patient/b"), json!({ "id": written.id() }));
    own.put(&path, &moved).await.expect_outcome(403..=403);
    // Whose it was already, it may stay.
    clinic.admin.put(&path, &moved).await.expect(200);
    own.put(&path, &with(moved, json!({ "status": "amended" }))).await.expect(200);
}

/// Doctors who see their own patients write in others' records as little.
#[tokio::test]
async fn a_doctor_writes_into_no_other_patients_record() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.care_for("a").await;
    clinic.limit_doctors().await;
    let doctor = clinic.holder("doctor", "user/*.cruds");
    let condition = |subject: &str, asserter: &str| {
        json!({
            "resourceType": "Condition", "code": { "text": "told" },
            "subject": { "reference": format!("Patient/{subject}") },
            "asserter": { "reference": format!("Patient/{asserter}") }
        })
    };
    doctor.post("Condition", &condition("b", "a")).await.expect_outcome(403..=403);
    doctor.post("Condition", &condition("a", "b")).await.expect_outcome(403..=403);
    let linked = json!({ "link": [{ "other": { "reference": "Patient/b" }, "type": "seealso" }] });
    doctor.post("Patient", &with(patient("new"), linked)).await.expect_outcome(403..=403);
    doctor.post("Condition", &condition("a", "a")).await.expect(201);
}
