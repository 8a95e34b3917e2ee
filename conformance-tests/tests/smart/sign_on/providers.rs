//! Providers as they are registered, and those that do not answer as they must.

use super::super::place::{Browser, Place, text};
use super::issuer::{Issuer, is_signed_in, register, registration, rule, sent, sign_on, with};
use super::people::hospital;
use conformance_tests::Program;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Who administers the tenant registers providers; secrets are told nobody and do not lie in the database.
#[tokio::test]
async fn an_administrator_registers_providers() {
    let Some(place) = Place::new() else { return };
    let issuer = Issuer::new().await;
    let parameters = registration(&issuer.issuer);
    let answer = register(&place, &parameters).await.expect(200).json();
    let told = |name: &str| {
        let all = answer["parameter"].as_array().unwrap();
        text(all.iter().find(|it| it["name"] == name).unwrap(), "valueUri")
    };
    assert_eq!(told("redirect-uri"), format!("{}/sign-on/staff/back", place.issuer()));
    assert_eq!(told("backchannel-logout-uri"), format!("{}/sign-on/staff/logout", place.issuer()));
    assert_eq!(told("post-logout-redirect-uri"), format!("{}/signed-out", place.issuer()));
    let list = json!({ "resourceType": "Parameters" });
    let listed = place.admin.post("$providers", &list).await.expect(200).text();
    assert!(listed.contains(&issuer.issuer) && !listed.contains("a secret"), "{listed}");
    let user = place.with(Some(&place.program.token(&place.tenant, "user/*.cruds")));
    let body = json!({ "resourceType": "Parameters", "parameter": parameters });
    user.post("$register-provider", &body).await.expect_outcome(403..=403);
    user.post("$providers", &list).await.expect_outcome(403..=403);
    place.with(None).post("$register-provider", &body).await.expect_outcome(401..=401);
    for wrong in [
        json!({ "name": "issuer", "valueUri": "http://id.example.com" }),
        json!({ "name": "issuer", "valueUri": "javascript:alert(1)" }),
        json!({ "name": "id", "valueString": "a/b" }),
        json!({ "name": "domain", "valueString": "*.example.com" }),
        json!({ "name": "person" }),
        json!({ "name": "client-secret" }),
        json!({ "name": "signing", "valueCode": "none" }),
        json!({ "name": "log-out", "valueCode": "perhaps" }),
        rule("groups", "doctors", "system/*.cruds"),
        rule("groups", "doctors", "openid"),
    ] {
        let mut changed = with("https://id.example.com", std::slice::from_ref(&wrong));
        if wrong["name"] != "id" {
            changed = changed
                .into_iter()
                .map(|it| if it["name"] == "id" { json!({ "name": "id", "valueString": "new" }) } else { it })
                .collect();
        }
        register(&place, &changed).await.expect_outcome(400..=422);
    }
    // The secret stays where the provider does, and only there.
    register(&place, &with(&issuer.issuer, &[json!({ "name": "client-secret" })])).await.expect(200);
    register(&place, &with("https://evil.example.com", &[json!({ "name": "client-secret" })]))
        .await
        .expect_outcome(400..=422);
}

/// The client's secret is encrypted where it lies.
#[tokio::test]
async fn a_secret_is_not_in_the_database() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--private-hosts", "127.0.0.1"]);
    let place = Place::of(&program, &server.root);
    let issuer = Issuer::new().await;
    let secret = json!({ "name": "client-secret", "valueString": "a-secret-that-is-looked-for" });
    register(&place, &with(&issuer.issuer, &[secret])).await.expect(200);
    server.stop();
    let mut files = vec![program.directory().to_owned()];
    let mut seen = false;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        // What lies there is sealed: that a tenant's file is looked at shows by its name.
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        seen |= name.ends_with(".sqlite") && name != "directory.sqlite";
        let secret = b"a-secret-that-is-looked-for";
        assert!(!bytes.windows(secret.len()).any(|it| it == secret), "{}", path.display());
    }
    assert!(seen || conformance_tests::postgres::is_on_postgres(), "the tenant's file is looked at");
}

