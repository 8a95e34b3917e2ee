//! What RFC 9700 (security of OAuth 2.0) warns of, tried.

use super::place::{Browser, FORM, Place, REDIRECT, VERIFIER, query, text, told, told_app};
use std::time::Duration;

/// Within this time what was revoked is refused.
const REVOKED: Duration = Duration::from_secs(2);

/// RFC 6749 section 4.1.2: a code that comes twice is refused, and what it gave is revoked.
#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_gave() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs offline_access"));
    let asked = place.asked(&app, "user/*.rs offline_access");
    let code = Browser::new(&place).let_in(&person, &asked, None).await;
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    let sees = place.with(tokens["access_token"].as_str());
    sees.get("Patient").await.expect(200);
    assert_eq!(place.redeem(&app, &code).await.expect(400).json()["error"], "invalid_grant");
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);
    tokio::time::sleep(REVOKED).await;
    sees.get("Patient").await.expect_outcome(401..=401);
}

/// RFC 6749 sections 4.1.2 and 5.2: a code that was not exchanged in time is refused, which is in the audit log; a tenant says how long
/// that is, within the standard's bounds.
#[tokio::test]
async fn a_code_runs_out() {
    let Some(place) = Place::new() else { return };
    let holds = |time: &str| {
        let asked = ["tenant", "sign-ins", &place.tenant, "--code", time];
        place.program.run(&asked).status.success()
    };
    assert!(!holds("0s") && !holds("11m") && holds("1s"));
    let (person, app) = (place.practitioner().await, place.app("user/*.rs"));
    let code = Browser::new(&place).let_in(&person, &place.asked(&app, "user/*.rs"), None).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let refused = place.redeem(&app, &code).await.expect(400).json();
    assert_eq!((&refused["error"], &refused["access_token"]), (&"invalid_grant".into(), &serde_json::Value::Null));
    let events = place.admin.get("AuditEvent?type=http://dicom.nema.org/resources/ontology/DCM|110114&outcome=4").await;
    let events = events.expect(200).json();
    let of_app: Vec<_> =
        events["entry"].as_array().into_iter().flatten().map(|it| &it["resource"]["agent"][0]).collect();
    assert!(matches!(of_app[..], [agent] if agent["altId"] == *app), "{events:#}");
}

/// RFC 9700 section 4.14: each refresh token is good once; one that comes twice ends the family.
#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_the_family() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs offline_access"));
    let first = place.granted(&app, &person, "user/*.rs offline_access", None).await;
    let second = place.refresh(&app, &text(&first, "refresh_token")).await.expect(200).json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    place.refresh(&app, &text(&first, "refresh_token")).await.expect(400);
    place.refresh(&app, &text(&second, "refresh_token")).await.expect(400);
    tokio::time::sleep(REVOKED).await;
    place.with(second["access_token"].as_str()).get("Patient").await.expect_outcome(401..=401);
}

/// Of many that use one refresh token at once, one at the most gets tokens, and they hold no longer.
#[tokio::test]
async fn racing_refreshes_end_the_family() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs offline_access"));
    let tokens = place.granted(&app, &person, "user/*.rs offline_access", None).await;
    let token = text(&tokens, "refresh_token");
    let (a, b, c) = tokio::join!(place.refresh(&app, &token), place.refresh(&app, &token), place.refresh(&app, &token));
    let winners: Vec<_> = [a, b, c].into_iter().filter(|it| it.status == 200).collect();
    assert!(winners.len() <= 1);
    for winner in winners {
        place.refresh(&app, &text(&winner.json(), "refresh_token")).await.expect(400);
    }
}

