//! What well-known providers do in their own way, and the ways to prove to be a client.

use super::super::clients::PRIVATE;
use super::super::place::{Browser, text};
use super::issuer::{CLIENT, Issuer, back, register, rule, sent, sign_on, signed, with};
use super::people::hospital;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Keycloak nests its roles, Cognito's have a colon in their name, Entra leaves groups out that are too many.
#[tokio::test]
async fn roles_are_where_each_provider_has_them() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let rules = [
        rule("/realm_access/roles", "doctor", "user/*.rs"),
        rule("cognito:groups", "doctors", "user/*.rs"),
        rule("groups", "3f0c-doctors", "user/*.rs"),
    ];
    register(&place, &with(&issuer.issuer, &rules)).await.expect(200);
    for (more, status) in [
        (json!({ "groups": null, "realm_access": { "roles": ["doctor"] } }), 303),
        (json!({ "groups": null, "cognito:groups": ["doctors"] }), 303),
        (json!({ "groups": ["3f0c-doctors"] }), 303),
        (json!({ "groups": null, "realm_access": { "roles": ["cook"] } }), 403),
    ] {
        assert_eq!(sign_on(&mut Browser::new(&place), &issuer, &number, &more).await.status, status, "{more}");
    }
    let overage = json!({ "groups": null, "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": "https://graph.example/x" } } });
    let mut claims = issuer.claims(&number, "");
    claims.as_object_mut().unwrap().remove("groups");
    let mut browser = Browser::new(&place);
    let sent = sent(&mut browser, "account", &issuer).await;
    claims["nonce"] = sent.nonce.as_str().into();
    for (name, value) in overage.as_object().unwrap().iter().filter(|(name, _)| *name != "groups") {
        claims[name] = value.clone();
    }
    let page = back(&mut browser, &issuer, &sent, signed(&claims)).await.expect(403).text();
    assert!(page.contains("so many groups"), "{page}");
}

/// Entra's issuer for many directories is that of each which the registration names.
#[tokio::test]
async fn a_directory_is_one_of_those_that_may_come() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let template = format!("{}/{{tenantid}}/v2.0", issuer.issuer);
    issuer.tell(|it| _ = it.metadata.insert("issuer".into(), template.into()));
    let directory = json!({ "name": "directory", "valueString": "d1" });
    register(&place, &with(&issuer.issuer, &[directory])).await.expect(200);
    for (name, tid, status) in [("d1", "d1", 303), ("d2", "d2", 403), ("d1", "d2", 403)] {
        let more = json!({ "iss": format!("{}/{name}/v2.0", issuer.issuer), "tid": tid });
        assert_eq!(sign_on(&mut Browser::new(&place), &issuer, &number, &more).await.status, status, "{more}");
    }
}

/// OpenID Connect Core section 5.3: claims may stand in userinfo, which must be about the same person.
#[tokio::test]
async fn claims_may_stand_in_userinfo() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let asks = json!({ "name": "userinfo", "valueBoolean": true });
    register(&place, &with(&issuer.issuer, &[asks])).await.expect(200);
    let thin = json!({ "groups": null });
    for (info, status) in [
        (json!({ "sub": number, "groups": ["doctors"] }), 403),
        (json!({ "sub": "somebody", "groups": ["doctors"] }), 503),
        (json!({ "groups": ["doctors"] }), 503),
    ] {
        issuer.tell(|it| it.user_info = info.clone());
        assert_eq!(sign_on(&mut Browser::new(&place), &issuer, &number, &thin).await.status, status, "{info}");
    }
    let mut browser = Browser::new(&place);
    issuer.tell(|it| it.user_info = json!({ "sub": number, "groups": ["doctors"] }));
    let sent = sent(&mut browser, "account", &issuer).await;
    let mut claims = issuer.claims(&number, &sent.nonce);
    claims.as_object_mut().unwrap().remove("groups");
    back(&mut browser, &issuer, &sent, signed(&claims)).await.expect(303);
}