/// By a provider that is removed nobody signs in, and who did is out.
#[tokio::test]
async fn a_provider_is_removed_with_all_it_let_in() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut browser = Browser::new(&place);
    sign_on(&mut browser, &issuer, &number, &json!({})).await.expect(303);
    assert!(is_signed_in(&mut browser).await);
    let id = json!({ "resourceType": "Parameters", "parameter": [{ "name": "id", "valueString": "staff" }] });
    place.admin.post("$remove-provider", &id).await.expect(200);
    place.admin.post("$remove-provider", &id).await.expect_outcome(404..=404);
    assert!(!is_signed_in(&mut browser).await);
    let page = browser.get("account").await.expect(200).text();
    assert!(!page.contains("Sign in with"), "{page}");
    browser.get("sign-on/staff?next=account").await.expect(404);
}

/// A provider that is down, slow, or sends too much is said to be away, soon and with nothing told of the network.
#[tokio::test]
async fn a_provider_that_does_not_answer_holds_nobody_up() {
    let Some(place) = Place::new() else { return };
    let (slow, huge, wrong) = (Issuer::new().await, Issuer::new().await, Issuer::new().await);
    slow.tell(|it| it.pause = Duration::from_secs(600));
    huge.tell(|it| it.padding = 10 * 1024 * 1024);
    wrong.tell(|it| _ = it.metadata.insert("issuer".into(), "https://evil.example".into()));
    let mut pages = Vec::new();
    for issuer in ["http://127.0.0.1:9", &slow.issuer, &huge.issuer, &wrong.issuer] {
        register(&place, &with(issuer, &[])).await.expect(200);
        let mut browser = Browser::new(&place);
        let answer = timeout(Duration::from_secs(120), browser.get("sign-on/staff?next=account")).await;
        let answer = answer.unwrap_or_else(|_| panic!("{issuer} holds up")).expect(503);
        answer.needed_header("retry-after");
        pages.push(answer.text());
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
    // And at the token endpoint.
    let failing = Issuer::new().await;
    register(&place, &with(&failing.issuer, &[])).await.expect(200);
    for (status, tokens) in [(500, json!({})), (200, json!({})), (200, json!({ "id_token": " ".repeat(100_000) }))] {
        let mut browser = Browser::new(&place);
        let sent = sent(&mut browser, "account", &failing).await;
        failing.tell(|it| (it.status, it.tokens) = (status, tokens.clone()));
        browser.get(&format!("sign-on/staff/back?code=x&state={}", sent.state)).await.expect(503);
    }
}

/// A provider's addresses lead this server to no place that the operator did not name (server-side request forgery).
#[tokio::test]
async fn a_provider_does_not_lead_inward() {
    let Some(place) = Place::new() else { return };
    let inward = Issuer::new().await;
    let elsewhere = inward.issuer.replace("127.0.0.1", "localhost");
    register(&place, &with(&elsewhere, &[])).await.expect(200);
    Browser::new(&place).get("sign-on/staff?next=account").await.expect(503);
    for issuer in ["https://169.254.169.254", "https://10.0.0.1", "https://[::1]"] {
        register(&place, &with(issuer, &[])).await.expect(200);
        Browser::new(&place).get("sign-on/staff?next=account").await.expect(503);
    }
    assert_eq!(inward.told.lock().unwrap().asked.len(), 0);
    // An honest name whose document leads inward.
    for name in ["jwks_uri", "token_endpoint"] {
        let issuer = Issuer::new().await;
        let address: Value = format!("{elsewhere}/{name}").into();
        issuer.tell(|it| _ = it.metadata.insert(name.into(), address));
        register(&place, &with(&issuer.issuer, &[])).await.expect(200);
        let answer = sign_on(&mut Browser::new(&place), &issuer, "1", &json!({})).await;
        assert!([403, 503].contains(&answer.status), "{name}: {}", answer.status);
    }
    assert_eq!(inward.told.lock().unwrap().asked.len(), 0);
    // A browser is sent to no other scheme.
    let issuer = Issuer::new().await;
    issuer.tell(|it| _ = it.metadata.insert("authorization_endpoint".into(), "javascript:alert(1)".into()));
    register(&place, &with(&issuer.issuer, &[])).await.expect(200);
    Browser::new(&place).get("sign-on/staff?next=account").await.expect(503);
}
