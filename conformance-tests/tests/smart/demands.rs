//! What OAuth, OpenID Connect and SMART demand that no other case is about (`musts.txt` lists all of it).

use super::clients::{ask, claims, keys, signed_as};
use super::introspection::introspect;
use super::launches::identity;
use super::place::{Browser, FORM, Place, REDIRECT, VERIFIER, query, text, told, told_app};
use conformance_tests::{Answer, Client, unique};
use serde_json::{Value, json};
use std::time::Duration;

const SCOPE: &str = "openid fhirUser user/*.rs offline_access";

/// A POST to the token endpoint with parameters in the address beside those in the form.
async fn posted(place: &Place<'_>, address: &str, form: &[(&str, &str)]) -> Answer {
    let call = place.with(None).call("POST", &format!("{}/{address}", place.issuer()));
    call.body(FORM, query(form)).send().await
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, text(&answer.json(), "error")), (status, code.to_owned()), "{}", answer.text());
    assert_eq!(answer.needed_header("cache-control"), "no-store");
    assert_eq!(answer.needed_header("pragma"), "no-cache");
    assert_eq!(answer.needed_header("content-type"), "application/json");
}

/// RFC 6749 sections 5.1 and 5.2; app-launch.html: answers are JSON that nobody keeps; with the scope that was granted.
#[tokio::test]
async fn answers_with_tokens_are_not_kept() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app(SCOPE));
    let code = Browser::new(&place).let_in(&person, &place.asked(&app, "user/*.rs user/Task.cud"), None).await;
    let answer = place.redeem(&app, &code).await.expect(200);
    assert_eq!(answer.needed_header("cache-control"), "no-store");
    assert_eq!(answer.needed_header("pragma"), "no-cache");
    assert_eq!(answer.needed_header("content-type"), "application/json");
    let tokens = answer.json();
    assert_eq!((text(&tokens, "token_type"), text(&tokens, "scope")), ("Bearer".into(), "user/*.rs".into()));
    assert!(tokens["expires_in"].as_i64().is_some_and(|it| (1..=3600).contains(&it)));
    refused(&place.redeem(&app, "wrong").await, 400, "invalid_grant");
}

/// RFC 6749 sections 2.3, 3.2 and 5.2: the token endpoint takes forms, by POST, each parameter once and from the body; what it
/// does not know it does not heed; a client proves who it is in one way.
#[tokio::test]
async fn the_token_endpoint_takes_one_form() {
    let Some(place) = Place::new() else { return };
    let app = place.app(SCOPE);
    let by_get = place.with(None).get(&format!("{}/token?grant_type=refresh_token", place.issuer())).await.expect(405);
    assert_eq!(by_get.needed_header("allow"), "POST");
    let call = place.with(None).call("POST", &format!("{}/token", place.issuer()));
    call.body("application/json", json!({"grant_type": "refresh_token"}).to_string()).send().await.expect(400);
    let form = [("grant_type", "authorization_code"), ("client_id", &*app), ("code", "x"), ("redirect_uri", REDIRECT)];
    let with = |more: (&'static str, &'static str)| [&form[..], &[more]].concat();
    refused(&posted(&place, "token", &with(("code", "y"))).await, 400, "invalid_request");
    refused(&posted(&place, "token", &form).await, 400, "invalid_request");
    refused(&posted(&place, &format!("token?code_verifier={VERIFIER}"), &form).await, 400, "invalid_request");
    let verified = [&form[..], &[("code_verifier", VERIFIER)]].concat();
    refused(&posted(&place, "token", &verified).await, 400, "invalid_grant");
    refused(&posted(&place, "token", &[&verified[..], &[("unheard_of", "x")]].concat()).await, 400, "invalid_grant");
    refused(&posted(&place, "token", &[("client_id", &*app)]).await, 400, "invalid_request");
    let two = [("client_secret", "x"), ("client_assertion", "y")];
    refused(&posted(&place, "token", &[&verified[..], &two].concat()).await, 400, "invalid_request");
    refused(
        &posted(&place, "token", &[("grant_type", "refresh_token"), ("client_id", "nobody")]).await,
        401,
        "invalid_client",
    );
}

