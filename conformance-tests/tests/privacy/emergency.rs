//! Broken glass.

use super::*;

/// In an emergency a record is open to whoever says why, to nobody else, and somebody looks at it afterwards.
#[tokio::test]
async fn a_glass_is_broken_with_a_reason_and_reviewed() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    clinic.consent("a", all_denied()).await;
    let doctor = clinic.caller("user/*.rs", &["--subject", "d", "--user", "Practitioner/d", "--role", "doctor"]);
    sees(&doctor, &[]).await;
    for wrong in [json!({ "reason": "urgent" }), json!({ "minutes": 100_000 })] {
        break_glass(&doctor, wrong).await.expect_outcome(400..=400);
    }
    // It is a right of its own, whatever else somebody may read.
    for nobody in [
        clinic.caller("system/*.rs", &[]),
        clinic.caller("user/*.rs", &["--user", "Patient/b"]),
        clinic.doctor(),
        clinic.holder("receptionist", "user/*.rs"),
        clinic.holder("admin", "user/*.cruds"),
    ] {
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
