//! Apps, programs and users, administered over FHIR.

use super::clients::{ask, claims, keys, signed};
use super::place::{Browser, FORM, Person, Place, REDIRECT, VERIFIER, query, text};
use crate::roles::{call, member};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conformance_tests::{Answer, Client};
use serde_json::{Value, json};
use std::time::Duration;

const SCOPE: &str = "openid user/*.rs offline_access";

/// A registration: names with their values, as FHIR's types have them.
async fn register(client: &Client, given: &[(&str, &str, Value)]) -> Answer {
    let parameter: Vec<Value> = given.iter().map(|(name, of, value)| json!({ "name": name, *of: value })).collect();
    client.post("$register-client", &json!({ "resourceType": "Parameters", "parameter": parameter })).await
}

fn named<'a>(name: &'a str, scope: &'a str) -> Vec<(&'a str, &'a str, Value)> {
    vec![("name", "valueString", json!(name)), ("scope", "valueString", json!(scope))]
}

fn app(authentication: &str) -> Vec<(&str, &str, Value)> {
    let more = [("redirect-uri", "valueUri", json!(REDIRECT)), ("authentication", "valueCode", json!(authentication))];
    [named("Growth chart", SCOPE), more.to_vec()].concat()
}

/// A parameter of an answer.
fn told(answer: &Value, name: &str) -> Option<String> {
    let parameters = answer["parameter"].as_array()?;
    parameters.iter().find(|it| it["name"] == name)?["valueString"].as_str().map(str::to_owned)
}

/// What is told of the clients: each as a text.
async fn listed(client: &Client) -> Vec<String> {
    let answer = client.get("$clients").await.expect(200).json();
    answer["parameter"].as_array().into_iter().flatten().map(Value::to_string).collect()
}

