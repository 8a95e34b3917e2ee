//! Step-up (RFC 9470): what administers a tenant takes a user's recent sign-in.

use super::place::{Browser, Place, text, told, told_app};
use conformance_tests::Answer;
use serde_json::{Value, json};

/// For how many seconds a sign-in is recent: much longer than one takes on a busy machine.
const RECENT: u64 = 15;

fn reset(name: &str) -> Value {
    json!({"resourceType": "Parameters", "parameter": [{"name": "username", "valueString": name}]})
}

#[track_caller]
fn assert_stale(answer: &Answer) {
    let challenge = answer.needed_header("www-authenticate");
    let max_age = format!("max_age=\"{RECENT}\"");
    assert!(
        challenge.contains("error=\"insufficient_user_authentication\"") && challenge.contains(&max_age),
        "{challenge}"
    );
}

/// Sections 3 and 5: an old sign-in is challenged, by refreshed tokens too, and a new one is what helps.
#[tokio::test]
async fn an_administrator_signs_in_again() {
    let Some(place) = Place::new() else { return };
    let scope = "openid offline_access user/*.cruds";
    let (app, admin, other) = (place.app(scope), place.practitioner().await, place.practitioner().await);
    let command = |more: &[&str]| {
        place.program.succeed(&[&["user", "administrator", "--tenant", &place.tenant, &admin.name], more].concat())
    };
    let plain = place.granted(&app, &admin, scope, None).await;
    let refused = place.with(plain["access_token"].as_str()).post("$reset-factors", &reset(&other.name)).await;
    refused.expect_outcome(403..=403);
    command(&[]);
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", &format!("{RECENT}s")]);
    let tokens = place.granted(&app, &admin, scope, None).await;
    tokio::time::sleep(std::time::Duration::from_secs(RECENT)).await;
    let stale = place.with(tokens["access_token"].as_str()).post("$reset-factors", &reset(&other.name)).await;
    assert_stale(&stale);
    stale.expect_outcome(401..=401);
    let refreshed = place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200).json();
    let client = place.with(refreshed["access_token"].as_str());
    assert_stale(&client.post("$reset-factors", &reset(&other.name)).await);
    client.get("Patient").await.expect(200);

    let mut browser = Browser::new(&place);
    let mut asked = place.asked(&app, scope);
    asked.push(("max_age", RECENT.to_string()));
    let consent = browser.ask_as(&admin, &asked).await.expect(200);
    let answer = browser.submit(&consent, "authorize", &[("action", "allow")]).await.expect(303);
    let tokens = place.redeem(&app, told(&told_app(&answer), "code").unwrap()).await.expect(200).json();
    let client = place.with(tokens["access_token"].as_str());
    client.post("$reset-factors", &reset(&other.name)).await.expect(204);
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", "5m"]);
    client.post("$reset-factors", &reset("nobody")).await.expect_outcome(400..=400);

    command(&["--revoke"]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    client.post("$reset-factors", &reset(&other.name)).await.expect_outcome(403..=403);
}

/// What acts for nobody has no sign-in to be old: the operator's tokens, and only those that may do everything.
#[tokio::test]
async fn the_operators_token_needs_no_sign_in() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    place.admin.post("$reset-factors", &reset(&person.name)).await.expect(204);
    let role = ["token", "--tenant", &place.tenant, "--scope", "user/*.cruds", "--role", "owner"];
    let token = place.program.succeed(&role);
    let client = place.with(Some(token.trim()));
    client.post("$reset-factors", &reset(&person.name)).await.expect_outcome(403..=403);
}
