//! Words at the authorization server, and in what administrators ask for.

use super::Watched;
use crate::smart::place::{Browser, FORM, Person, Place, query};
use serde_json::json;

/// Tokens, secrets, passwords and forms of the authorization server.
pub(super) async fn people(watched: &mut Watched, place: &Place<'_>) {
    for scheme in ["Bearer", "Basic", "Other"] {
        let call = place.with(None).call("GET", "Patient");
        call.header("authorization", &format!("{scheme} {}", watched.plant("token"))).send().await.expect_in(400..=401);
    }
    let key = format!("msk_{}_{}", watched.plant("token"), watched.plant("token"));
    place.with(Some(&key)).get("Patient").await.expect_in(400..=401);
    for endpoint in [
        "token",
        "introspect",
        "revoke",
        "par",
        "sign-in",
        "second",
        "authorize",
        "forgotten",
        "reset",
        "sign-up",
        "end-session",
        "password",
        "email",
        "invitation",
        "passkey",
        "authenticator",
        "link",
        "sign-on/x/logout",
    ] {
        let names = [
            "grant_type",
            "code",
            "code_verifier",
            "refresh_token",
            "client_id",
            "client_secret",
            "client_assertion",
            "token",
            "username",
            "password",
            "state",
            "redirect_uri",
            "scope",
            "id_token_hint",
            "logout_token",
            "email",
            "csrf",
            "next",
            "request",
            "launch",
            "login_hint",
        ];
        let form: Vec<(&str, String)> = names.iter().map(|it| (*it, watched.plant("form"))).collect();
        place.with(None).call("POST", &format!("{}/{endpoint}", place.issuer())).body(FORM, query(&form)).send().await;
        place.with(None).get(&format!("{}/{endpoint}?{}", place.issuer(), query(&form))).await;
    }
    let person = place.practitioner().await;
    watched.planted.push(("password", person.password.to_lowercase()));
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    let wrong = Person { name: watched.plant("username"), password: watched.plant("password") };
    browser.sign_in(&page, &wrong).await.expect(401);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    let cookie = browser.cookie.clone().expect("a cookie");
    watched.planted.push(("cookie", cookie.split_once('=').expect("a value").1.to_lowercase()));
    let app = place.app("openid user/*.rs offline_access");
    let tokens = place.granted(&app, &person, "openid user/*.rs offline_access", None).await;
    for name in ["access_token", "refresh_token", "id_token"] {
        let token = tokens[name].as_str().expect("a token").to_lowercase();
        watched.planted.push(("token", token.rsplit('.').next().unwrap_or_default().to_owned()));
    }
    place.with(tokens["access_token"].as_str()).get("Patient").await.expect(200);
    place.refresh(&app, tokens["refresh_token"].as_str().expect("a token")).await.expect(200);
    let client = json!({"client_name": watched.plant("client"), "redirect_uris": [format!("https://{}.example.org/", watched.plant("client"))]});
    let register = place.with(None).call("POST", &format!("{}/register", place.issuer()));
    register.body("application/json", client.to_string()).send().await.expect_in(200..=499);
}

/// Mails, providers and operations of administrators.
pub(super) async fn administration(watched: &mut Watched, place: &Place<'_>) {
    let patient = place.patient(&watched.plant("family")).await;
    let invite = json!({"resourceType": "Parameters", "parameter": [
        {"name": "email", "valueString": format!("{}@example.org", watched.plant("email"))},
        {"name": "user", "valueString": format!("Patient/{patient}")}]});
    place.admin.post("$invite", &invite).await.expect(200);
    let provider = json!({"resourceType": "Parameters", "parameter": [
        {"name": "id", "valueString": "staff"}, {"name": "label", "valueString": "Staff"},
        {"name": "issuer", "valueUri": "https://127.0.0.1:1"}, {"name": "client-id", "valueString": watched.plant("client")},
        {"name": "client-secret", "valueString": watched.plant("secret")},
        {"name": "rule", "part": [{"name": "scope", "valueString": "user/*.rs"}]}]});
    let answer = place.admin.post("$register-provider", &provider).await.expect(200);
    watched.look_at_errors(&answer, &["secret"]);
    let back = format!(
        "{}/sign-on/staff/back?{}",
        place.issuer(),
        query(&[("state", watched.plant("form")), ("code", watched.plant("form"))])
    );
    place.with(None).get(&back).await;
    place.with(None).get(&format!("{}/sign-on/staff", place.issuer())).await.expect(503);
    for operation in [
        "$invite",
        "$link-user",
        "$reset-factors",
        "$register-provider",
        "$brands",
        "$appearance",
        "$rate-limits",
        "$switching",
    ] {
        let parameters = ["username", "email", "user", "provider", "subject", "client-secret", "color", "organization"]
            .map(|it| json!({"name": it, "valueString": watched.plant("value")}));
        place.admin.post(operation, &json!({"resourceType": "Parameters", "parameter": parameters})).await;
    }
    let state = format!("{}/state/{}/Basic", place.root, place.tenant);
    let basic =
        json!({"resourceType": "Basic", "code": {"coding": [{"system": "urn:x", "code": watched.plant("value")}]}});
    place.admin.call("POST", &state).json(&basic).send().await;
    place.admin.get(&format!("{state}?code={}", watched.plant("query"))).await;
    for path in ["fhir", "auth", "state", "livez", "assets"] {
        place.with(None).get(&format!("{}/{path}/{}/Patient", place.root, watched.plant("path"))).await;
    }
}