/// OAuth 2.1 sections 1.3 and 10: neither passwords nor implicit answers, nor tokens in addresses (RFC 6750 section 5.3).
#[tokio::test]
async fn nothing_of_old_is_served() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs"));
    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"] {
        let form =
            [("grant_type", grant), ("client_id", &*app), ("username", &person.name), ("password", &person.password)];
        refused(&posted(&place, "token", &form).await, 400, "unsupported_grant_type");
    }
    for response_type in ["token", "id_token", "code id_token"] {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| *name != "response_type");
        asked.push(("response_type", response_type.into()));
        let answer = Browser::new(&place).ask(&asked).await.expect(303);
        assert_eq!(told(&told_app(&answer), "error"), Some("unsupported_response_type"));
    }
    let tokens = place.granted(&app, &person, "user/*.rs", None).await;
    let token = text(&tokens, "access_token");
    place.with(Some(&token)).get("Patient").await.expect(200);
    place.with(None).get(&format!("Patient?access_token={token}")).await.expect_outcome(401..=401);
    let form = query(&[("access_token", &token)]);
    place.with(None).call("POST", "Patient/_search").body(FORM, form).send().await.expect_outcome(401..=401);
}

/// RFC 6749 section 4.1.2.1, RFC 9207 section 2: an error has the state as it was sent, and names who answers.
#[tokio::test]
async fn errors_repeat_the_state() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.rs");
    for (name, value, code) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("request", "x.y.z", "request_not_supported"),
        ("scope", "", "invalid_scope"),
    ] {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(it, _)| *it != name);
        asked.push((name, value.into()));
        let told_app = told_app(&Browser::new(&place).ask(&asked).await.expect(303));
        assert_eq!(told(&told_app, "error"), Some(code), "{name}={value}");
        assert_eq!(told(&told_app, "state"), Some("a state & more"));
        assert_eq!(told(&told_app, "iss"), Some(&*place.issuer()));
        assert_eq!(told(&told_app, "code"), None);
    }
}

/// OpenID Connect Core section 3.1.2.1, SMART authorize-post: a request may be posted, and what is not known in it is not heeded
/// (RFC 6749 section 3.1).
#[tokio::test]
async fn a_request_may_be_posted() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.rs");
    let mut asked = place.asked(&app, "user/*.rs");
    asked.push(("unheard_of", "x".into()));
    let form: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (*name, &**value)).collect();
    let page = posted(&place, "authorize", &form).await.expect(200);
    assert!(page.text().contains("type=\"password\""));
    assert!(Browser::new(&place).ask(&asked).await.expect(200).text().contains("type=\"password\""));
}

/// RFC 6749 section 10.13, RFC 9700 section 4.16: pages are not framed, nor kept, and tell nobody where one came from.
#[tokio::test]
async fn pages_are_not_framed() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.rs");
    let mut browser = Browser::new(&place);
    for page in [browser.ask(&place.asked(&app, "user/*.rs")).await, browser.get("account").await] {
        let policy = page.needed_header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"), "{policy}");
        assert_eq!(page.needed_header("cache-control"), "no-store");
        assert_eq!(page.needed_header("referrer-policy"), "no-referrer");
    }
}

/// RFC 6749 section 6: a refresh asks for what was granted or less, and the grant stays whole.
#[tokio::test]
async fn a_refresh_asks_for_no_more() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app(SCOPE));
    let tokens = place.granted(&app, &person, "user/Patient.rs user/Task.rs offline_access", None).await;
    let refresh = async |token: &str, scope: &str| {
        let form = [("grant_type", "refresh_token"), ("client_id", &*app), ("refresh_token", token), ("scope", scope)];
        place.post("token", &form).await
    };
    let first = text(&tokens, "refresh_token");
    refused(&refresh(&first, "user/Patient.rs user/Observation.rs").await, 400, "invalid_scope");
    let less = refresh(&first, "user/Patient.rs").await.expect(200).json();
    assert_eq!(text(&less, "scope"), "user/Patient.rs");
    let narrow = place.with(less["access_token"].as_str());
    narrow.get("Patient").await.expect(200);
    narrow.get("Task").await.expect_outcome(403..=403);
    let whole = place.refresh(&app, &text(&less, "refresh_token")).await.expect(200).json();
    assert_eq!(text(&whole, "scope"), text(&tokens, "scope"));
}

