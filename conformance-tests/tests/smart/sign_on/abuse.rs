//! What is done to come in by a provider without being somebody whom it let in.

use super::super::clients::{keys, now};
use super::super::place::Browser;
use super::issuer::{CLIENT, Issuer, Sent, back, is_signed_in, register, sent, signed, signed_by, with};
use super::people::hospital;
use conformance_tests::Answer;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

async fn begun(browser: &mut Browser<'_>, issuer: &Issuer) -> Sent {
    sent(browser, "account", issuer).await
}

/// A page that signs nobody in and has no more than one line to say.
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 403, "{why}: {}", answer.text());
    assert!(answer.header("set-cookie").is_none_or(|it| !it.contains("medisync")), "{why}");
}

/// OpenID Connect Core section 3.1.3.7: what an id token must be.
#[tokio::test]
async fn an_id_token_that_is_not_right_signs_nobody_in() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    for (why, changed) in [
        ("expired", json!({ "exp": now() - 120 })),
        ("no end", json!({ "exp": null })),
        ("signed long ago", json!({ "iat": now() - 3600 })),
        ("signed in the future", json!({ "iat": now() + 3600 })),
        ("not yet good", json!({ "nbf": now() + 3600 })),
        ("another audience", json!({ "aud": "somebody" })),
        ("several audiences", json!({ "aud": [CLIENT, "somebody"] })),
        ("another party", json!({ "azp": "somebody" })),
        ("another issuer", json!({ "iss": "https://evil.example" })),
        ("another nonce", json!({ "nonce": "another" })),
        ("no nonce", json!({ "nonce": null })),
        ("another access token", json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })),
        ("nobody", json!({ "sub": null })),
    ] {
        let sent = begun(&mut browser, &issuer).await;
        let mut claims = issuer.claims(&number, &sent.nonce);
        for (name, value) in changed.as_object().unwrap() {
            claims[name] = value.clone();
        }
        refused(&back(&mut browser, &issuer, &sent, signed(&claims)).await, why);
    }
    assert!(!is_signed_in(&mut browser).await);
}

/// RFC 8725 section 3: no algorithm but those of public keys, no key but the provider's.
#[tokio::test]
async fn a_token_that_another_key_signed_signs_nobody_in() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    let header = |algorithm: Algorithm| Header { kid: Some("one".into()), ..Header::new(algorithm) };
    let public = EncodingKey::from_secret(keys()["keys"][0]["x"].as_str().unwrap().as_bytes());
    let secret = EncodingKey::from_secret(b"a secret: 100%");
    let unsigned = |claims: &Value| {
        let payload = signed(claims).split('.').nth(1).unwrap().to_owned();
        format!("eyJhbGciOiJub25lIn0.{payload}.")
    };
    // The key of this server's own tenant, which is no provider's.
    let own = place.program.token(&place.tenant, "system/*.*");
    type Sign<'s> = &'s dyn Fn(&Value) -> String;
    let ways: [(&str, Sign<'_>); 5] = [
        ("unsigned", &unsigned),
        ("HMAC by the public key", &|it| signed_by(&header(Algorithm::HS384), it, &public)),
        ("HMAC by the client's secret", &|it| signed_by(&header(Algorithm::HS256), it, &secret)),
        ("another key's name", &|it| {
            let [_, rest] = signed(it).split_once('.').map(|(a, b)| [a.to_owned(), b.to_owned()]).unwrap();
            // {"alg":"ES384","kid":"two"}
            format!("eyJhbGciOiJFUzM4NCIsImtpZCI6InR3byJ9.{rest}")
        }),
        ("an access token of this server", &|_| own.clone()),
    ];
    for (why, sign) in ways {
        let sent = begun(&mut browser, &issuer).await;
        let token = sign(&issuer.claims(&number, &sent.nonce));
        refused(&back(&mut browser, &issuer, &sent, token).await, why);
    }
    // HS256 is a registration's own choice, and then the only one.
    register(&place, &with(&issuer.issuer, &[json!({ "name": "signing", "valueCode": "HS256" })])).await.expect(200);
    let sent = begun(&mut browser, &issuer).await;
    refused(&back(&mut browser, &issuer, &sent, signed(&issuer.claims(&number, &sent.nonce))).await, "ES384");
    let sent = begun(&mut browser, &issuer).await;
    let token = signed_by(&Header::new(Algorithm::HS256), &issuer.claims(&number, &sent.nonce), &secret);
    back(&mut browser, &issuer, &sent, token).await.expect(303);
    assert!(is_signed_in(&mut browser).await);
}

