//! Introspection (RFC 7662): who is told of which tokens.

use super::place::{FORM, Place, REDIRECT, query, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub async fn introspect(place: &Place<'_>, (client, secret): &(String, Option<String>), token: &str) -> Value {
    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{}", secret.as_ref().expect("a secret"))));
    let call = place.with(None).call("POST", &format!("{}/introspect", place.issuer())).header("authorization", &basic);
    call.body(FORM, query(&[("token", token)])).send().await.expect(200).json()
}

/// Section 4: a client is told of its own tokens, a resource server of all.
#[tokio::test]
async fn only_resource_servers_are_told_of_others_tokens() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let app = place.app(scope);
    let tokens = place.granted(&app, &place.practitioner().await, scope, None).await;
    let confidential = ["--redirect", REDIRECT, "--scope", scope];
    let other = place.register(&confidential);
    let resource_server = place.register(&[&confidential[..], &["--introspection"]].concat());
    for token in ["access_token", "refresh_token"] {
        let token = text(&tokens, token);
        assert_eq!(introspect(&place, &other, &token).await, json!({"active": false}));
        let told = introspect(&place, &resource_server, &token).await;
        assert_eq!((&told["active"], text(&told, "client_id")), (&json!(true), app.clone()));
    }
    let by_hand = place.program.token(&place.tenant, "system/*.rs");
    assert_eq!(introspect(&place, &other, &by_hand).await, json!({"active": false}));
    assert_eq!(introspect(&place, &resource_server, &by_hand).await["active"], true);
}