/// RFC 7009 section 2: what is no token is revoked already, whatever it is said to be; by POST alone.
#[tokio::test]
async fn what_is_no_token_is_revoked() {
    let Some(place) = Place::new() else { return };
    let app = place.app(SCOPE);
    for hint in ["access_token", "refresh_token", "unheard_of"] {
        place.post("revoke", &[("client_id", &app), ("token", "x"), ("token_type_hint", hint)]).await.expect(200);
    }
    refused(&place.post("revoke", &[("client_id", &app)]).await, 400, "invalid_request");
    refused(&place.post("revoke", &[("client_id", "nobody"), ("token", "x")]).await, 401, "invalid_client");
    place.with(None).get(&format!("{}/revoke?token=x", place.issuer())).await.expect(405);
}

/// OpenID Connect Core section 5.3, RFC 6750 section 3: userinfo is for a token with the scope openid, by GET and POST; others
/// are challenged.
#[tokio::test]
async fn userinfo_is_for_tokens_with_openid() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app(SCOPE));
    let tokens = place.granted(&app, &person, "openid fhirUser user/*.rs", None).await;
    let claims = identity(&place, &tokens, &app).await;
    assert!(text(&claims, "sub").len() <= 255 && claims["exp"].as_i64() > claims["iat"].as_i64());
    let address = format!("{}/userinfo", place.issuer());
    let knows = place.with(tokens["access_token"].as_str());
    for method in ["GET", "POST"] {
        let call = knows.call(method, &address);
        let call = if method == "POST" { call.body(FORM, String::new()) } else { call };
        let answer = call.send().await.expect(200);
        assert_eq!(answer.needed_header("content-type"), "application/json");
        let told = answer.json();
        assert_eq!((&told["sub"], &told["fhirUser"]), (&claims["sub"], &claims["fhirUser"]));
    }
    let without = place.granted(&app, &person, "user/*.rs", None).await;
    let answer = place.with(without["access_token"].as_str()).get(&address).await.expect(403);
    assert_eq!(answer.json()["error"], "insufficient_scope");
    for client in [place.with(None), place.with(Some("x"))] {
        let challenge = client.get(&address).await.expect(401).needed_header("www-authenticate").to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        let challenge = client.get("Patient").await.expect(401).needed_header("www-authenticate").to_owned();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
    }
}

/// RFC 8414 section 2, OpenID Connect Discovery section 3, conformance.html#metadata: what must be told, as JSON whatever
/// is asked for, with the issuer to the letter.
#[tokio::test]
async fn metadata_have_what_the_standards_want() {
    let Some(place) = Place::new() else { return };
    let smart = format!("{}/.well-known/smart-configuration", place.admin.base);
    let openid = format!("{}/.well-known/openid-configuration", place.issuer());
    let oauth = format!("{}/.well-known/oauth-authorization-server/auth/{}", place.root, place.tenant);
    for address in [&smart, &openid, &oauth] {
        let answer = place.with(None).call("GET", address).header("accept", "application/fhir+xml").send().await;
        let answer = answer.expect(200);
        assert_eq!(answer.needed_header("content-type"), "application/json", "{address}");
        let told = answer.json();
        assert_eq!(told["issuer"], place.issuer(), "{address}");
        for member in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            assert!(text(&told, member).starts_with(&place.root) && !text(&told, member).contains('#'), "{member}");
        }
        for (member, value) in [
            ("response_types_supported", "code"),
            ("subject_types_supported", "public"),
            ("id_token_signing_alg_values_supported", "RS256"),
            ("scopes_supported", "openid"),
            ("code_challenge_methods_supported", "S256"),
        ] {
            assert!(told[member].as_array().is_some_and(|it| it.iter().any(|it| it == value)), "{member}: {told}");
        }
        assert_eq!(told["authorization_response_iss_parameter_supported"], true);
    }
    let keys = place.with(None).get(&format!("{}/jwks", place.issuer())).await.expect(200).json();
    for key in keys["keys"].as_array().expect("keys") {
        assert!(key["kty"].is_string() && key["kid"].is_string() && key["d"].is_null(), "{key}");
    }
}

