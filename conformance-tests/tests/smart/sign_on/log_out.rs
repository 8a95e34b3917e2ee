//! Signing out of both this server and the provider.

use super::super::clients::now;
use super::super::place::{Browser, FORM, Place, query, text, told, told_app};
use super::issuer::{CLIENT, Issuer, back, is_signed_in, register, sent, sign_on, signed, with};
use super::people::hospital;
use conformance_tests::{Answer, unique};
use serde_json::{Value, json};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn logout(issuer: &Issuer, more: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer.issuer, "aud": CLIENT, "iat": now(), "exp": now() + 120, "jti": unique(), "events": { EVENT: {} },
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

async fn tell(place: &Place<'_>, token: &str) -> Answer {
    let call = place.with(None).call("POST", &format!("{}/sign-on/staff/logout", place.issuer()));
    call.body(FORM, query(&[("logout_token", token)])).send().await
}

/// RP-Initiated Logout section 2: whoever signs out here is sent on to sign out there, and comes back.
#[tokio::test]
async fn signing_out_here_signs_out_there() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    let sent = sent(&mut browser, "account", &issuer).await;
    let token = signed(&issuer.claims(&number, &sent.nonce));
    back(&mut browser, &issuer, &sent, token.clone()).await.expect(303);
    let page = browser.get("account").await.expect(200);
    assert!(page.needed_header("content-security-policy").contains(&issuer.issuer));
    let location = browser.submit(&page, "account", &[("leave", "here")]).await.expect(303);
    let out = format!("{}/signed-out", place.issuer());
    let told = reqwest::Url::parse(location.needed_header("location")).unwrap();
    assert_eq!(told.as_str().split('?').next(), Some(&*format!("{}/end", issuer.issuer)));
    let told: Vec<_> = told.query_pairs().into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [pair("client_id", CLIENT), pair("id_token_hint", &token), pair("post_logout_redirect_uri", &out)];
    assert_eq!(told, expected);
    assert!(!is_signed_in(&mut browser).await);
}

/// Cognito's own way out, and none.
#[tokio::test]
async fn a_provider_may_have_its_own_way_out() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let authorize = format!("{}/oauth2/authorize", issuer.issuer);
    issuer.tell(|it| {
        it.metadata.insert("end_session_endpoint".into(), Value::Null);
        it.metadata.insert("authorization_endpoint".into(), authorize.into());
    });
    let out = query(&[("client_id", CLIENT), ("logout_uri", &*format!("{}/signed-out", place.issuer()))]);
    let cognito = format!("{}/logout?{out}", issuer.issuer);
    for (way, leads) in [("none", None), ("openid", None), ("cognito", Some(cognito))] {
        register(&place, &with(&issuer.issuer, &[json!({ "name": "log-out", "valueCode": way })])).await.expect(200);
        let mut browser = Browser::new(&place);
        sign_on(&mut browser, &issuer, &number, &json!({})).await.expect(303);
        let page = browser.get("account").await.expect(200);
        let answer = browser.submit(&page, "account", &[("leave", "here")]).await;
        let decoded = |it: &str| reqwest::Url::parse(it).unwrap().query_pairs().into_owned().collect::<Vec<_>>();
        assert_eq!(answer.header("location").map(decoded), leads.as_deref().map(decoded), "{way}");
        assert!(leads.is_some() || answer.text().contains("You are signed out"), "{way}");
        assert!(!is_signed_in(&mut browser).await);
    }
}

/// Back-Channel Logout section 2.6: a session of the provider's ends the sign-ins of it, and what was granted in them.
#[tokio::test]
async fn a_providers_session_ends_its_sign_ins() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let scope = "user/*.rs offline_access";
    let app = place.app(scope);
    let (mut one, mut other) = (Browser::new(&place), Browser::new(&place));
    let mut tokens = Vec::new();
    for (browser, session) in [(&mut one, "s1"), (&mut other, "s2")] {
        sign_on(browser, &issuer, &number, &json!({ "sid": session })).await.expect(303);
        for asked in ["user/*.rs", scope] {
            let page = browser.ask(&place.asked(&app, asked)).await.expect(200);
            let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
            let code = told(&told_app(&answer), "code").unwrap().to_owned();
            tokens.push(place.redeem(&app, &code).await.expect(200).json());
        }
    }
    tell(&place, &signed(&logout(&issuer, &json!({ "sid": "s1", "sub": number })))).await.expect(200);
    assert!(!is_signed_in(&mut one).await && is_signed_in(&mut other).await);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let sees = async |at: usize| place.with(tokens[at]["access_token"].as_str()).get("Patient").await.status;
    // What was granted for as long as the user is away goes on (section 2.7).
    assert_eq!([sees(0).await, sees(1).await, sees(2).await, sees(3).await], [401, 200, 200, 200]);
    // A provider that names no session says that the person is out.
    tell(&place, &signed(&logout(&issuer, &json!({ "sub": number })))).await.expect(200);
    assert!(!is_signed_in(&mut other).await);
    place.refresh(&app, &text(&tokens[1], "refresh_token")).await.expect(400);
    place.refresh(&app, &text(&tokens[3], "refresh_token")).await.expect(400);
    // Of somebody who is nobody here nothing is left to end.
    tell(&place, &signed(&logout(&issuer, &json!({ "sub": "nobody" })))).await.expect(200);
}

/// Section 2.6: what a logout token must be; and it is used once.
#[tokio::test]
async fn a_logout_token_that_is_not_right_ends_nothing() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    let begun = sent(&mut browser, "account", &issuer).await;
    let mut claims = issuer.claims(&number, &begun.nonce);
    claims["sid"] = "s1".into();
    let id_token = signed(&claims);
    back(&mut browser, &issuer, &begun, id_token.clone()).await.expect(303);
    let whole = json!({ "sid": "s1" });
    let changed = |name: &str, value: Value| {
        let mut claims = logout(&issuer, &whole);
        claims[name] = value;
        signed(&claims)
    };
    let payload = signed(&logout(&issuer, &whole)).split('.').nth(1).unwrap().to_owned();
    for (why, token) in [
        ("an id token", id_token),
        ("no event", changed("events", json!({}))),
        ("a nonce", changed("nonce", "n".into())),
        ("neither person nor session", changed("sid", Value::Null)),
        ("no name", changed("jti", Value::Null)),
        ("expired", changed("exp", (now() - 120).into())),
        ("another audience", changed("aud", "somebody".into())),
        ("another issuer", changed("iss", "https://evil.example".into())),
        ("unsigned", format!("eyJhbGciOiJub25lIn0.{payload}.")),
    ] {
        let answer = tell(&place, &token).await.expect(400);
        assert_eq!(text(&answer.json(), "error"), "invalid_request", "{why}");
        assert_eq!(answer.needed_header("cache-control"), "no-store");
    }
    tell(&place, "").await.expect(400);
    assert!(is_signed_in(&mut browser).await);
    let good = signed(&logout(&issuer, &whole));
    tell(&place, &good).await.expect(200);
    assert!(!is_signed_in(&mut browser).await);
    tell(&place, &good).await.expect(400);
}
