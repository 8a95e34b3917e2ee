//! `launch/encounter` in a standalone launch (SMART App Launch 2.2, scopes-and-launch-context.html): the user chooses one of the
//! patient's encounters, or none.

use super::place::{Browser, Person, Place, text, told_app};
use conformance_tests::Answer;
use serde_json::{Value, json};

const SCOPE: &str = "launch/patient launch/encounter patient/*.rs";

async fn encounter(place: &Place<'_>, patient: &str, start: &str) -> String {
    let encounter = json!({"resourceType": "Encounter", "status": "finished", "period": {"start": start},
        "subject": {"reference": format!("Patient/{patient}")},
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB", "display": "ambulatory"}});
    place.admin.create(&encounter).await
}

/// Goes on to the page behind the choice of a patient.
async fn chosen(browser: &mut Browser<'_>, person: &Person, asked: &[(&'static str, String)], patient: &str) -> Answer {
    let page = browser.ask_as(person, asked).await.expect(200);
    browser.submit(&page, "authorize", &[("action", "choose"), ("patient", patient)]).await.expect(200)
}

async fn allowed(place: &Place<'_>, app: &str, browser: &mut Browser<'_>, page: &Answer) -> Value {
    let answer = browser.submit(page, "authorize", &[("action", "allow")]).await.expect(303);
    let told = told_app(&answer);
    let code = super::place::told(&told, "code").expect("a code");
    place.redeem(app, code).await.expect(200).json()
}

/// The encounters are the patient's, the last first; what is chosen comes with the token.
#[tokio::test]
async fn one_of_the_patients_encounters_is_chosen() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let old = encounter(&place, &mine, "2025-01-02T10:00:00Z").await;
    let new = encounter(&place, &mine, "2026-01-02T10:00:00Z").await;
    let strange = encounter(&place, &other, "2026-01-02T10:00:00Z").await;
    let (app, person) = (place.app(SCOPE), place.practitioner().await);
    let asked = place.asked(&app, SCOPE);
    let mut browser = Browser::new(&place);
    let page = chosen(&mut browser, &person, &asked, &mine).await;
    let text_of = page.text();
    let at = |id: &str| text_of.find(&format!("value=\"{id}\"")).unwrap_or_else(|| panic!("{id} is not in {text_of}"));
    assert!(at(&new) < at(&old) && !text_of.contains(&strange) && text_of.contains("ambulatory, 2026-01-02 10:00"));
    let consent = browser.submit(&page, "authorize", &[("encounter", &old)]).await.expect(200);
    assert!(consent.text().contains("ambulatory, 2025-01-02 10:00"));
    let tokens = allowed(&place, &app, &mut browser, &consent).await;
    assert_eq!([text(&tokens, "patient"), text(&tokens, "encounter")], [mine, old]);
    assert_eq!(text(&tokens, "scope"), SCOPE);

    // Another patient's is not granted, whatever a form says.
    let forged = browser.submit(&page, "authorize", &[("encounter", &strange), ("action", "allow")]).await.expect(303);
    let told = told_app(&forged);
    let tokens = place.redeem(&app, super::place::told(&told, "code").expect("a code")).await.expect(200).json();
    assert!(tokens.get("encounter").is_none() && !text(&tokens, "scope").contains("launch/encounter"));
}

/// Who chooses none, or has none to choose from, goes on without.
#[tokio::test]
async fn an_app_may_be_let_in_without_an_encounter() {
    let Some(place) = Place::new() else { return };
    let (with, without) = (place.patient("With").await, place.patient("Without").await);
    encounter(&place, &with, "2026-01-02T10:00:00Z").await;
    let (app, person) = (place.app(SCOPE), place.practitioner().await);
    let asked = place.asked(&app, SCOPE);
    for patient in [&with, &without] {
        let mut browser = Browser::new(&place);
        let mut page = chosen(&mut browser, &person, &asked, patient).await;
        assert_eq!(page.text().contains("Choose a visit"), patient == &with);
        if patient == &with {
            page = browser.submit(&page, "authorize", &[("encounter", "*")]).await.expect(200);
        }
        let tokens = allowed(&place, &app, &mut browser, &page).await;
        assert_eq!(text(&tokens, "scope"), "launch/patient patient/*.rs");
        assert!(tokens.get("encounter").is_none());
    }
}
