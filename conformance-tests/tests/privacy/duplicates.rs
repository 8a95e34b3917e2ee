//! An identifier that a profile has unique, where it is somebody's whom the caller does not see: they are told that it is taken,
//! as nothing else would be true, and not whose it is.

use super::elements::{clinic, label};
use super::*;

/// Somebody with this number, and with a label.
fn numbered(id: &str, number: &str, code: &str) -> Value {
    let kind = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let profile = "https://medisync.dev/fhir/StructureDefinition/patient";
    json!({
        "resourceType": "Patient", "id": id, "name": [{ "family": "Okafor" }], "gender": "female",
        "meta": { "profile": [profile], "security": [label(code)] }, "telecom": [{ "system": "phone", "value": "+1 555 0171" }],
        "identifier": [{ "type": kind, "system": "urn:sample:mrn", "value": number }]
    })
}

#[tokio::test]
async fn whose_a_number_is_is_not_told() {
    let Some(clinic) = clinic().await else { return };
    let nurse = clinic.holder("nurse", "user/*.cruds");
    // No clearance is needed for the one.
    let hidden = [("labelled-one", "HIV"), ("denied-one", "ETH")];
    for (id, code) in hidden {
        clinic.admin.put(&format!("Patient/{id}"), &numbered(id, id, code)).await.expect(201);
    }
    clinic.consent("denied-one", all_denied()).await;
    for (id, _) in hidden {
        nurse.get(&format!("Patient/{id}")).await.expect(404);
        let mut other = numbered("other", id, "ETH");
        other.as_object_mut().unwrap().remove("id");
        let told = nurse.post("Patient", &other).await.expect_outcome(409..=409);
        assert_eq!(told["issue"][0]["code"], "duplicate", "{told}");
        assert!(told["issue"][0].get("expression").is_none() && !told.to_string().contains(id), "{told}");
        // Nothing is asked without being written.
        let told = nurse.post("Patient/$validate", &other).await.expect(200).json();
        assert!(!told.to_string().contains("duplicate"), "{told}");
    }
}

/// Who is limited to some patients by what they are granted, or by rules, asks for no other's number, either.
#[tokio::test]
async fn whose_a_number_is_is_not_told_to_who_sees_some_patients() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.admin.put("Patient/denied", &numbered("denied", "n-1", "ETH")).await.expect(201);
    clinic.consent("denied", all_denied()).await;
    let clerk = clinic.caller("user/*.cruds", &["--subject", "clerk", "--user", "Practitioner/d"]);
    let told = clerk.post("Patient/$validate", &numbered("other", "n-1", "ETH")).await.expect(200).json();
    assert!(!told.to_string().contains("duplicate"), "{told}");
    let told = clinic.admin.post("Patient/$validate", &numbered("other", "n-1", "ETH")).await.expect(200).json();
    assert!(told.to_string().contains("duplicate"), "{told}");
    let told = clerk.post("Patient", &numbered("other", "n-1", "ETH")).await.expect_outcome(409..=409);
    assert!(told["issue"][0].get("expression").is_none(), "{told}");
}