/// scopes-and-launch-context.html: id tokens signed by RS256, for an app that wants it, through each rotation of keys; what is
/// told when its user signs out is signed alike, and such a token serves as hint.
#[tokio::test]
async fn an_app_has_its_id_tokens_signed_by_rs256() {
    let Some(place) = Place::new() else { return };
    let fixed = ["--public", "--redirect", REDIRECT, "--scope", SCOPE];
    let app = place.register(&[&fixed[..], &["--id-tokens", "RS256"]].concat()).0;
    let person = place.practitioner().await;
    let mut kids = Vec::new();
    for _ in 0..2 {
        // Every node knows a new key by then.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let tokens = place.granted(&app, &person, SCOPE, None).await;
        let token = text(&tokens, "id_token");
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
        let claims = identity(&place, &tokens, &app).await;
        assert_eq!(claims["aud"], *app);
        place.with(Some(&token)).get("Patient").await.expect_outcome(401..=401);
        let refreshed = place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200).json();
        assert_eq!(identity(&place, &refreshed, &app).await["sub"], claims["sub"]);
        kids.push(header.kid);
        place.program.succeed(&["tenant", "rotate-keys", &place.tenant]);
    }
    assert_ne!(kids[0], kids[1]);
    // Whoever does not ask for it is given the shorter ones.
    let other = place.app(SCOPE);
    let tokens = place.granted(&other, &person, SCOPE, None).await;
    let header = jsonwebtoken::decode_header(text(&tokens, "id_token")).expect("a header");
    assert_eq!(header.alg, jsonwebtoken::Algorithm::ES256);
}

/// OpenID Connect Dynamic Client Registration section 2, RFC 7591 section 3.2.1: all that was registered is told, once and to be
/// kept by nobody on the way.
#[tokio::test]
async fn a_registration_is_told_whole() {
    let Some(place) = Place::new() else { return };
    let register = async |change: Value| {
        let mut metadata = json!({"client_name": "My app", "redirect_uris": [REDIRECT], "scope": "openid user/*.rs"});
        metadata.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let call = Client::new(&place.issuer(), None).call("POST", "register");
        let call = call.header("x-forwarded-for", &format!("192.0.2.{}", 200 + change.as_object().unwrap().len()));
        call.body("application/json", metadata.to_string()).send().await
    };
    let answer = register(json!({"id_token_signed_response_alg": "RS256"})).await.expect(201);
    assert_eq!((answer.needed_header("cache-control"), answer.needed_header("pragma")), ("no-store", "no-cache"));
    let told = answer.json();
    assert_eq!(told["id_token_signed_response_alg"], "RS256");
    assert_eq!((&told["redirect_uris"], &told["response_types"]), (&json!([REDIRECT]), &json!(["code"])));
    assert_eq!(told["grant_types"], json!(["authorization_code"]));
    assert_eq!(told["token_endpoint_auth_method"], "client_secret_basic");
    assert!(told["client_id_issued_at"].is_i64() && told["client_secret_expires_at"] == 0);
    assert!(text(&told, "client_secret").len() >= 43 && text(&told, "client_id").len() >= 20);
    let other = register(json!({})).await.expect(201).json();
    assert!(other["client_id"] != told["client_id"] && other["client_secret"] != told["client_secret"]);
    let wrong = register(json!({"id_token_signed_response_alg": "none", "client_name": "x"})).await.expect(400).json();
    assert_eq!(wrong["error"], "invalid_client_metadata");
}

