//! Roles in several clinics of a tenant: a person acts in one at a time, and switches.

use crate::smart::place::{Browser, Place, text, told, told_app};
use conformance_tests::Client;
use serde_json::{Value, json};

const SCOPE: &str = "user/*.cruds";

/// Lets an app in where the user acts; the token endpoint's answer.
async fn let_in(place: &Place<'_>, browser: &mut Browser<'_>, app: &str) -> Value {
    let consent = browser.ask(&place.asked(app, SCOPE)).await.expect(200);
    let answer = browser.submit(&consent, "authorize", &[("action", "allow")]).await.expect(303);
    place.redeem(app, told(&told_app(&answer), "code").unwrap()).await.expect(200).json()
}

/// Whether somebody may prescribe.
async fn prescribes(client: &Client) -> bool {
    let order = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": { "text": "Salt" }, "subject": { "display": "A patient" },
    });
    client.post("MedicationRequest", &order).await.status == 201
}

#[tokio::test]
async fn a_person_acts_in_one_clinic_and_switches() {
    let Some(place) = Place::new() else { return };
    let clinic = format!(
        "Organization/{}",
        place.admin.create(&json!({ "resourceType": "Organization", "name": "Clinic" })).await
    );
    let ward =
        format!("Location/{}", place.admin.create(&json!({ "resourceType": "Location", "name": "Ward <1>" })).await);
    let id = place.admin.create(&json!({ "resourceType": "Practitioner", "name": [{ "text": "Ana" }] })).await;
    let (doctor, manager) = (format!("doctor@{clinic}"), format!("manager@{ward}"));
    let person = place.person_with(&format!("Practitioner/{id}"), &["--role", &doctor, "--role", &manager]);
    let app = place.app(SCOPE);

    // The app asks; the person is asked where before anything is granted.
    let mut browser = Browser::new(&place);
    let sent = browser.ask_as(&person, &place.asked(&app, SCOPE)).await.expect(303);
    let page = browser.get(sent.needed_header("location")).await.expect(200);
    assert!(page.text().contains("Act in Clinic") && page.text().contains("Act in Ward &lt;1&gt;"), "{}", page.text());
    let elsewhere = browser.submit(&page, "clinics", &[("action", "act"), ("place", "Location/elsewhere")]).await;
    elsewhere.expect(404);
    let chosen = browser.submit(&page, "clinics", &[("action", "act"), ("place", &clinic)]).await.expect(303);
    assert!(chosen.needed_header("location").contains("/authorize?"));
    let first = let_in(&place, &mut browser, &app).await;
    assert!(first["fhirContext"][0]["reference"] == *clinic, "{first}");
    let there = place.with(Some(&text(&first, "access_token")));
    assert!(prescribes(&there).await);
    there.get("Device").await.expect(200);
    there.delete("Schedule/x").await.expect_outcome(403..=403);

    // What is granted after the switch acts in the other place; what was granted before goes on in its own.
    let page = browser.get("clinics").await.expect(200);
    assert!(page.text().contains("You act in Clinic"), "{}", page.text());
    browser.submit(&page, "clinics", &[("action", "act"), ("place", &ward)]).await.expect(303);
    let second = let_in(&place, &mut browser, &app).await;
    let here = place.with(Some(&text(&second, "access_token")));
    assert!(second["fhirContext"][0]["reference"] == *ward && !prescribes(&here).await, "{second}");
    here.delete("Schedule/x").await.expect_in(204..=404);
    assert!(prescribes(&there).await);

    // A role that is taken in one place holds there no longer.
    place.program.succeed(&["user", "roles", "--tenant", &place.tenant, &person.name, "--role", &manager]);
    super::soon().await;
    assert!(!prescribes(&there).await);
    here.delete("Schedule/x").await.expect_in(204..=404);
}