/// RFC 7636, RFC 9700 section 2.1.1: no code without PKCE's S256, and no token without the verifier.
#[tokio::test]
async fn pkce_cannot_be_left_out_or_weakened() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs"));
    for change in [
        vec![("code_challenge", None), ("code_challenge_method", None)],
        vec![("code_challenge_method", None)],
        vec![("code_challenge_method", Some("plain"))],
        vec![("code_challenge", Some("short"))],
    ] {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| !change.iter().any(|(it, _)| it == name));
        asked.extend(change.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.to_string()))));
        let answer = Browser::new(&place).ask(&asked).await.expect(303);
        assert_eq!(told(&told_app(&answer), "error"), Some("invalid_request"));
    }
    let code = Browser::new(&place).let_in(&person, &place.asked(&app, "user/*.rs"), None).await;
    let wrong = VERIFIER.replace('a', "b");
    for more in [vec![], vec![("code_verifier", "")], vec![("code_verifier", &*wrong)]] {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &app),
            ("code", &code),
            ("redirect_uri", REDIRECT),
        ];
        form.extend(more);
        place.post("token", &form).await.expect(400);
    }
    place.redeem(&app, &code).await.expect(200);
}

/// RFC 9700 section 4.1: an address that is not registered, to the letter, is sent nothing.
#[tokio::test]
async fn answers_go_to_registered_addresses_only() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.rs");
    for uri in [
        "https://evil.example/",
        "https://app.example.org/back",
        "https://app.example.org/back?x=1&y=2",
        "HTTPS://app.example.org/back?x=1",
        "",
    ] {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| *name != "redirect_uri");
        asked.push(("redirect_uri", uri.into()));
        let answer = Browser::new(&place).ask(&asked).await.expect(400);
        assert!(answer.header("location").is_none(), "{uri}");
    }
    let answer = Browser::new(&place).ask(&place.asked("nobody", "user/*.rs")).await.expect(400);
    assert!(answer.header("location").is_none());
}

/// app-launch.html: aud is this tenant's base. RFC 6749 section 3.1: no parameter twice.
#[tokio::test]
async fn a_request_is_for_this_base_and_clear() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else { return };
    let app = place.app("user/*.rs openid");
    for aud in [None, Some(other.admin.base.clone()), Some("https://evil.example/fhir".to_owned())] {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| *name != "aud");
        asked.extend(aud.map(|it| ("aud", it)));
        let answer = Browser::new(&place).ask(&asked).await.expect(303);
        assert_eq!(told(&told_app(&answer), "error"), Some("invalid_request"));
    }
    let mut twice = place.asked(&app, "user/*.rs");
    twice.push(("redirect_uri", "https://evil.example/".into()));
    assert!(Browser::new(&place).ask(&twice).await.expect(400).header("location").is_none());
    // Posted like one of our own forms, it is still nothing without a proof.
    let form = format!("action=allow&{}", query(&place.asked(&app, "user/*.rs")));
    let call = place.with(None).call("POST", &format!("{}/authorize", place.issuer()));
    call.body(FORM, form).send().await.expect(403);
}

/// RFC 9068, RFC 8725: only access tokens of this tenant open its records.
#[tokio::test]
async fn no_other_token_is_an_access_token() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs offline_access"));
    let tokens = place.granted(&app, &person, "openid user/*.rs offline_access", None).await;
    for name in ["id_token", "refresh_token"] {
        place.with(tokens[name].as_str()).get("Patient").await.expect_outcome(401..=401);
    }
    let token = tokens["access_token"].as_str();
    place.with(token).get("Patient").await.expect(200);
    other.with(token).get("Patient").await.expect_outcome(401..=401);
    other.refresh(&app, &text(&tokens, "refresh_token")).await.expect(401);
    let user = format!("{}/userinfo", other.issuer());
    other.with(token).get(&user).await.expect(401);
}

/// RFC 9700 section 4.14: a code or refresh token is the client's that it was issued to.
#[tokio::test]
async fn a_code_is_one_clients() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (person, app, thief) = (place.practitioner().await, place.app(scope), place.app(scope));
    let code = Browser::new(&place).let_in(&person, &place.asked(&app, scope), None).await;
    assert_eq!(place.redeem(&thief, &code).await.expect(400).json()["error"], "invalid_grant");
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    place.refresh(&thief, &text(&tokens, "refresh_token")).await.expect(400);
    place.post("revoke", &[("client_id", &thief), ("token", &text(&tokens, "refresh_token"))]).await.expect(200);
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200);
}
