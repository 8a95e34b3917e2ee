//! Consent.provision.securityLabel (consent-definitions.html#Consent.provision.securityLabel) and the labels of single elements
//! (hl7.org/fhir/uv/security-label-ds4p, Inline Security Labels): a provision about a label is about the elements that have it.

use super::elements::{inline, keeps_quiet, label, labelled_patient};
use super::*;
use crate::roles::masks::is_tagged;

#[tokio::test]
async fn what_is_denied_by_a_label_is_gone_from_the_resource() {
    let Some(clinic) = Clinic::new().await else { return };
    let (doctor, writer) = (clinic.doctor(), clinic.caller("user/*.cruds", &["--user", "Practitioner/d"]));
    clinic.admin.put("Patient/a", &labelled_patient()).await.expect(200);
    assert!(doctor.get("Patient/a").await.text().contains("555-secret"));
    clinic.consent("a", json!({ "type": "deny", "securityLabel": [label("HIV")] })).await;
    for path in [
        "Patient/a",
        "Patient/a/_history",
        "Patient/a/_history/2",
        "Patient?_id=a",
        "Observation?_id=oa&_include=Observation:subject",
        "Patient/a/$everything",
    ] {
        keeps_quiet(doctor.get(path).await, path);
    }
    let seen = doctor.read("Patient/a").await;
    assert!(is_tagged(&seen) && seen["telecom"].as_array().unwrap().len() == 1, "{seen}");
    for query in ["Patient?phone=555-secret", "Patient?phone=555-0100", "Patient?birthdate=1977-07-07"] {
        let found = doctor.page(&format!("{query}&_total=accurate")).await;
        assert_eq!((found.ids(), found.total()), (Vec::new(), Some(0)), "{query}");
        assert_eq!(clinic.admin.page(query).await.ids(), ["a"], "{query}");
    }
    assert_eq!(doctor.page("Patient?birthdate=1980-01-01&_sort=_id").await.ids(), ["b", "c"]);
    writer.put("Patient/a", &labelled_patient()).await.expect_outcome(403..=403);
    let own = clinic.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    assert!(own.get("Patient/a").await.text().contains("555-secret"));

    // What is said of another label, and to another, hides nothing.
    let to = json!([{ "role": receives(), "reference": { "reference": "Practitioner/e" } }]);
    for provision in [
        json!({ "type": "deny", "securityLabel": [label("PSY")] }),
        json!({ "type": "deny", "securityLabel": [label("HIV")], "actor": to }),
        json!({ "type": "deny", "securityLabel": [label("HIV")], "provision": [{ "type": "permit", "securityLabel": [label("HIV")] }] }),
    ] {
        clinic.consent("a", provision.clone()).await;
        assert!(doctor.get("Patient/a").await.text().contains("555-secret"), "{provision}");
    }
    assert_eq!(doctor.page("Patient?phone=555-0100").await.ids(), Vec::<String>::new());
    clinic.consent("a", json!({ "type": "deny", "securityLabel": [label("PSY")] })).await;
    assert_eq!(doctor.page("Patient?phone=555-0100").await.ids(), ["a"]);
}

/// Where nothing is seen that no Consent permits, a permit of some labels shows no element that has another one.
#[tokio::test]
async fn what_is_permitted_by_a_label_is_no_more_than_that() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    let mut labelled = labelled_patient();
    labelled["meta"]["security"] = json!([label("PROCESSINLINELABEL"), label("HIV")]);
    labelled["_birthDate"] = json!({ "extension": inline("PSY") });
    clinic.admin.put("Patient/a", &labelled).await.expect(200);
    clinic.consent("a", json!({ "type": "permit", "securityLabel": [label("HIV")] })).await;
    let seen = doctor.read("Patient/a").await;
    assert!(is_tagged(&seen) && seen.get("birthDate").is_none(), "{seen}");
    assert_eq!(seen["telecom"], labelled["telecom"]);
    for query in ["Patient?birthdate=1977-07-07", "Patient?_id=a&_sort=birthdate"] {
        assert_eq!(doctor.page(query).await.ids(), Vec::<String>::new(), "{query}");
    }
    assert_eq!(doctor.page("Patient?_id=a").await.ids(), ["a"]);
    doctor.get("Observation/oa").await.expect(404);
    clinic.consent("a", json!({ "type": "permit" })).await;
    assert!(doctor.get("Patient/a").await.text().contains("1977-07-07"));
    assert_eq!(doctor.page("Patient?birthdate=1977-07-07").await.ids(), ["a"]);
}

/// Confidentiality is a water mark, of elements as well; one without a level is as its resource is.
#[tokio::test]
async fn levels_of_elements_are_a_water_mark() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    let level =
        |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code });
    let on = |code: &str| json!([{ "url": inline("")[0]["url"], "valueCoding": level(code) }]);
    let mut labelled = labelled_patient();
    labelled["telecom"][1]["extension"] = on("V");
    clinic.admin.put("Patient/a", &labelled).await.expect(200);
    clinic.consent("a", json!({ "type": "deny", "securityLabel": [level("R")] })).await;
    let seen = doctor.read("Patient/a").await;
    assert!(!seen.to_string().contains("555-secret") && seen["birthDate"] == "1977-07-07", "{seen}");
    labelled["telecom"][1]["extension"] = on("L");
    clinic.admin.put("Patient/a", &labelled).await.expect(200);
    assert_eq!(doctor.read("Patient/a").await["telecom"], labelled["telecom"]);
}

/// A change that has a provision let go of one element, and take hold of another, shows what was hidden.
#[tokio::test]
async fn no_patch_has_another_element_withheld() {
    let Some(clinic) = Clinic::new().await else { return };
    let nurse = clinic.holder("nurse", "user/*.cruds");
    let note = |text: &str, code: &str| json!({ "text": text, "extension": inline(code) });
    let made = with(
        observation("x"),
        json!({ "id": "oa", "subject": { "reference": "Patient/a" }, "effectiveDateTime": "2020-05-05",
            "note": [note("secret-note", "HIV"), note("other-note", "PSY")] }),
    );
    clinic.admin.put("Observation/oa", &made).await.expect(200);
    let denied = |code: &str, year: &str| json!({ "type": "deny", "securityLabel": [label(code)], "dataPeriod": { "start": year, "end": year } });
    clinic.consent("a", json!({ "type": "permit", "provision": [denied("HIV", "2020"), denied("PSY", "2021")] })).await;
    let seen = nurse.read("Observation/oa").await.to_string();
    assert!(!seen.contains("secret-note") && seen.contains("other-note"), "{seen}");
    let patch = json!([{ "op": "replace", "path": "/effectiveDateTime", "value": "2021-05-05" }]).to_string();
    let patched = nurse.call("PATCH", "Observation/oa").body("application/json-patch+json", patch).send().await;
    patched.expect_outcome(403..=403);
}