/// An app is registered by whoever has the permission, let in by its user, listed without its secret, and taken away with all that
/// it was granted.
#[tokio::test]
async fn apps_are_registered_and_taken_away() {
    let Some(place) = Place::new() else { return };
    let (admin, doctor) = (member(&place, &["admin"]).await.client, member(&place, &["doctor"]).await.client);
    let person = place.practitioner().await;
    register(&doctor, &app("none")).await.expect_outcome(403..=403);
    doctor.get("$clients").await.expect_outcome(403..=403);

    let public = register(&admin, &app("none")).await.expect(200).json();
    assert_eq!(told(&public, "secret"), None);
    let public = told(&public, "id").expect("an id");
    let tokens = place.granted(&public, &person, SCOPE, None).await;
    let sees = place.with(tokens["access_token"].as_str());
    sees.get("Patient").await.expect(200);

    let confidential = register(&admin, &app("client_secret_basic")).await.expect(200).json();
    let (id, secret) = (told(&confidential, "id").expect("an id"), told(&confidential, "secret").expect("a secret"));
    let code = Browser::new(&place).let_in(&person, &place.asked(&id, SCOPE), None).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let call_of = place.with(None).call("POST", &format!("{}/token", place.issuer())).header("authorization", &basic);
    call_of.body(FORM, query(&form)).send().await.expect(200);

    let all = listed(&admin).await;
    for id in [&public, &id] {
        let line = all.iter().find(|it| it.contains(&**id)).unwrap_or_else(|| panic!("{id} is not in {all:?}"));
        assert!(line.contains("Growth chart") && line.contains(REDIRECT) && !line.contains(&secret), "{line}");
    }
    doctor
        .post(
            "$remove-client",
            &json!({ "resourceType": "Parameters", "parameter":
        [{ "name": "id", "valueString": public }] }),
        )
        .await
        .expect_outcome(403..=403);
    call(&admin, "$remove-client", &[("id", json!(public))]).await.expect(204);
    call(&admin, "$remove-client", &[("id", json!(public))]).await.expect_outcome(404..=404);
    assert!(!listed(&admin).await.iter().any(|it| it.contains(&public)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    sees.get("Patient").await.expect_outcome(401..=401);
    place.refresh(&public, &text(&tokens, "refresh_token")).await.expect(401);
}

/// A program that acts for nobody is let in with an administrator's token alone, as nobody's roles bound it; also where it is an
/// app that registered itself.
#[tokio::test]
async fn programs_are_let_in_by_an_administrators_token() {
    let Some(place) = Place::new() else { return };
    let admin = member(&place, &["owner"]).await.client;
    let program =
        [named("Warehouse", "system/*.rs"), vec![("jwks", "valueString", json!(keys().to_string()))]].concat();
    register(&admin, &program).await.expect_outcome(403..=403);
    let id = told(&register(&place.admin, &program).await.expect(200).json(), "id").expect("an id");
    ask(&place, &signed(&claims(&place, &id)), "system/Patient.rs").await.expect(200);
    // A program's scopes in the clothes of an app.
    let mut posing = app("none");
    posing.retain(|it| it.0 != "scope");
    posing.push(("scope", "valueString", json!("system/*.cruds user/*.rs")));
    register(&admin, &posing).await.expect_outcome(403..=403);

    let metadata = json!({ "client_name": "Self-made", "grant_types": ["client_credentials"], "jwks": keys(),
        "token_endpoint_auth_method": "private_key_jwt", "scope": "system/*.rs" });
    let registered =
        Client::new(&place.issuer(), None).call("POST", "register").header("x-forwarded-for", "192.0.2.31");
    let registered = registered.body("application/json", metadata.to_string()).send().await.expect(201).json();
    let id = text(&registered, "client_id");
    ask(&place, &signed(&claims(&place, &id)), "system/Patient.rs").await.expect(401);
    assert!(
        listed(&admin).await.iter().any(|it| it.contains(&id) && it.contains("\"approved\",\"valueBoolean\":false"))
    );
    call(&admin, "$approve-client", &[("id", json!(id))]).await.expect_outcome(403..=403);
    call(&place.admin, "$approve-client", &[("id", json!(id))]).await.expect(204);
    ask(&place, &signed(&claims(&place, &id)), "system/Patient.rs").await.expect(200);
}

/// What is wrong with a registration is told, and nothing is kept.
#[tokio::test]
async fn a_wrong_registration_is_refused() {
    let Some(place) = Place::new() else { return };
    let mut private = keys();
    private["keys"][0]["d"] = "AAAA".into();
    for (name, of, value) in [
        ("redirect-uri", "valueUri", json!("http://evil.example/")),
        ("redirect-uri", "valueUri", json!("javascript:alert(1)")),
        ("scope", "valueString", json!("user/Nothing.rs")),
        ("name", "valueString", json!(" ")),
        ("authentication", "valueCode", json!("tls_client_auth")),
        ("authentication", "valueCode", json!("private_key_jwt")),
        ("jwks", "valueString", json!(private.to_string())),
        ("jwks", "valueString", json!("nonsense")),
        ("jwks-uri", "valueUri", json!("http://127.0.0.1/keys")),
        ("backchannel-logout-uri", "valueUri", json!("http://127.0.0.1/out")),
        ("id-tokens", "valueCode", json!("none")),
    ] {
        let mut given = app("client_secret_basic");
        given.retain(|it| it.0 != name && (!name.starts_with("jwks") || it.0 != "authentication"));
        given.push((name, of, value.clone()));
        let answer = register(&place.admin, &given).await;
        assert!((400..=422).contains(&answer.status), "{name} {value}: {}", answer.text());
    }
    assert!(listed(&place.admin).await.is_empty());
}

/// A user is disabled, enabled and taken away by whom could have given all that the user has; not by oneself, and never the last
/// owner.
#[tokio::test]
async fn users_are_disabled_and_taken_away() {
    let Some(place) = Place::new() else { return };
    let (owner, admin) = (member(&place, &["owner"]).await, member(&place, &["admin"]).await);
    let (nurse, doctor) = (member(&place, &["nurse"]).await, member(&place, &["doctor"]).await);
    let one = |name: &str| [("username", json!(name))];
    let signs_in = async |person: &Person| {
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        browser.sign_in(&page, person).await.status
    };
    for operation in ["$disable-user", "$enable-user", "$remove-user"] {
        call(&doctor.client, operation, &one(&nurse.name)).await.expect_outcome(403..=403);
        call(&admin.client, operation, &one(&owner.name)).await.expect_outcome(403..=403);
        call(&admin.client, operation, &one(&admin.name)).await.expect_outcome(403..=403);
        call(&admin.client, operation, &one("nobody-at-all")).await.expect_outcome(404..=404);
    }
    for operation in ["$disable-user", "$remove-user"] {
        call(&place.admin, operation, &one(&owner.name)).await.expect_outcome(409..=409);
    }

    let password = place.program.succeed(&["user", "password", "--tenant", &place.tenant, &nurse.name]);
    let person = Person { name: nurse.name.clone(), password: password.trim().rsplit(' ').next().unwrap().to_owned() };
    assert_eq!(signs_in(&person).await, 303);
    let app = place.app("user/*.cruds");
    let tokens = place.granted(&app, &person, "user/*.cruds", None).await;
    let works = place.with(tokens["access_token"].as_str());
    works.get("Patient").await.expect(200);
    call(&admin.client, "$disable-user", &one(&nurse.name)).await.expect(204);
    assert_eq!(signs_in(&person).await, 401);
    tokio::time::sleep(Duration::from_secs(2)).await;
    works.get("Patient").await.expect_outcome(401..=401);
    call(&admin.client, "$enable-user", &one(&nurse.name)).await.expect(204);
    assert_eq!(signs_in(&person).await, 303);
    // What ended stays so.
    works.get("Patient").await.expect_outcome(401..=401);

    call(&admin.client, "$remove-user", &one(&nurse.name)).await.expect(204);
    assert_eq!(signs_in(&person).await, 401);
    let all = admin.client.get("$users").await.expect(200).text();
    assert!(!all.contains(&nurse.name) && all.contains(&doctor.name));
}