/// RFC 6749 section 10.12, RFC 9700 section 4.7: an answer is the browser's that asked, and is used once.
#[tokio::test]
async fn an_answer_is_one_browsers_and_used_once() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let (mut attacker, mut victim) = (Browser::new(&place), Browser::new(&place));
    let sent = begun(&mut attacker, &issuer).await;
    victim.get("account").await.expect(200);
    let token = signed(&issuer.claims(&number, &sent.nonce));
    refused(&back(&mut victim, &issuer, &sent, token.clone()).await, "another browser's answer");
    assert_eq!(issuer.asked("/token"), 0);
    back(&mut attacker, &issuer, &sent, token.clone()).await.expect(303);
    let asked = issuer.asked("/token");
    refused(&back(&mut attacker, &issuer, &sent, token.clone()).await, "a state that was used");
    refused(&attacker.get("sign-on/staff/back?code=a-code&state=made-up").await, "a state that is made up");
    refused(&attacker.get("sign-on/staff/back?code=a-code").await, "no state");
    assert_eq!(issuer.asked("/token"), asked);
    // An id token of one sign-in is no answer to another one.
    let other = begun(&mut victim, &issuer).await;
    refused(&back(&mut victim, &issuer, &other, token).await, "an id token that was used");
    assert!(!is_signed_in(&mut victim).await);
}

/// RFC 9700 section 4.4, RFC 9207: what one provider answers is not another's.
#[tokio::test]
async fn an_answer_is_one_providers() {
    let Some((place, honest, number, _)) = hospital().await else { return };
    let evil = Issuer::new().await;
    let other = with(&evil.issuer, &[json!({ "name": "id", "valueString": "evil" })]);
    register(&place, &other).await.expect(200);
    let mut browser = Browser::new(&place);
    let sent = begun(&mut browser, &honest).await;
    refused(&browser.get(&format!("sign-on/evil/back?code=a-code&state={}", sent.state)).await, "a state of another's");
    assert_eq!((evil.asked("/token"), honest.asked("/token")), (0, 0));
    let issuer = conformance_tests::encode(&evil.issuer);
    let answer = browser.get(&format!("sign-on/staff/back?code=a-code&state={}&iss={issuer}", sent.state)).await;
    refused(&answer, "another issuer answers");
    // A provider cannot speak for another one's people.
    let sent = begun(&mut browser, &honest).await;
    let mut claims = honest.claims(&number, &sent.nonce);
    claims["iss"] = evil.issuer.as_str().into();
    refused(&back(&mut browser, &honest, &sent, signed(&claims)).await, "another issuer's token");
    // Where a provider says that it always names itself, it must.
    let strict = Issuer::new().await;
    strict.tell(|it| _ = it.metadata.insert("authorization_response_iss_parameter_supported".into(), true.into()));
    register(&place, &with(&strict.issuer, &[])).await.expect(200);
    let sent = begun(&mut browser, &strict).await;
    let token = signed(&strict.claims(&number, &sent.nonce));
    refused(&back(&mut browser, &strict, &sent, token.clone()).await, "an answer without iss");
    assert_eq!(strict.asked("/token"), 0);
    let sent = begun(&mut browser, &strict).await;
    let token = signed(&strict.claims(&number, &sent.nonce));
    strict.tell(|it| it.tokens = json!({ "id_token": token }));
    let issuer = conformance_tests::encode(&strict.issuer);
    browser.get(&format!("sign-on/staff/back?code=a-code&state={}&iss={issuer}", sent.state)).await.expect(303);
}

/// RFC 9700 section 4.11: a sign-on leads nowhere but to this server and to the provider.
#[tokio::test]
async fn a_sign_on_leads_nowhere_else() {
    let Some((place, issuer, _, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    for next in ["https://evil.example/", "//evil.example", "../../evil", "account/../x", "authorize/../../x"] {
        browser.get(&format!("sign-on/staff?next={}", conformance_tests::encode(next))).await.expect(400);
    }
    browser.get("sign-on/nobody?next=account").await.expect(404);
    browser.get("sign-on/staff/other").await.expect(404);
    let sent = begun(&mut browser, &issuer).await;
    let answer =
        browser.get(&format!("sign-on/staff/back?error=%3Cb%3E&error_description=x&state={}", sent.state)).await;
    refused(&answer, "the provider says no");
    assert!(!answer.text().contains("<b>") && !answer.text().contains("%3Cb"), "{}", answer.text());
}
