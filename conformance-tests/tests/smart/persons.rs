//! Users who are a Person (person.html#links): whom they act as, how that is chosen, changed and ended. SMART's `fhirUser`
//! (scopes-and-launch-context.html) is whom the user acts as.

use super::introspection::introspect;
use super::launches::identity;
use super::place::{Browser, Person, Place, REDIRECT, text, told, told_app};
use conformance_tests::{Answer, Client, samples::*};
use serde_json::{Value, json};
use std::time::Duration;

const SCOPE: &str = "openid fhirUser launch/patient patient/*.rs user/*.cruds";

/// A Person who works here and is treated here, with roles for both.
struct Ana {
    person: Person,
    id: String,
    practitioner: String,
    patient: String,
}

fn linked(targets: &[(&str, &str)]) -> Value {
    let link =
        |(target, assurance): &(&str, &str)| json!({ "target": { "reference": target }, "assurance": assurance });
    let person = json!({ "resourceType": "Person", "name": [{ "text": "Ana Weiss" }] });
    match targets {
        [] => person,
        _ => with(person, json!({ "link": targets.iter().map(link).collect::<Vec<_>>() })),
    }
}

async fn ana(place: &Place<'_>) -> Ana {
    let practitioner = json!({ "resourceType": "Practitioner", "name": [{ "text": "Dr. Weiss" }] });
    let practitioner = format!("Practitioner/{}", place.admin.create(&practitioner).await);
    let patient = place.patient("Weiss").await;
    let person = linked(&[(&practitioner, "level4"), (&format!("Patient/{patient}"), "level3")]);
    let id = place.admin.create(&person).await;
    let person = place.person_with(&format!("Person/{id}"), &["--role", "doctor", "--role", "patient"]);
    Ana { person, id, practitioner, patient }
}

/// The page that asks whom to act as, which the app's request leads to.
async fn asked(browser: &mut Browser<'_>, place: &Place<'_>, app: &str, person: &Person) -> Answer {
    let sent = browser.ask_as(person, &place.asked(app, SCOPE)).await.expect(303);
    let page = browser.get(sent.needed_header("location")).await.expect(200);
    assert!(page.text().contains("Whom do you act as?"), "{}", page.text());
    page
}

/// Lets the app in with this patient, if one is asked for; the token endpoint's answer.
async fn let_in(place: &Place<'_>, browser: &mut Browser<'_>, app: &str, chosen: Option<&str>) -> Value {
    let mut page = browser.ask(&place.asked(app, SCOPE)).await.expect(200);
    if let Some(chosen) = chosen {
        page = browser.submit(&page, "authorize", &[("action", "choose"), ("patient", chosen)]).await.expect(200);
    }
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    place.redeem(app, told(&told_app(&answer), "code").expect("a code")).await.expect(200).json()
}

fn holder(place: &Place<'_>, tokens: &Value) -> Client {
    place.with(Some(&text(tokens, "access_token")))
}

/// Whether somebody may diagnose a patient.
async fn diagnoses(client: &Client, patient: &str) -> bool {
    let condition = json!({ "resourceType": "Condition", "code": { "text": "Cough" },
        "subject": { "reference": format!("Patient/{patient}") } });
    client.post("Condition", &condition).await.status == 201
}

/// One and the same Person is asked whom to act as; scopes, roles, compartment and `fhirUser` are of the one that is chosen.
#[tokio::test]
async fn a_person_chooses_whom_to_act_as() {
    let Some(place) = Place::new() else { return };
    let (ana, app, other) = (ana(&place).await, place.app(SCOPE), place.patient("Other").await);
    let mut browser = Browser::new(&place);
    let page = asked(&mut browser, &place, &app, &ana.person).await;
    assert!(page.text().contains("Act as Dr. Weiss, practitioner</button>"), "{}", page.text());
    assert!(page.text().contains("Act as Weiss, patient</button>"), "{}", page.text());
    let mut silent = place.asked(&app, SCOPE);
    silent.push(("prompt", "none".into()));
    let answer = browser.ask(&silent).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("interaction_required"));
    // Nobody else's, nobody who is not linked, and not the Person.
    for wrong in [format!("Patient/{other}"), format!("Person/{}", ana.id), "Practitioner/none".into()] {
        browser.submit(&page, "acting", &[("as", &wrong)]).await.expect(404);
    }
    let unproved = browser.submit(&page, "acting", &[("as", &*ana.practitioner), ("csrf", "")]).await;
    unproved.expect(403);

    let chosen = browser.submit(&page, "acting", &[("as", &*ana.practitioner)]).await.expect(303);
    assert!(chosen.needed_header("location").contains("/authorize?"));
    let at_work = let_in(&place, &mut browser, &app, Some(&other)).await;
    let claims = identity(&place, &at_work, &app).await;
    assert_eq!(text(&claims, "fhirUser"), format!("{}/{}", place.admin.base, ana.practitioner));
    let doctor = holder(&place, &at_work);
    assert!(diagnoses(&doctor, &other).await);
    doctor.get(&format!("Patient/{other}")).await.expect(200);
    let gateway = place.register(&["--introspection", "--scope", "user/*.rs", "--redirect", REDIRECT]);
    let said = introspect(&place, &gateway, &text(&at_work, "access_token")).await;
    assert_eq!(said["fhirUser"], claims["fhirUser"]);

    // Switched: what is granted from now on is a patient's, what was granted before goes on.
    let page = browser.get("acting").await.expect(200);
    assert!(page.text().contains("You act as Dr. Weiss, practitioner."), "{}", page.text());
    browser.submit(&page, "acting", &[("as", &format!("Patient/{}", ana.patient))]).await.expect(303);
    let at_home = let_in(&place, &mut browser, &app, None).await;
    assert_eq!(text(&at_home, "patient"), ana.patient);
    let patient = holder(&place, &at_home);
    let info = patient.get(&format!("{}/userinfo", place.issuer())).await.expect(200).json();
    assert_eq!(text(&info, "fhirUser"), format!("{}/Patient/{}", place.admin.base, ana.patient));
    assert_eq!(info["sub"], claims["sub"]);
    patient.get(&format!("Patient/{}", ana.patient)).await.expect(200);
    patient.get(&format!("Patient/{other}")).await.expect_outcome(404..=404);
    assert!(!diagnoses(&patient, &ana.patient).await && diagnoses(&doctor, &other).await);
}

