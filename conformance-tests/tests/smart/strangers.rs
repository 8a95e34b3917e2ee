//! Apps that registered themselves and were let in by nobody (RFC 7591 section 5, RFC 9700 section 4.11.2).

use super::place::{Browser, Place, REDIRECT, text};
use conformance_tests::{Answer, Client, Program};
use serde_json::json;

/// The id of an app that registers itself with a server that takes all.
async fn stranger(place: &Place<'_>) -> String {
    let metadata = json!({"client_name": "Stray app", "redirect_uris": [REDIRECT], "scope": "user/*.rs",
        "token_endpoint_auth_method": "none"});
    let call = Client::new(&place.issuer(), None).call("POST", "register");
    text(&call.body("application/json", metadata.to_string()).send().await.expect(201).json(), "client_id")
}

#[track_caller]
fn assert_stays(answer: Answer, code: &str) {
    let page = answer.expect(400);
    assert!(page.header("location").is_none());
    let page = page.text();
    assert!(page.contains("Stray app") && page.contains("registered itself"), "{page}");
    assert!(page.contains("href=\"https://app.example.org/back?x=1&amp;error="), "{page}");
    assert!(page.contains(&format!("error={code}&amp;")), "{page}");
}

/// No link to this server leads on to such an app, whatever is wrong with the request or whoever says no.
#[tokio::test]
async fn nobody_is_sent_on_to_a_stranger() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--registration", "open"]);
    let place = Place::of(&program, &server.root);
    let app = stranger(&place).await;
    let asked = |change: &[(&'static str, &str)]| {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| !change.iter().any(|(it, _)| it == name));
        asked.extend(change.iter().map(|(name, value)| (*name, (*value).to_owned())));
        asked
    };
    for (change, code) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("aud", "https://evil.example/"), "invalid_request"),
        (("prompt", "none"), "login_required"),
    ] {
        assert_stays(Browser::new(&place).ask(&asked(&[change])).await, code);
    }
    let person = place.practitioner().await;
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &asked(&[])).await.expect(200);
    assert_stays(browser.submit(&page, "authorize", &[("action", "deny")]).await, "access_denied");
    assert_stays(browser.ask(&asked(&[("prompt", "none")])).await, "interaction_required");
    assert_stays(browser.ask(&asked(&[("scope", "system/*.rs")])).await, "invalid_scope");
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    assert!(answer.needed_header("location").starts_with(&format!("{REDIRECT}&code=")));
}

/// Registering apps keeps nobody at the same address from signing in.
#[tokio::test]
async fn a_flood_of_registrations_locks_nobody_out() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--registration", "open"]);
    let place = Place::of(&program, &server.root);
    let mut statuses = Vec::new();
    for _ in 0..60 {
        let call = Client::new(&place.issuer(), None).call("POST", "register");
        statuses.push(call.body("application/json", "{}").send().await.status);
    }
    assert!(statuses[0] == 400 && statuses.contains(&429), "{statuses:?}");
    let person = place.practitioner().await;
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
}
