//! Clients: how they prove who they are, register themselves, and what they do with tokens.

use super::place::{Browser, FORM, Place, REDIRECT, VERIFIER, query, text};
use super::times::Attempts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conformance_tests::{Answer, Client, Program, unique};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// A key of these cases, and its public half: P-384, as SMART's ES384 asks.
pub(super) const PRIVATE: &str = "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCIyvaicjU3lc0bxtZ00+BFMMZ/TxScDW8fexzdVuWgpw8b2CGpV0aLNc/ogwvjUEahZANiAAQ+ekJUJO1H7V+Sn/IrW4WbFEgDnyQxS8I1qSkR69sEgYKppB4CLzesQMRYo69XR43kwu29sN1F1WngmsKwSx4tuhLh7HOEEqPSzLgmmvygz7EJI42CVkHZ1cZHyU45imc=";
const X: &str = "PnpCVCTtR-1fkp_yK1uFmxRIA58kMUvCNakpEevbBIGCqaQeAi83rEDEWKOvV0eN";
const Y: &str = "5MLtvbDdRdVp4JrCsEseLboS4exzhBKj0sy4Jpr8oM-xCSONglZB2dXGR8lOOYpn";

pub(super) fn keys() -> Value {
    json!({"keys": [{"kty": "EC", "crv": "P-384", "x": X, "y": Y, "kid": "one", "alg": "ES384", "use": "sig"}]})
}

#[allow(clippy::disallowed_methods)]
pub(super) fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// A program that signs, allowed these scopes.
fn backend(place: &Place<'_>, scope: &str) -> String {
    let file = place.program.directory().join(format!("keys-{}.json", unique()));
    std::fs::write(&file, keys().to_string()).unwrap();
    place.register(&["--jwks", file.to_str().unwrap(), "--scope", scope]).0
}

pub(super) fn claims(place: &Place<'_>, client: &str) -> Value {
    json!({"iss": client, "sub": client, "aud": format!("{}/token", place.issuer()), "exp": now() + 200, "jti": unique()})
}

pub(super) fn signed(claims: &Value) -> String {
    signed_as(claims, Some("one"), None)
}

/// Signed by the client's key, whichever key and place of keys the header names.
pub(super) fn signed_as(claims: &Value, kid: Option<&str>, jku: Option<&str>) -> String {
    let named = |it: &str| it.to_owned();
    let header = Header { kid: kid.map(named), jku: jku.map(named), ..Header::new(Algorithm::ES384) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&STANDARD.decode(PRIVATE).unwrap())).unwrap()
}

pub(super) async fn ask(place: &Place<'_>, assertion: &str, scope: &str) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    place.post("token", &form).await
}

/// backend-services.html: a program gets in by a signed assertion, for five minutes at the most.
#[tokio::test]
async fn a_program_gets_in_by_a_signed_assertion() {
    let Some(place) = Place::new() else { return };
    let client = backend(&place, "system/Patient.rs");
    let answer = ask(&place, &signed(&claims(&place, &client)), "system/*.cruds user/*.rs").await.expect(200);
    assert_eq!(answer.needed_header("cache-control"), "no-store");
    let answer = answer.json();
    assert_eq!(text(&answer, "scope"), "system/Patient.rs");
    assert!(answer["expires_in"].as_i64().unwrap() <= 300 && answer.get("refresh_token").is_none());
    let sees = place.with(answer["access_token"].as_str());
    sees.get("Patient").await.expect(200);
    sees.get("Observation").await.expect_outcome(403..=403);
    ask(&place, &signed(&claims(&place, &client)), "user/*.rs").await.expect(400);
    place.program.succeed(&["client", "remove", "--tenant", &place.tenant, &client]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    sees.get("Patient").await.expect_outcome(401..=401);
}

/// client-confidential-asymmetric.html: what an assertion must be.
#[tokio::test]
async fn an_assertion_that_is_not_right_is_refused() {
    let (Some(place), Some(other)) = (Place::new(), Place::new()) else { return };
    let client = backend(&place, "system/*.rs");
    let good = claims(&place, &client);
    let changed = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&claims)
    };
    let public = json!({"x": X, "y": Y}).to_string();
    let mut symmetric = Header::new(Algorithm::HS384);
    symmetric.kid = Some("one".into());
    let confused = jsonwebtoken::encode(&symmetric, &good, &EncodingKey::from_secret(public.as_bytes())).unwrap();
    let payload = signed(&good).split('.').nth(1).unwrap().to_owned();
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    for (why, assertion) in [
        ("expired", changed("exp", (now() - 60).into())),
        ("too long", changed("exp", (now() + 3600).into())),
        ("another audience", changed("aud", format!("{}/token", other.issuer()).into())),
        ("another issuer", changed("iss", "somebody".into())),
        ("another client", changed("sub", "somebody".into())),
        ("no jti", changed("jti", Value::Null)),
        ("HMAC by the public key", confused),
        ("unsigned", unsigned),
        ("cut", signed(&good).rsplit_once('.').unwrap().0.to_owned()),
    ] {
        let answer = ask(&place, &assertion, "system/*.rs").await;
        assert_eq!((answer.status, text(&answer.json(), "error")), (401, "invalid_client".into()), "{why}");
    }
    let once = signed(&good);
    ask(&place, &once, "system/*.rs").await.expect(200);
    ask(&place, &once, "system/*.rs").await.expect(401);
}

