//! How recently and how surely a user signed in: `prompt`, `max_age`, `acr_values` and the claims that tell of it (OpenID
//! Connect Core sections 2 and 3.1.2.1, RFC 9470).

use super::factors::{enter, set_up};
use super::introspection::introspect;
use super::launches::identity;
use super::place::{Browser, Place, REDIRECT, told, told_app};

const ONE: &str = "https://medisync.dev/acr/one-factor";
const TWO: &str = "https://medisync.dev/acr/two-factors";

/// `auth_time`, `amr` and `acr` tell of the sign-in, not of the answer; introspection tells of it too.
#[tokio::test]
async fn tokens_tell_of_the_sign_in() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs"));
    let tokens = place.granted(&app, &person, "openid user/*.rs", None).await;
    let claims = identity(&place, &tokens, &app).await;
    assert_eq!((&claims["amr"], &claims["acr"]), (&serde_json::json!(["pwd"]), &ONE.into()));
    assert!(claims["auth_time"].as_i64().unwrap() <= claims["iat"].as_i64().unwrap());
    let gateway = place.register(&["--introspection", "--scope", "user/*.rs", "--redirect", REDIRECT]);
    let said = introspect(&place, &gateway, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&said["auth_time"], &said["acr"]), (&claims["auth_time"], &ONE.into()));
    let known = place.with(None).get(&format!("{}/.well-known/openid-configuration", place.issuer())).await.json();
    assert_eq!(known["acr_values_supported"], serde_json::json!([ONE, TWO]));
}

/// An app that wants a fresh sign-in gets one; who goes on by another way is asked all the same.
#[tokio::test]
async fn a_fresh_sign_in_is_asked_for() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs"));
    let with = |name: &'static str, value: &str| {
        let mut asked = place.asked(&app, "openid user/*.rs");
        asked.push((name, value.to_owned()));
        asked
    };
    let mut browser = Browser::new(&place);
    enter(&mut browser, &person).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    for (name, value, is_asked) in
        [("max_age", "600", false), ("max_age", "1", true), ("max_age", "0", true), ("prompt", "login", true)]
    {
        let page = browser.ask(&with(name, value)).await.expect(200);
        assert_eq!(page.text().contains("type=\"password\""), is_asked, "{name}={value}");
    }
    let mut silent = with("prompt", "none");
    silent.push(("max_age", "1".into()));
    let answer = browser.ask(&silent).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("login_required"));
    let answer = browser.ask(&with("max_age", "soon")).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("invalid_request"));

    // The page after the sign-in is as strict for who comes to it without one.
    let page = browser.ask(&with("prompt", "login")).await.expect(200);
    let account = browser.get("account").await.expect(200);
    let next =
        page.text().split("name=\"next\" value=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert!(browser.get(&next).await.expect(200).text().contains("type=\"password\""));
    let request = next.strip_prefix("authorize?").unwrap();
    let allowed = browser.submit(&account, "authorize", &[("action", "allow"), ("request", request)]).await.expect(200);
    assert!(allowed.text().contains("type=\"password\""));
    let code = browser.let_in(&person, &with("max_age", "0"), None).await;
    place.redeem(&app, &code).await.expect(200);
}

/// RFC 9470 section 5: a class of two factors has who has none set one up.
#[tokio::test]
async fn a_second_factor_is_asked_for_by_an_app() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs"));
    let with = |value: &str, more: &[(&'static str, &str)]| {
        let mut asked = place.asked(&app, "openid user/*.rs");
        asked.push(("acr_values", value.to_owned()));
        asked.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        asked
    };
    let mut browser = Browser::new(&place);
    assert!(browser.ask_as(&person, &with(&format!("{TWO} {ONE}"), &[])).await.expect(200).text().contains("Allow"));
    let answer = browser.ask(&with(TWO, &[("prompt", "none")])).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("interaction_required"));
    let answer = browser.ask(&with("urn:unheard:of", &[])).await.expect(303);
    assert_eq!(told(&told_app(&answer), "error"), Some("unmet_authentication_requirements"));
    let led = browser.ask(&with(TWO, &[])).await.expect(303);
    let page = browser.get(led.needed_header("location")).await.expect(200);
    set_up(&mut browser, &page).await;
    let consent = browser.ask(&with(TWO, &[])).await.expect(200);
    let answer = browser.submit(&consent, "authorize", &[("action", "allow")]).await.expect(303);
    let tokens = place.redeem(&app, told(&told_app(&answer), "code").unwrap()).await.expect(200).json();
    let claims = identity(&place, &tokens, &app).await;
    assert_eq!((&claims["amr"], &claims["acr"]), (&serde_json::json!(["pwd", "otp", "mfa"]), &TWO.into()));
}
