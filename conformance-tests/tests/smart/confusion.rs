//! Tokens that are taken for others, and keys that are taken for others (RFC 8725 sections 2 and 3; RFC 9700).

use super::clients::{ask, claims, now};
use super::place::{Browser, Place, REDIRECT, VERIFIER, text};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use conformance_tests::unique;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ALL: &str = "openid user/*.rs offline_access";

/// The header and claims of a token.
fn parts(token: &str) -> (Header, Value) {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload")).expect("base64url");
    (jsonwebtoken::decode_header(token).expect("a header"), serde_json::from_slice(&payload).expect("JSON"))
}

/// A tenant, and tokens that it issued.
async fn issued() -> Option<(Place<'static>, String, Value)> {
    let place = Place::new()?;
    let (person, app) = (place.practitioner().await, place.app(ALL));
    let tokens = place.granted(&app, &person, ALL, None).await;
    Some((place, app, tokens))
}

/// RFC 8725 section 2.1: what verifies ES256 is no secret that signs HS256, however it is written down.
#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let Some((place, _, tokens)) = issued().await else { return };
    let set = place.with(None).get(&format!("{}/jwks", place.issuer())).await.expect(200).json();
    let key = &set["keys"][0];
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(text(key, name)).expect("base64url");
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    // SubjectPublicKeyInfo of a point on P-256 (RFC 5480 section 2).
    let prefix = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=").expect("base64");
    let der = [prefix, point.clone()].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let (mut header, claims) = parts(&text(&tokens, "access_token"));
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        header.alg = algorithm;
        for secret in [point.clone(), der.clone(), pem.clone().into_bytes(), key.to_string().into_bytes(), Vec::new()] {
            let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).expect("a token");
            place.with(Some(&token)).get("Patient").await.expect_outcome(401..=401);
        }
    }
}

/// RFC 8725 section 3.10: a key that a token brings along, or says where it is, is not taken, and nobody asks there.
#[tokio::test]
async fn a_token_brings_no_key_of_its_own() {
    let Some((place, _, tokens)) = issued().await else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("http://127.0.0.1:{}/keys", listener.local_addr().expect("a port").port());
    let own = EncodingKey::from_ec_der(&STANDARD.decode(OWN).expect("base64"));
    let (header, claims) = parts(&text(&tokens, "access_token"));
    let mut jwk = Jwk::from_encoding_key(&own, Algorithm::ES256).expect("a key");
    jwk.common.key_id.clone_from(&header.kid);
    for kid in [header.kid.clone(), None, Some("other".to_owned())] {
        let posing =
            Header { kid, jwk: Some(jwk.clone()), jku: Some(uri.clone()), x5u: Some(uri.clone()), ..header.clone() };
        let token = jsonwebtoken::encode(&posing, &claims, &own).expect("a token");
        place.with(Some(&token)).get("Patient").await.expect_outcome(401..=401);
    }
    let asked = tokio::time::timeout(std::time::Duration::from_millis(200), listener.accept()).await;
    assert!(asked.is_err(), "somebody asked for the key");
}

/// A key of these cases on P-256, which is nobody's.
const OWN: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg618QJhOPo3YBNZPhKmNlm8qzecvkTqoztmZS0n/lpHKhRANCAARgEwRxN4GZpB\
     UoyfPj1j9gyI++4qv8xdZb2KGhKr2zRX+r7Do/HI7FOwIVJYSQ6RvV61lWgeEOMLSO5mGn8sFz";

/// RFC 8725 section 3.12: each kind of token is taken where it belongs, and nowhere else.
#[tokio::test]
async fn each_token_is_for_one_thing() {
    let Some((place, app, tokens)) = issued().await else { return };
    let of = |name: &str| text(&tokens, name);
    for token in [of("access_token"), of("id_token")] {
        assert_eq!(place.refresh(&app, &token).await.expect(400).json()["error"], "invalid_grant");
        ask(&place, &token, "system/*.rs").await.expect(401);
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &app),
            ("code", &token),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        place.post("token", &form).await.expect(400);
    }
    for name in ["id_token", "refresh_token"] {
        place.with(Some(&of(name))).get(&format!("{}/userinfo", place.issuer())).await.expect(401);
    }
    // An access token names no session that a link could end: the user is asked.
    let path = format!("{}/end-session?id_token_hint={}", place.issuer(), of("access_token"));
    let told = place.with(None).get(&path).await.expect_in(200..=400);
    assert!(told.header("location").is_none());
    place.with(Some(&of("access_token"))).get("Patient").await.expect(200);
}

/// RFC 6749 section 4.1.3: a code is redeemed for the address that it was sent to, and is lost to who names another.
#[tokio::test]
async fn a_code_is_for_the_address_it_was_sent_to() {
    let Some(place) = Place::new() else { return };
    let other = "https://app.example.org/other";
    let about = ["--public", "--redirect", REDIRECT, "--redirect", other, "--scope", "user/*.rs"];
    let (app, person) = (place.register(&about).0, place.practitioner().await);
    let code = Browser::new(&place).let_in(&person, &place.asked(&app, "user/*.rs"), None).await;
    for address in [Some(other), None, Some("https://app.example.org/back?x=2")] {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &*app),
            ("code", &*code),
            ("code_verifier", VERIFIER),
        ];
        form.extend(address.map(|it| ("redirect_uri", it)));
        assert_eq!(place.post("token", &form).await.expect(400).json()["error"], "invalid_grant");
    }
    place.redeem(&app, &code).await.expect(200);
}

/// client-confidential-asymmetric.html: an assertion is signed by the client's private key, whatever its header says.
#[tokio::test]
async fn an_assertion_signed_by_what_everybody_knows_is_refused() {
    let Some(place) = Place::new() else { return };
    let file = place.program.directory().join(format!("keys-{}.json", unique()));
    let keys = super::clients::keys();
    std::fs::write(&file, keys.to_string()).expect("a file");
    let client = place.register(&["--jwks", file.to_str().expect("UTF-8"), "--scope", "system/*.rs"]).0;
    let whole = claims(&place, &client);
    let own = EncodingKey::from_ec_der(&STANDARD.decode(OWN).expect("base64"));
    for (algorithm, key) in [
        (Algorithm::HS256, EncodingKey::from_secret(keys["keys"][0].to_string().as_bytes())),
        (Algorithm::HS384, EncodingKey::from_secret(b"")),
        (Algorithm::ES256, own),
    ] {
        let header = Header { kid: Some("one".into()), ..Header::new(algorithm) };
        let assertion = jsonwebtoken::encode(&header, &whole, &key).expect("a token");
        ask(&place, &assertion, "system/*.rs").await.expect(401);
    }
    let unsigned = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    let none = format!("{}.{}.", unsigned(&json!({"alg": "none", "kid": "one"})), unsigned(&whole));
    ask(&place, &none, "system/*.rs").await.expect(401);
    assert!(whole["exp"].as_i64() > Some(now()));
}
