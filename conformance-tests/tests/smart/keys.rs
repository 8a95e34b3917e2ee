//! The keys that sign tokens, one after another (OpenID Connect Core section 10.1.1, RFC 7517).

use super::place::{Place, text};
use conformance_tests::Program;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Within this time every node signs by the new key and knows no key that was ended at once.
const FOLLOWED: Duration = Duration::from_secs(3);

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.expect("a kid")
}

/// The names of the keys that a tenant publishes.
async fn published(place: &Place<'_>) -> BTreeSet<String> {
    let keys = place.with(None).get(&format!("{}/jwks", place.issuer())).await.expect(200).json();
    for key in keys["keys"].as_array().unwrap() {
        assert!(key.get("d").is_none() && key["use"] == "sig", "{key}");
    }
    keys["keys"].as_array().unwrap().iter().map(|it| text(it, "kid")).collect()
}

/// A new key signs, and what the one before signed holds on.
#[tokio::test]
async fn a_key_is_rotated_without_a_gap() {
    let Some(place) = Place::new() else { return };
    let scope = "openid user/*.rs offline_access";
    let (app, person) = (place.app(scope), place.practitioner().await);
    let before = place.granted(&app, &person, scope, None).await;
    let first = published(&place).await;
    assert_eq!(first, BTreeSet::from([kid(&text(&before, "access_token"))]));
    place.program.succeed(&["tenant", "rotate-keys", &place.tenant]);
    tokio::time::sleep(FOLLOWED).await;
    let both = published(&place).await;
    assert!(both.len() == 2 && both.is_superset(&first), "{both:?}");
    let after = place.granted(&app, &person, scope, None).await;
    for token in ["access_token", "id_token"] {
        let kid = kid(&text(&after, token));
        assert!(both.contains(&kid) && !first.contains(&kid), "{token}");
    }
    for tokens in [&before, &after] {
        place.with(tokens["access_token"].as_str()).get("Patient").await.expect(200);
    }
    place.refresh(&app, &text(&before, "refresh_token")).await.expect(200);
    place.admin.get("Patient").await.expect(200);
}

/// A key that others may know is ended at once, with all that it signed; grants go on.
#[tokio::test]
async fn a_key_is_ended_at_once() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (app, person) = (place.app(scope), place.practitioner().await);
    let tokens = place.granted(&app, &person, scope, None).await;
    let sees = place.with(tokens["access_token"].as_str());
    sees.get("Patient").await.expect(200);
    place.admin.get("Patient").await.expect(200);
    let first = published(&place).await;
    place.program.succeed(&["tenant", "rotate-keys", &place.tenant, "--at-once"]);
    tokio::time::sleep(FOLLOWED).await;
    for client in [&sees, &place.admin] {
        client.get("Patient").await.expect_outcome(401..=401);
    }
    assert!(published(&place).await.is_disjoint(&first));
    let renewed: Value = place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200).json();
    place.with(renewed["access_token"].as_str()).get("Patient").await.expect(200);
    let by_hand = place.program.token(&place.tenant, "system/*.*");
    place.with(Some(&by_hand)).post("Patient", &json!({"resourceType": "Patient"})).await.expect(201);
}

/// Another tenant's keys are its own.
#[tokio::test]
async fn a_rotation_is_one_tenants() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&[]);
    let (north, south) = (Place::of(&program, &server.root), Place::of(&program, &server.root));
    let before = published(&south).await;
    program.succeed(&["tenant", "rotate-keys", &north.tenant, "--at-once"]);
    tokio::time::sleep(FOLLOWED).await;
    assert_eq!(published(&south).await, before);
    south.admin.get("Patient").await.expect(200);
    assert!(!program.run(&["tenant", "rotate-keys", "nobody"]).status.success());
}
