//! Pages of other origins (SMART App Launch 2.2, app-launch.html, considerations for CORS).

use super::place::{Place, REDIRECT};
use conformance_tests::Answer;

const APP: &str = "https://app.example.org";

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

async fn asked(place: &Place<'_>, method: &str, path: &str, origin: &str) -> Answer {
    let call = place.with(None).call(method, path).header("origin", origin);
    call.header("access-control-request-method", "POST").send().await
}

/// What everybody may know, pages of every origin may read.
#[tokio::test]
async fn discovery_is_open_to_every_page() {
    let Some(place) = Place::new() else { return };
    let issuer = place.issuer();
    for path in [
        "metadata".to_owned(),
        ".well-known/smart-configuration".into(),
        format!("{issuer}/jwks"),
        format!("{issuer}/style"),
        format!("{issuer}/.well-known/openid-configuration"),
    ] {
        let answer = asked(&place, "GET", &path, "https://anybody.example").await.expect(200);
        assert_eq!(allowed(&answer), Some("https://anybody.example"), "{path}");
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
}

/// Pages of an app's origin may ask its tenant for tokens and records; no other's, and no other tenant.
#[tokio::test]
async fn an_apps_pages_may_call_its_tenant() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else { return };
    place.app("user/*.rs");
    let (token, records) = (format!("{}/token", place.issuer()), format!("{}/Patient", place.admin.base));
    for path in [&token, &records] {
        for method in ["OPTIONS", "POST"] {
            assert_eq!(allowed(&asked(&place, method, path, APP).await), Some(APP), "{method} {path}");
            for stranger in
                ["https://evil.example", "http://app.example.org", "https://app.example.org.evil.example", "null"]
            {
                assert_eq!(allowed(&asked(&place, method, path, stranger).await), None, "{stranger}");
            }
        }
    }
    for path in [format!("{}/token", other.issuer()), format!("{}/Patient", other.admin.base)] {
        assert_eq!(allowed(&asked(&place, "OPTIONS", &path, APP).await), None, "{path}");
    }
    // Pages are for people, not for scripts.
    for page in ["authorize", "sign-in", "account"] {
        assert_eq!(allowed(&asked(&place, "POST", &format!("{}/{page}", place.issuer()), APP).await), None, "{page}");
    }
}

/// An app that waits for approval is nobody yet.
#[tokio::test]
async fn an_app_that_waits_may_not_call() {
    let Some(place) = Place::new() else { return };
    let app = serde_json::json!({"client_name": "Waiting", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"});
    let call = place.with(None).call("POST", &format!("{}/register", place.issuer()));
    call.body("application/json", app.to_string()).send().await.expect(201);
    let records = format!("{}/Patient", place.admin.base);
    assert_eq!(allowed(&asked(&place, "OPTIONS", &records, APP).await), None);
}
