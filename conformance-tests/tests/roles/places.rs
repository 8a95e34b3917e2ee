//! Roles in several clinics of a tenant: a person acts in one at a time, and switches.

use super::call;
use crate::smart::place::{Browser, Person, Place, text, told, told_app};
use conformance_tests::Client;
use serde_json::{Value, json};

const SCOPE: &str = "user/*.cruds offline_access";

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

    // What is granted after the switch acts in the other place; what was granted before acts nowhere, until it is refreshed
    // into that one.
    let page = browser.get("clinics").await.expect(200);
    assert!(page.text().contains("You act in Clinic"), "{}", page.text());
    browser.submit(&page, "clinics", &[("action", "act"), ("place", &ward)]).await.expect(303);
    let second = let_in(&place, &mut browser, &app).await;
    let here = place.with(Some(&text(&second, "access_token")));
    assert!(second["fhirContext"][0]["reference"] == *ward && !prescribes(&here).await, "{second}");
    here.delete("Schedule/x").await.expect_in(204..=404);
    super::soon().await;
    acts_nowhere(&there).await;
    let moved = place.refresh(&app, &text(&first, "refresh_token")).await.expect(200).json();
    assert!(moved["fhirContext"][0]["reference"] == *ward, "{moved}");
    for client in [&place.with(Some(&text(&moved, "access_token"))), &there] {
        assert!(!prescribes(client).await);
        client.delete("Schedule/x").await.expect_in(204..=404);
    }

    // A role that is taken in one place holds there no longer.
    place.program.succeed(&["user", "roles", "--tenant", &place.tenant, &person.name, "--role", &doctor]);
    super::soon().await;
    acts_nowhere(&here).await;
}

/// That a token is refused as one that holds no longer (RFC 6750 section 3.1).
async fn acts_nowhere(client: &Client) {
    let refused = client.get("Device").await.expect(401);
    assert!(refused.needed_header("www-authenticate").contains("invalid_token"), "{:?}", refused.headers);
}

/// An encounter in a ward, with its observation.
async fn visit(place: &Place<'_>, ward: &str) -> String {
    let visit = json!({
        "resourceType": "Encounter", "status": "finished", "class": { "code": "AMB" },
        "location": [{ "location": { "reference": ward } }],
    });
    format!("Encounter/{}", place.admin.create(&visit).await)
}

/// A client of an app that a person lets in where they act.
async fn acting(place: &Place<'_>, browser: &mut Browser<'_>, app: &str) -> Client {
    place.with(Some(&text(&let_in(place, browser, app).await, "access_token")))
}

/// That somebody reaches this and not that, on any way to it.
async fn reaches(client: &Client, seen: &str, hidden: &str) {
    client.get(seen).await.expect(200);
    for path in [
        hidden.to_owned(),
        format!("{hidden}/_history"),
        format!("{hidden}/_history/1"),
        format!("{hidden}/$everything"),
    ] {
        client.get(&path).await.expect(404);
    }
    for query in ["Encounter?_total=accurate", "Encounter?status=finished&_total=accurate"] {
        let found = client.page(query).await;
        assert_eq!((found.ids(), found.total()), (vec![seen.trim_start_matches("Encounter/").to_owned()], Some(1)));
    }
}

/// Where a role is narrowed to the place, what is in the others is out of reach, whichever browser the person chose it in.
#[tokio::test]
async fn what_is_in_another_clinic_is_out_of_reach_meanwhile() {
    let Some(place) = Place::new() else { return };
    let mut wards = Vec::new();
    for name in ["East", "West"] {
        let ward = json!({ "resourceType": "Location", "name": name });
        wards.push(format!("Location/{}", place.admin.create(&ward).await));
    }
    let [east, west] = wards.as_slice() else { panic!("two wards") };
    let (in_east, in_west) = (visit(&place, east).await, visit(&place, west).await);
    let rule = ("rule", json!("user/Encounter.rs?location={place}"));
    let given = [("name", json!("ward_nurse")), ("title", json!("Ward nurse")), rule];
    call(&place.admin, "$role-define", &given).await.expect(200);
    let id = place.admin.create(&json!({ "resourceType": "Practitioner", "name": [{ "text": "Ana" }] })).await;
    let roles = [format!("ward_nurse@{east}"), format!("ward_nurse@{west}")];
    let person: Person = place.person_with(&format!("Practitioner/{id}"), &["--role", &roles[0], "--role", &roles[1]]);
    let app = place.app(SCOPE);
    let mut browser = Browser::new(&place);
    let sent = browser.ask_as(&person, &place.asked(&app, SCOPE)).await.expect(303);
    let page = browser.get(sent.needed_header("location")).await.expect(200);
    browser.submit(&page, "clinics", &[("action", "act"), ("place", east)]).await.expect(303);
    let first = acting(&place, &mut browser, &app).await;
    reaches(&first, &in_east, &in_west).await;
    let mut another = Browser::new(&place);
    let sent = another.ask_as(&person, &place.asked(&app, SCOPE)).await.expect(303);
    let page = another.get(sent.needed_header("location")).await.expect(200);
    another.submit(&page, "clinics", &[("action", "act"), ("place", west)]).await.expect(303);
    let second = acting(&place, &mut another, &app).await;
    reaches(&second, &in_west, &in_east).await;
    let page = browser.get("clinics").await.expect(200).text();
    assert!(page.contains("You act in West") && page.contains("Act in East"), "{page}");
    super::soon().await;
    acts_nowhere(&first).await;
    // Whoever comes back goes on there.
    let page = browser.get("clinics").await.expect(200);
    browser.submit(&page, "clinics", &[("action", "act"), ("place", east)]).await.expect(303);
    super::soon().await;
    acts_nowhere(&second).await;
    reaches(&first, &in_east, &in_west).await;
    place.program.succeed(&["user", "roles", "--tenant", &place.tenant, &person.name, "--role", &roles[1]]);
    super::soon().await;
    acts_nowhere(&first).await;
    reaches(&second, &in_west, &in_east).await;
}