/// RFC 6749 section 2.3.1: an app with a secret proves itself by it, and in no other way.
#[tokio::test]
async fn a_secret_is_asked_for_where_there_is_one() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (client, secret) = place.register(&["--redirect", REDIRECT, "--scope", scope]);
    let secret = secret.expect("a secret");
    let person = place.practitioner().await;
    let code = Browser::new(&place).let_in(&person, &place.asked(&client, scope), None).await;
    let form = |more: &[(&'static str, String)]| {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.clone()),
            ("redirect_uri", REDIRECT.into()),
            ("code_verifier", VERIFIER.into()),
        ];
        form.extend_from_slice(more);
        query(&form)
    };
    let call = || place.with(None).call("POST", &format!("{}/token", place.issuer()));
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
    let id = ("client_id", client.clone());
    call().body(FORM, form(std::slice::from_ref(&id))).send().await.expect(401);
    call().body(FORM, form(&[id, ("client_secret", secret.clone())])).send().await.expect(401);
    let refused = call().header("authorization", &basic("wrong")).body(FORM, form(&[])).send().await.expect(401);
    assert!(refused.needed_header("www-authenticate").starts_with("Basic"));
    let tokens = call().header("authorization", &basic(&secret)).body(FORM, form(&[])).send().await.expect(200).json();

    let endpoint = async |path: &str, token: &str| {
        let call = place.with(None).call("POST", &format!("{}/{path}", place.issuer()));
        call.header("authorization", &basic(&secret))
            .body(FORM, query(&[("token", token)]))
            .send()
            .await
            .expect(200)
            .json()
    };
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let told = endpoint("introspect", &access).await;
    assert_eq!((&told["active"], &told["client_id"], &told["scope"]), (&json!(true), &json!(client), &json!(scope)));
    assert_eq!(endpoint("introspect", &refresh).await["active"], true);
    assert_eq!(endpoint("introspect", "nonsense").await, json!({"active": false}));
    endpoint("revoke", &access).await;
    assert_eq!(endpoint("introspect", &refresh).await, json!({"active": false}));
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.with(Some(&access)).get("Patient").await.expect_outcome(401..=401);
    place.post("introspect", &[("client_id", &client), ("token", &access)]).await.expect(401);
}

