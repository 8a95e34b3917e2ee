//! API keys, for systems that cannot do OAuth.

use super::place::Place;
use super::times::{opens, runs_out};
use conformance_tests::samples::*;
use std::time::Duration;
use tokio::time::Instant;

/// Within this time every node refuses what was revoked.
const REVOKED: Duration = Duration::from_secs(2);

impl Place<'_> {
    /// What a command about keys prints.
    #[track_caller]
    fn key(&self, arguments: &[&str]) -> String {
        let [action, rest @ ..] = arguments else { panic!("a command has a name") };
        self.program.succeed(&[&["key", action, "--tenant", &self.tenant], rest].concat()).trim().to_owned()
    }
}

fn id(key: &str) -> &str {
    key.strip_prefix("msk_").and_then(|it| it.split_once('_')).expect("a key").0
}

/// A key is sent like a token, and opens what its scopes say, in its tenant.
#[tokio::test]
async fn a_key_opens_what_its_scopes_say() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else { return };
    let key = place.key(&["create", "--name", "Laboratory", "--scope", "system/Observation.crus"]);
    let sees = place.with(Some(&key));
    sees.create(&observation("by-key")).await;
    assert_eq!(sees.found("Observation").await.len(), 1);
    sees.get("Patient").await.expect_outcome(403..=403);
    other.with(Some(&key)).get("Observation").await.expect_outcome(401..=401);
    let listed = place.key(&["list"]);
    assert!(listed.contains("Laboratory") && listed.contains("system/Observation.crus"), "{listed}");
    assert!(listed.contains("  used 2") && !listed.contains(&key), "{listed}");
    for wrong in [format!("{key}x"), format!("msk_{}_", id(&key)), "msk_".to_owned(), key.replace("msk_", "msk_x")] {
        place.with(Some(&wrong)).get("Observation").await.expect_outcome(401..=401);
    }
    // It is no token of the authorization server.
    let user = format!("{}/userinfo", place.issuer());
    sees.get(&user).await.expect(401);
}

/// A key that is revoked opens nothing within two seconds.
#[tokio::test]
async fn a_key_is_revoked() {
    let Some(place) = Place::new() else { return };
    let key = place.key(&["create", "--name", "Laboratory", "--scope", "system/*.rs"]);
    let sees = place.with(Some(&key));
    sees.get("Patient").await.expect(200);
    place.key(&["revoke", id(&key)]);
    tokio::time::sleep(REVOKED).await;
    sees.get("Patient").await.expect_outcome(401..=401);
    assert!(!place.program.run(&["key", "revoke", "--tenant", &place.tenant, id(&key)]).status.success());
}

/// A key that expires opens nothing any more.
#[tokio::test]
async fn a_key_expires() {
    let Some(place) = Place::new() else { return };
    let of = |time: &str| {
        place.with(Some(&place.key(&["create", "--name", "Laboratory", "--scope", "system/*.rs", "--expires", time])))
    };
    assert!(opens(&of("1h")).await);
    let begun = Instant::now();
    let sees = of("5s");
    runs_out(begun, Duration::from_secs(5), async || opens(&sees).await).await;
}

/// A key is rotated without a gap: both are taken until the overlap is over.
#[tokio::test]
async fn a_key_is_rotated_without_a_gap() {
    let Some(place) = Place::new() else { return };
    let first = place.key(&["create", "--name", "Laboratory", "--scope", "system/*.rs"]);
    let second = place.key(&["rotate", id(&first), "--overlap", "1h"]);
    assert!(first != second && id(&first) == id(&second));
    let (old, new) = (place.with(Some(&first)), place.with(Some(&second)));
    assert!(opens(&old).await && opens(&new).await);
    let begun = Instant::now();
    let newest = place.with(Some(&place.key(&["rotate", id(&first), "--overlap", "5s"])));
    runs_out(begun, Duration::from_secs(5), async || opens(&new).await).await;
    assert!(opens(&newest).await && !opens(&old).await);
}

/// A key is for scopes that a program can have.
#[tokio::test]
async fn a_key_without_scopes_is_never_made() {
    let Some(place) = Place::new() else { return };
    for scope in ["", "patient/*.rs", "openid", "nonsense"] {
        let asked = ["key", "create", "--tenant", &place.tenant, "--name", "x", "--scope", scope];
        assert!(!place.program.run(&asked).status.success(), "{scope}");
    }
}
