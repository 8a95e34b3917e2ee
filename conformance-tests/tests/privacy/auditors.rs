//! The audit log tells who looked at records: neither consents nor labels keep that from whoever has to know it.

use super::*;
use crate::audit::events;

/// A Consent, labels and rules of a tenant narrow records, and not the sight of the log that a role's right `audit` gives.
#[tokio::test]
async fn a_consent_keeps_the_log_from_no_auditor() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.doctor().get("Observation/oa").await.expect(200);
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    clinic
        .set(json!([
            { "name": "basePolicy", "valueCode": "deny" },
            { "name": "clearance", "part": [
                { "name": "label", "valueCoding": label }, { "name": "role", "valueCode": "doctor" }
            ] },
        ]))
        .await;
    clinic.consent("a", all_denied()).await;
    for role in ["owner", "admin"] {
        let auditor = clinic.holder(role, "user/*.cruds");
        let told = events(&auditor, "patient=Patient/a&subtype=read&altid=d").await;
        assert_eq!(told.len(), 1, "{role}");
        assert!(told[0]["entity"].to_string().contains("Patient/a"), "{role}: {told:#?}");
        assert_eq!(
            auditor.page("AuditEvent?patient=Patient/a&subtype=read&altid=d&_total=accurate").await.total(),
            Some(1)
        );
        auditor.get(&format!("AuditEvent/{}", told[0]["id"].as_str().expect("an id"))).await.expect(200);
        assert!(!auditor.page("$export-audit?_count=5").await.entries().is_empty(), "{role}");
        // The record itself stays closed.
        auditor.get("Patient/a").await.expect_outcome(404..=404);
    }
}

/// Who reads AuditEvents without the right is told of those alone whose records they may see.
#[tokio::test]
async fn without_the_right_the_log_goes_by_the_records() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.doctor().get("Observation/oa").await.expect(200);
    clinic.consent("a", all_denied()).await;
    let reader = clinic.caller("user/AuditEvent.rs", &["--subject", "e", "--user", "Practitioner/e"]);
    assert_eq!(events(&reader, "patient=Patient/a").await.len(), 0);
    reader.get("$export-audit").await.expect_outcome(403..=403);
}