/// client-confidential-asymmetric.html#signature-verification: an assertion names one key of the client's by `kid`, and no
/// place of keys but the client's own by `jku`.
#[tokio::test]
async fn an_assertion_names_its_key() {
    let Some(place) = Place::new() else { return };
    let register = |keys: &Value| {
        let file = place.program.directory().join(format!("keys-{}.json", unique()));
        std::fs::write(&file, keys.to_string()).expect("a file");
        place.register(&["--jwks", file.to_str().expect("UTF-8"), "--scope", "system/*.rs"]).0
    };
    let (client, whole) = (register(&keys()), claims);
    for (kid, jku) in [
        (None, None),
        (Some("other"), None),
        (Some("one"), Some("https://evil.example/keys")),
        (Some("one"), Some("http://127.0.0.1/keys")),
    ] {
        let answer = ask(&place, &signed_as(&whole(&place, &client), kid, jku), "system/*.rs").await;
        refused(&answer, 401, "invalid_client");
    }
    ask(&place, &signed_as(&whole(&place, &client), Some("one"), None), "system/*.rs").await.expect(200);
    let mut twice = keys();
    let key = twice["keys"][0].clone();
    twice["keys"].as_array_mut().unwrap().push(key);
    let client = register(&twice);
    refused(
        &ask(&place, &signed_as(&whole(&place, &client), Some("one"), None), "system/*.rs").await,
        401,
        "invalid_client",
    );
}

/// RFC 8252 section 7.3, OAuth 2.1 section 8.4.2: an app on the user's own machine listens at any port of the loopback address
/// that it registered; of nothing else does the port, or any other part, differ.
#[tokio::test]
async fn an_app_on_the_users_machine_has_any_port() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let registered = [
        "http://127.0.0.1/back",
        "http://[::1]:4000/back",
        "http://localhost:4000/back",
        "https://app.example.org:4000/",
    ];
    let redirects: Vec<&str> = registered.iter().flat_map(|it| ["--redirect", *it]).collect();
    let app = place.register(&[&["--public", "--scope", "user/*.rs"], &redirects[..]].concat()).0;
    let asked = |uri: &str| {
        let mut asked = place.asked(&app, "user/*.rs");
        asked.retain(|(name, _)| *name != "redirect_uri");
        asked.push(("redirect_uri", uri.to_owned()));
        asked
    };
    for (uri, is_taken) in [
        ("http://127.0.0.1:51004/back", true),
        ("http://127.0.0.1/back", true),
        ("http://[::1]:51004/back", true),
        ("http://127.0.0.1:51004/other", false),
        ("http://127.0.0.1:51004.evil.example/back", false),
        ("http://127.0.0.1:@evil.example/back", false),
        ("http://127.0.0.2:51004/back", false),
        ("https://127.0.0.1:51004/back", false),
        ("http://localhost:51004/back", false),
        ("https://app.example.org:51004/", false),
    ] {
        let answer = Browser::new(&place).ask(&asked(uri)).await;
        assert_eq!(answer.status, if is_taken { 200 } else { 400 }, "{uri}");
    }
    let uri = "http://127.0.0.1:51004/back";
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &asked(uri)).await.expect(200);
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let location = answer.needed_header("location").to_owned();
    let code = location.strip_prefix(&format!("{uri}?code=")).and_then(|it| it.split('&').next()).expect("a code");
    let redeem = async |redirect: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &*app),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", VERIFIER),
        ];
        place.post("token", &form).await.status
    };
    assert_eq!(redeem("http://127.0.0.1:51005/back").await, 400);
    assert_eq!(redeem(uri).await, 200);
}

/// scopes-and-launch-context.html: version 1's words are version 2's, and introspection says the same as the token's answer.
#[tokio::test]
async fn scopes_of_version_1_are_those_of_version_2() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.cruds"));
    let gateway = place.register(&["--introspection", "--scope", "user/*.rs", "--redirect", REDIRECT]);
    for (asked, may_read, may_write) in
        [("user/Patient.read", 200, 403), ("user/Patient.write", 403, 201), ("user/Patient.*", 200, 201)]
    {
        let tokens = place.granted(&app, &person, asked, None).await;
        let client = place.with(tokens["access_token"].as_str());
        assert_eq!(client.get("Patient").await.status, may_read, "{asked}");
        assert_eq!(client.post("Patient", &json!({"resourceType": "Patient"})).await.status, may_write, "{asked}");
        let said = introspect(&place, &gateway, &text(&tokens, "access_token")).await;
        assert_eq!((&said["scope"], &said["active"]), (&tokens["scope"], &json!(true)));
        assert!(said["exp"].is_i64() && said["client_id"] == *app);
    }
}
