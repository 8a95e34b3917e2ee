//! Pushed authorization requests (RFC 9126).

use super::place::{Browser, FORM, Place, REDIRECT, query, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conformance_tests::Answer;

/// Hands a request of a public app over.
async fn push(place: &Place<'_>, asked: &[(&'static str, String)]) -> Answer {
    let form: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, &**value)).collect();
    place.post("par", &form).await
}

fn by_name(client: &str, pushed: &Answer) -> Vec<(&'static str, String)> {
    vec![("client_id", client.to_owned()), ("request_uri", text(&pushed.json(), "request_uri"))]
}

/// Section 4: the browser brings a name, once; what was asked for shows on no page and in no address.
#[tokio::test]
async fn a_request_is_handed_over_and_used_once() {
    let Some(place) = Place::new() else { return };
    let (app, other, person) = (place.app("user/*.rs"), place.app("user/*.rs"), place.practitioner().await);
    let pushed = push(&place, &place.asked(&app, "user/*.rs")).await.expect(201);
    assert_eq!((&pushed.json()["expires_in"], pushed.needed_header("cache-control")), (&90.into(), "no-store"));
    let named = by_name(&app, &pushed);
    let name = &named[1].1;
    for wrong in [
        vec![("client_id", other.clone()), ("request_uri", name.clone())],
        vec![("client_id", app.clone()), ("request_uri", format!("{name}x"))],
        vec![("client_id", app.clone()), ("request_uri", "https://evil.example/request".into())],
        vec![("request_uri", name.clone())],
    ] {
        let answer = Browser::new(&place).ask(&wrong).await.expect(400);
        assert!(answer.header("location").is_none(), "{wrong:?}");
    }
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &named).await.expect(200);
    assert!(!page.text().contains("code_challenge") && !page.text().contains(name));
    let again = Browser::new(&place).ask(&named).await.expect(400);
    assert!(again.header("location").is_none());
    let allowed = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let location = allowed.needed_header("location");
    let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
    assert!(location.starts_with(&format!("{REDIRECT}&")) && location.contains("state=a+state+%26+more"), "{location}");
    place.redeem(&app, code).await.expect(200);
    let twice = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(400);
    assert!(twice.header("location").is_none());
}

/// What is asked for is what was handed over, whatever stands beside the name.
#[tokio::test]
async fn parameters_beside_the_name_are_not_heeded() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("user/*.cruds"), place.practitioner().await);
    let pushed = push(&place, &place.asked(&app, "user/Patient.rs")).await.expect(201);
    let mut named = by_name(&app, &pushed);
    named.push(("scope", "user/*.cruds".into()));
    named.push(("redirect_uri", "https://evil.example/".into()));
    let code = Browser::new(&place).let_in(&person, &named, None).await;
    assert_eq!(text(&place.redeem(&app, &code).await.expect(200).json(), "scope"), "user/Patient.rs");
}

/// Sections 2.1 and 2.3: the app proves who it is, and is told at once what is wrong.
#[tokio::test]
async fn what_is_handed_over_is_checked_at_once() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.rs");
    let changed = |name: &'static str, value: Option<&str>| {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(it, _)| *it != name);
        asked.extend(value.map(|it| (name, it.to_owned())));
        asked
    };
    for (asked, status, code) in [
        (changed("code_challenge", None), 400, "invalid_request"),
        (changed("code_challenge_method", Some("plain")), 400, "invalid_request"),
        (changed("redirect_uri", Some("https://evil.example/")), 400, "invalid_request"),
        (changed("response_type", Some("token")), 400, "unsupported_response_type"),
        (changed("request_uri", Some("urn:ietf:params:oauth:request_uri:x")), 400, "invalid_request"),
        (changed("client_id", Some("nobody")), 401, "invalid_client"),
        (changed("state", Some(&"x".repeat(9000))), 413, "invalid_request"),
    ] {
        let answer = push(&place, &asked).await;
        assert_eq!((answer.status, text(&answer.json(), "error")), (status, code.into()), "{asked:?}");
    }
    let (client, secret) = place.register(&["--redirect", REDIRECT, "--scope", "user/*.rs"]);
    let mut asked = place.asked(&client, "user/*.rs");
    push(&place, &asked).await.expect(401);
    asked.retain(|(name, _)| *name != "client_id");
    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{}", secret.unwrap())));
    let call = place.with(None).call("POST", &format!("{}/par", place.issuer())).header("authorization", &basic);
    let pushed = call.body(FORM, query(&asked)).send().await.expect(201);
    Browser::new(&place).ask(&by_name(&client, &pushed)).await.expect(200);
}

/// OpenID Connect Core section 3.1.2.1: prompt is heeded, and a user who was asked to sign in again has done so once.
#[tokio::test]
async fn a_prompt_is_heeded_once() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("user/*.rs"), place.practitioner().await);
    let mut asked = place.asked(&app, "user/*.rs");
    asked.push(("prompt", "login".into()));
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    let pushed = push(&place, &asked).await.expect(201);
    let page = browser.ask_as(&person, &by_name(&app, &pushed)).await.expect(200);
    assert!(page.text().contains("value=\"allow\""));
}