/// Of one who is linked nobody asks; a link of too little assurance is none, nor is one with somebody who is not active.
#[tokio::test]
async fn who_is_one_only_is_not_asked() {
    let Some(place) = Place::new() else { return };
    let patient = place.patient("Weiss").await;
    let new = async |resource: Value| place.admin.create(&resource).await;
    let doubtful = new(json!({ "resourceType": "Practitioner" })).await;
    let inactive = new(json!({ "resourceType": "Practitioner", "active": false })).await;
    let over = json!({ "resourceType": "RelatedPerson", "period": { "end": "2020-01-01" },
        "patient": { "reference": format!("Patient/{patient}") } });
    let over = new(over).await;
    let person = linked(&[
        (&format!("Practitioner/{doubtful}"), "level2"),
        (&format!("Practitioner/{inactive}"), "level4"),
        (&format!("RelatedPerson/{over}"), "level4"),
        (&format!("Patient/{patient}"), "level4"),
    ]);
    let person = place.person(&format!("Person/{}", place.admin.create(&person).await));
    let app = place.app(SCOPE);
    let tokens = place.granted(&app, &person, SCOPE, None).await;
    assert_eq!(text(&tokens, "patient"), patient);
    let claims = identity(&place, &tokens, &app).await;
    assert_eq!(text(&claims, "fhirUser"), format!("{}/Patient/{patient}", place.admin.base));

    let nobody = place.admin.create(&linked(&[])).await;
    let nobody = place.person(&format!("Person/{nobody}"));
    let answer = Browser::new(&place).ask_as(&nobody, &place.asked(&app, SCOPE)).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("access_denied"));
}

/// A link that is ended ends what was granted by it, within two seconds, and nothing else.
#[tokio::test]
async fn an_ended_link_ends_what_was_granted_by_it() {
    let Some(place) = Place::new() else { return };
    let (ana, app) = (ana(&place).await, place.app(SCOPE));
    let patient = format!("Patient/{}", ana.patient);
    let mut browser = Browser::new(&place);
    let page = asked(&mut browser, &place, &app, &ana.person).await;
    browser.submit(&page, "acting", &[("as", &*ana.practitioner)]).await.expect(303);
    let doctor = holder(&place, &let_in(&place, &mut browser, &app, Some(&ana.patient)).await);
    let page = browser.get("acting").await.expect(200);
    browser.submit(&page, "acting", &[("as", &patient)]).await.expect(303);
    let treated = holder(&place, &let_in(&place, &mut browser, &app, None).await);
    for client in [&doctor, &treated] {
        client.get(&patient).await.expect(200);
    }
    for (links, ends) in [(vec![(&*ana.practitioner, "level1"), (&*patient, "level3")], &doctor), (vec![], &treated)] {
        let changed = with(linked(&links), json!({ "id": ana.id }));
        place.admin.put(&format!("Person/{}", ana.id), &changed).await.expect(200);
        tokio::time::sleep(Duration::from_secs(2)).await;
        ends.get(&patient).await.expect_outcome(401..=401);
        if !links.is_empty() {
            treated.get(&patient).await.expect(200);
            // Who is left need not be chosen.
            assert!(let_in(&place, &mut browser, &app, None).await["patient"] == *ana.patient);
        }
    }
}

/// consent.html: a patient's Consent that keeps somebody out keeps the one out whom they act as, and nobody else.
#[tokio::test]
async fn consents_are_about_whom_a_person_acts_as() {
    let Some(place) = Place::new() else { return };
    let new = async |name: &str| {
        let resource = json!({ "resourceType": "Practitioner", "name": [{ "text": name }] });
        format!("Practitioner/{}", place.admin.create(&resource).await)
    };
    let (kept_out, let_through) = (new("First").await, new("Second").await);
    let patient = place.patient("Private").await;
    let role = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP" }] });
    let consent = json!({
        "resourceType": "Consent", "status": "active", "policyRule": { "text": "The clinic's rules." },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "provision": { "type": "deny", "actor": [{ "role": role, "reference": { "reference": kept_out } }] }
    });
    place.admin.create(&consent).await;
    let person = linked(&[(&kept_out, "level4"), (&let_through, "level4")]);
    let person = format!("Person/{}", place.admin.create(&person).await);
    let person = place.person_with(&person, &["--role", "doctor"]);
    let app = place.app("user/*.rs");
    let mut browser = Browser::new(&place);
    let page = browser.get("acting").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    for (acts_as, status) in [(&kept_out, 404), (&let_through, 200)] {
        let page = browser.get("acting").await.expect(200);
        browser.submit(&page, "acting", &[("as", acts_as)]).await.expect(303);
        let page = browser.ask(&place.asked(&app, "user/*.rs")).await.expect(200);
        let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
        let code = told(&told_app(&answer), "code").expect("a code").to_owned();
        let client = holder(&place, &place.redeem(&app, &code).await.expect(200).json());
        client.get(&format!("Patient/{patient}")).await.expect(status);
    }
}