/// RFC 7523: this server proves to be the client by the tenant's own key, which it publishes.
#[tokio::test]
async fn this_server_signs_that_it_is_the_client() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let by_key =
        [json!({ "name": "authentication", "valueCode": "private_key_jwt" }), json!({ "name": "client-secret" })];
    register(&place, &with(&issuer.issuer, &by_key)).await.expect(200);
    sign_on(&mut Browser::new(&place), &issuer, &number, &json!({})).await.expect(303);
    let assertion = assertion(&issuer);
    let (header, claims) = (part(&assertion, 0), part(&assertion, 1));
    assert_eq!((text(&claims, "iss"), text(&claims, "aud")), (CLIENT.into(), format!("{}/token", issuer.issuer)));
    let public = place.with(None).call("GET", &format!("{}/jwks", place.issuer())).send().await.expect(200).json();
    let key = public["keys"].as_array().unwrap().iter().find(|it| it["kid"] == header["kid"]).unwrap().clone();
    let key = jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(key).unwrap()).unwrap();
    let mut wanted = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    wanted.set_audience(&[format!("{}/token", issuer.issuer)]);
    jsonwebtoken::decode::<Value>(&assertion, &key, &wanted).unwrap();
    // It opens nothing here.
    place.with(Some(&assertion)).get("Patient").await.expect_outcome(401..=401);
}

/// The last assertion that the provider got.
fn assertion(issuer: &Issuer) -> String {
    let told = issuer.told.lock().unwrap();
    let (head, body) = told.asked.iter().rfind(|(head, _)| head.starts_with("POST /token")).unwrap();
    assert!(!head.to_lowercase().contains("authorization:"), "{head}");
    body.split('&').find_map(|it| it.strip_prefix("client_assertion=")).unwrap().to_owned()
}

fn part(token: &str, at: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
}

/// RFC 8414 section 2: a provider says by what it wants assertions signed; a key of its own is published for it alone.
#[tokio::test]
async fn a_key_of_its_own_signs_as_the_provider_wants() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let by_key = |key: &str| {
        [
            json!({ "name": "authentication", "valueCode": "private_key_jwt" }),
            json!({ "name": "client-secret" }),
            json!({ "name": "private-key", "valueString": key }),
        ]
    };
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{PRIVATE}\n-----END PRIVATE KEY-----\n");
    let made = register(&place, &with(&issuer.issuer, &by_key(&pem))).await.expect(200);
    assert!(!made.text().contains("PRIVATE") && !made.text().contains(PRIVATE));
    let made = made.json();
    let uri = made["parameter"].as_array().unwrap().iter().find(|it| it["name"] == "jwks-uri").unwrap();
    let uri = text(uri, "valueUri");
    assert_eq!(uri, format!("{}/sign-on/staff/jwks", place.issuer()));
    issuer.tell(|it| {
        it.metadata.insert("token_endpoint_auth_signing_alg_values_supported".into(), json!(["RS256", "ES384"]));
    });
    sign_on(&mut Browser::new(&place), &issuer, &number, &json!({})).await.expect(303);
    let assertion = assertion(&issuer);
    let public = place.with(None).get(&uri).await.expect(200).json();
    let key = public["keys"][0].clone();
    assert!(key["kid"] == part(&assertion, 0)["kid"] && key.get("d").is_none(), "{public}");
    let key = jsonwebtoken::DecodingKey::from_jwk(&serde_json::from_value(key).unwrap()).unwrap();
    let mut wanted = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES384);
    wanted.set_audience(&[format!("{}/token", issuer.issuer)]);
    jsonwebtoken::decode::<Value>(&assertion, &key, &wanted).unwrap();
    // What signs nothing here is no key of this tenant's tokens.
    let tokens = place.with(None).get(&format!("{}/jwks", place.issuer())).await.expect(200).json();
    assert!(!tokens["keys"].as_array().unwrap().iter().any(|it| it["kid"] == public["keys"][0]["kid"]));
    for wrong in ["no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        register(&place, &with(&issuer.issuer, &by_key(wrong))).await.expect(400);
    }
}