/// A registration (RFC 7591) of a public app with these members changed.
fn registration(change: Value) -> Value {
    let mut metadata = json!({"client_name": "My app", "redirect_uris": [REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none",
        "scope": "user/*.rs nonsense"});
    for (name, value) in change.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata
}

async fn register(issuer: &str, from: &str, metadata: &Value) -> Answer {
    let call = Client::new(issuer, None).call("POST", "register").header("x-forwarded-for", from);
    call.body("application/json", metadata.to_string()).send().await
}

/// RFC 7591: an app that registers itself waits for approval, unless the server takes all.
#[tokio::test]
async fn an_app_that_registers_itself_waits_for_approval() {
    let Some(place) = Place::new() else { return };
    let registered = register(&place.issuer(), "192.0.2.7", &registration(json!({}))).await.expect(201).json();
    assert_eq!((&registered["approved"], &registered["scope"]), (&json!(false), &json!("user/*.rs")));
    let client = text(&registered, "client_id");
    Browser::new(&place).ask(&place.asked(&client, "user/*.rs")).await.expect(400);
    place.program.succeed(&["client", "approve", "--tenant", &place.tenant, &client]);
    let person = place.practitioner().await;
    place.granted(&client, &person, "user/*.rs", None).await;
}

/// RFC 7591 section 3.2.2: what is wrong with a registration is told; a flood is slowed.
#[tokio::test]
async fn wrong_registrations_and_floods_are_refused() {
    let Some(place) = Place::new() else { return };
    let mut private = keys();
    private["keys"][0]["d"] = "AAAA".into();
    let signs = |more: Value| {
        let mut change = json!({"token_endpoint_auth_method": "private_key_jwt"});
        change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        change
    };
    for (at, (change, code)) in [
        (json!({"redirect_uris": ["http://evil.example/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["javascript:alert(1)"]}), "invalid_redirect_uri"),
        (json!({"grant_types": ["password"]}), "invalid_client_metadata"),
        (json!({"client_name": null}), "invalid_client_metadata"),
        (json!({"token_endpoint_auth_method": "tls_client_auth"}), "invalid_client_metadata"),
        (json!({"grant_types": ["client_credentials"], "redirect_uris": []}), "invalid_client_metadata"),
        (signs(json!({})), "invalid_client_metadata"),
        (signs(json!({"jwks": private})), "invalid_client_metadata"),
        (signs(json!({"jwks_uri": "http://127.0.0.1/keys"})), "invalid_client_metadata"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = register(&place.issuer(), &format!("192.0.2.{at}"), &registration(change.clone())).await;
        assert_eq!((answer.status, text(&answer.json(), "error")), (400, code.into()), "{change}");
    }
    let more = async || register(&place.issuer(), "192.0.2.99", &registration(json!({}))).await.status;
    Attempts::free(5).until_refused(201, more).await;
}

/// The server decides whether apps register themselves.
#[tokio::test]
async fn registration_is_a_setting() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("north");
    let server = program.serve(&["--registration", "open"]);
    let issuer = format!("{}/auth/north", server.root);
    assert_eq!(register(&issuer, "192.0.2.1", &registration(json!({}))).await.expect(201).json()["approved"], true);
    server.stop();
    let server = program.serve(&["--registration", "closed"]);
    let issuer = format!("{}/auth/north", server.root);
    register(&issuer, "192.0.2.1", &registration(json!({}))).await.expect(403);
    let configuration = format!("{}/.well-known/smart-configuration", server.base("north"));
    let told = Client::new(&server.base("north"), None).get(&configuration).await.expect(200).json();
    assert!(told.get("registration_endpoint").is_none());
    server.stop();
    let server = program.serve(&["--no-auth"]);
    let open = Client::new(&server.base("north"), None);
    open.get(".well-known/smart-configuration").await.expect(404);
    assert_eq!(open.read("metadata").await["rest"][0]["security"].get("service"), None);
}

/// conformance.html: where the server lets them, pages of other origins may ask (Fetch standard), without cookies.
#[tokio::test]
async fn pages_of_other_origins_may_ask() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("north");
    let server = program.serve(&["--cors-origins", "any"]);
    let nobody = Client::new(&server.base("north"), None);
    let from = |method: &str, address: &str| nobody.call(method, address).header("origin", "https://app.example.org");
    for (address, method) in [("token", "POST"), ("userinfo", "GET")] {
        let asked = from("OPTIONS", &format!("{}/auth/north/{address}", server.root));
        let asked = asked.header("access-control-request-method", method);
        let answer = asked.header("access-control-request-headers", "authorization").send().await.expect_in(200..=204);
        assert!(answer.needed_header("access-control-allow-headers").contains("authorization"));
    }
    for address in [".well-known/smart-configuration".to_owned(), format!("{}/auth/north/jwks", server.root)] {
        let answer = from("GET", &address).send().await.expect(200);
        assert_eq!(answer.needed_header("access-control-allow-origin"), "*", "{address}");
        assert!(answer.header("access-control-allow-credentials").is_none());
    }
    assert_eq!(nobody.read("metadata").await["rest"][0]["security"]["cors"], true);
}

/// RFC 6749 section 6: a public app may refresh without saying who it is; one that has a secret may not.
#[tokio::test]
async fn a_public_app_refreshes_by_the_token_alone() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (app, person) = (place.app(scope), place.practitioner().await);
    let tokens = place.granted(&app, &person, scope, None).await;
    let refresh =
        async |token: &str| place.post("token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    refresh(&text(&tokens, "refresh_token")).await.expect(200);
    refresh("nonsense").await.expect(400);

    let (client, secret) = place.register(&["--redirect", REDIRECT, "--scope", scope]);
    let code = Browser::new(&place).let_in(&person, &place.asked(&client, scope), None).await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{}", secret.expect("a secret"))));
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let call = place.with(None).call("POST", &format!("{}/token", place.issuer())).header("authorization", &basic);
    let tokens = call.body(FORM, query(&form)).send().await.expect(200).json();
    refresh(&text(&tokens, "refresh_token")).await.expect(401);
}
