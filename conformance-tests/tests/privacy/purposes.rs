//! What data is wanted for: nobody claims a purpose that is not theirs.

use super::*;

/// A request for a patient with a purpose of use.
async fn asked(client: &Client, path: &str, purpose: &str) -> Answer {
    client.call("GET", path).header("x-purpose-of-use", purpose).send().await
}

/// That a purpose is refused by its name.
async fn refused(client: &Client, purpose: &str) {
    let answer = asked(client, "Practitioner/d", purpose).await;
    let told = answer.text();
    answer.expect_outcome(403..=403);
    assert!(told.contains(purpose), "{told}");
}

/// Of users the roles say what for; without any the kind of user does.
#[tokio::test]
async fn a_purpose_is_claimed_by_whom_it_is_given() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    clinic.consent("a", json!({ "type": "deny", "purpose": purpose("COC") })).await;
    doctor.get("Patient/a").await.expect(200);
    asked(&doctor, "Patient/a", "TREAT").await.expect(200);
    asked(&doctor, "Patient/a", "COC").await.expect(404);
    asked(&doctor, "Patient/a", "TREAT,COC").await.expect(404);
    for other in ["HRESCH", "HPAYMT", "PATRQT", "ETREAT", "BTG"] {
        refused(&doctor, other).await;
    }
    asked(&doctor, "Patient/a", "curiosity").await.expect_outcome(400..=400);
    for (role, own, other) in [
        ("nurse", "TREAT", "PATRQT"),
        ("receptionist", "HPAYMT", "TREAT"),
        ("billing", "COVERAGE", "HOPERAT"),
        ("staff", "PATADMIN", "TREAT"),
        ("admin", "HOPERAT", "HPAYMT"),
        ("doctor", "COC", "HOPERAT"),
    ] {
        let holder = clinic.holder(role, "user/*.rs");
        asked(&holder, "Practitioner/d", own).await.expect(200);
        refused(&holder, other).await;
    }
    // What a Bundle is wanted for its entries are, too.
    let batch = json!({ "resourceType": "Bundle", "type": "batch", "entry": [bare_entry("GET", "Patient/a")] });
    let send = |purpose: &'static str| doctor.call("POST", "").header("x-purpose-of-use", purpose).json(&batch).send();
    let answer = send("COC").await.expect(200);
    assert!(answer.json()["entry"][0]["response"]["status"].as_str().unwrap().starts_with("404"));
    send("HRESCH").await.expect_outcome(403..=403);
}

/// A patient asks for their own records, and for nobody else's by that.
#[tokio::test]
async fn a_patients_request_is_about_themselves() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    for id in ["a", "b"] {
        clinic.consent(id, json!({ "type": "permit", "purpose": purpose("PATRQT") })).await;
    }
    clinic.consent("c", json!({ "type": "permit" })).await;
    let own = clinic.caller("user/*.rs patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    asked(&own, "Patient/a", "PATRQT").await.expect(200);
    asked(&own, "Patient/b", "PATRQT").await.expect(404);
    sees(&own, &["a", "c"]).await;
    refused(&own, "TREAT").await;
    let relative = json!({ "resourceType": "RelatedPerson", "id": "r", "patient": { "reference": "Patient/a" } });
    clinic.admin.put("RelatedPerson/r", &relative).await.expect(201);
    let relative = clinic.caller("user/*.rs patient/*.rs", &["--patient", "a", "--user", "RelatedPerson/r"]);
    asked(&relative, "Patient/a", "FAMRQT").await.expect(200);
    sees(&relative, &["a", "c"]).await;
}

/// Who says nothing, and may not treat, may want any of what is theirs.
#[tokio::test]
async fn who_says_nothing_may_want_any_of_theirs() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    clinic.consent("a", json!({ "type": "permit", "purpose": purpose("HPAYMT") })).await;
    let receptionist = clinic.holder("receptionist", "user/*.rs");
    receptionist.get("Patient/a").await.expect(404);
    asked(&receptionist, "Patient/a", "HPAYMT").await.expect(200);
    clinic.holder("billing", "user/*.rs").get("Patient/a").await.expect(200);
    clinic.doctor().get("Patient/a").await.expect(404);
}

/// A program wants data for what the tenant lets it.
#[tokio::test]
async fn programs_have_the_purposes_that_the_tenant_gives_them() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.set(json!([{ "name": "basePolicy", "valueCode": "deny" }])).await;
    clinic.consent("a", json!({ "type": "permit", "purpose": purpose("HRESCH") })).await;
    clinic.consent("b", json!({ "type": "permit", "purpose": purpose("TREAT") })).await;
    let study = clinic.caller("system/*.rs", &["--subject", "study-1"]);
    refused(&study, "HRESCH").await;
    sees(&study, &[]).await;
    let given = |client: &str, purposes: &[&str]| {
        let mut parameters = vec![json!({ "name": "client", "valueString": client })];
        parameters.extend(purposes.iter().map(|it| json!({ "name": "purpose", "valueCode": it })));
        json!({ "resourceType": "Parameters", "parameter": parameters })
    };
    for wrong in [given("study-1", &["curiosity"]), given("study-1", &["BTG"])] {
        clinic.admin.post("$client-purposes", &wrong).await.expect_outcome(400..=403);
    }
    study.post("$client-purposes", &given("study-1", &["TREAT"])).await.expect_outcome(403..=403);
    let told = clinic.admin.post("$client-purposes", &given("study-1", &["HRESCH"])).await.expect(200).json();
    assert_eq!(told["parameter"][0]["part"][1]["valueCode"], "HRESCH");
    sees(&study, &["a"]).await;
    asked(&study, "Patient/a", "CLINTRCH").await.expect(200);
    refused(&study, "TREAT").await;
    // Others have none by that, nor has the same program once it is taken.
    sees(&clinic.caller("system/*.rs", &["--subject", "study-2"]), &[]).await;
    clinic.admin.post("$client-purposes", &given("study-1", &[])).await.expect(200);
    sees(&study, &[]).await;
    refused(&study, "HRESCH").await;
}
