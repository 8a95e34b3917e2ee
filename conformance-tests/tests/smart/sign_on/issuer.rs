//! A provider on this machine that says whatever a case has it say, and somebody who signs in there.

use super::super::clients::{PRIVATE, keys, now};
use super::super::place::{Browser, Place};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use conformance_tests::{Answer, unique};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the provider calls this server.
pub const CLIENT: &str = "medisync-here";
/// The identifiers that people are found by.
pub const SYSTEM: &str = "https://staff.example.org/number";

/// What the provider answers, and what it was asked.
#[derive(Default)]
pub struct Told {
    /// In place of what it usually tells of itself.
    pub metadata: Map<String, Value>,
    pub keys: Value,
    /// The token endpoint's status and answer.
    pub status: u16,
    pub tokens: Value,
    pub user_info: Value,
    /// How long it thinks before each answer.
    pub pause: Duration,
    /// Spaces before each answer.
    pub padding: usize,
    /// Every request: its first line with headers, and its body.
    pub asked: Vec<(String, String)>,
}

/// A provider.
pub struct Issuer {
    pub issuer: String,
    pub told: Arc<Mutex<Told>>,
}

impl Issuer {
    pub async fn new() -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let told = Arc::new(Mutex::new(Told { keys: keys(), status: 200, ..Told::default() }));
        let (own, shared) = (issuer.clone(), told.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, own.clone(), shared.clone()));
            }
        });
        Issuer { issuer, told }
    }

    /// Changes what it tells.
    pub fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap());
    }

    /// How often it was asked at an address.
    pub fn asked(&self, path: &str) -> usize {
        self.told.lock().unwrap().asked.iter().filter(|(head, _)| head.split(' ').nth(1) == Some(path)).count()
    }

    /// The claims of an id token for somebody.
    pub fn claims(&self, subject: &str, nonce: &str) -> Value {
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": subject, "nonce": nonce, "iat": now(), "exp": now() + 300,
            "preferred_username": format!("user-{subject}"), "name": format!("Ana {subject}"), "groups": ["doctors"],
            "number": subject,
        })
    }
}

async fn answer(mut stream: TcpStream, issuer: String, shared: Arc<Mutex<Told>>) {
    let Some((head, body)) = request(&mut stream).await else { return };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, text, pause) = {
        let mut told = shared.lock().unwrap();
        told.asked.push((head, body));
        let (status, document) = match path.as_str() {
            "/.well-known/openid-configuration" => (200, metadata(&issuer, &told.metadata)),
            "/keys" => (200, told.keys.clone()),
            "/token" => (told.status, told.tokens.clone()),
            "/userinfo" => (200, told.user_info.clone()),
            _ => (404, json!({})),
        };
        (status, format!("{}{document}", " ".repeat(told.padding)), told.pause)
    };
    tokio::time::sleep(pause).await;
    let head = format!("HTTP/1.1 {status} X\r\nCache-Control: no-store\r\nConnection: close\r\n");
    // Whoever does not want to wait is gone.
    let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes()).await;
}

/// The head and body of a request.
pub async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|it| *it > 0)?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().filter_map(|it| it.split_once(": ")).find(|it| it.0.eq_ignore_ascii_case("content-length"));
        if length.is_none_or(|(_, length)| body.len() >= length.parse().unwrap()) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}

fn metadata(issuer: &str, changed: &Map<String, Value>) -> Value {
    let mut all = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"), "userinfo_endpoint": format!("{issuer}/userinfo"),
        "end_session_endpoint": format!("{issuer}/end"),
    });
    for (name, value) in changed {
        all[name] = value.clone();
    }
    all
}

/// Signs as the provider does.
pub fn signed(claims: &Value) -> String {
    let mut header = Header::new(Algorithm::ES384);
    header.kid = Some("one".into());
    signed_by(&header, claims, &EncodingKey::from_ec_der(&STANDARD.decode(PRIVATE).unwrap()))
}

/// Signs in another way.
pub fn signed_by(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

/// A rule: whoever has this value in a claim has these scopes.
pub fn rule(claim: &str, value: &str, scope: &str) -> Value {
    let part = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    json!({ "name": "rule", "part": [part("claim", claim), part("value", value), part("scope", scope)] })
}

/// The parameters that register a provider of users who are made at their first sign-in.
pub fn registration(issuer: &str) -> Vec<Value> {
    vec![
        json!({ "name": "id", "valueString": "staff" }),
        json!({ "name": "label", "valueString": "the hospital" }),
        json!({ "name": "issuer", "valueUri": issuer }),
        json!({ "name": "client-id", "valueString": CLIENT }),
        json!({ "name": "client-secret", "valueString": "a secret: 100%" }),
        rule("groups", "doctors", "user/*.rs patient/*.rs"),
        json!({ "name": "make-users", "valueBoolean": true }),
        json!({ "name": "person", "part": [
            { "name": "type", "valueCode": "Practitioner" },
            { "name": "claim", "valueString": "number" },
            { "name": "system", "valueUri": SYSTEM },
        ] }),
    ]
}

/// The same with other values.
pub fn with(issuer: &str, changed: &[Value]) -> Vec<Value> {
    let mut all = registration(issuer);
    all.retain(|it| !changed.iter().any(|other| other["name"] == it["name"]));
    all.extend(changed.iter().filter(|it| it.as_object().is_some_and(|it| it.len() > 1)).cloned());
    all
}

/// Registers a provider.
pub async fn register(place: &Place<'_>, parameters: &[Value]) -> Answer {
    place.admin.post("$register-provider", &json!({ "resourceType": "Parameters", "parameter": parameters })).await
}

/// A practitioner in the records of whom the provider knows this number; the resource's id.
pub async fn doctor(place: &Place<'_>, number: &str) -> String {
    let identifier = json!([{ "system": SYSTEM, "value": number }]);
    let name = json!([{ "family": "Weiss", "given": ["Ana"] }]);
    place.admin.create(&json!({ "resourceType": "Practitioner", "identifier": identifier, "name": name })).await
}

/// A number that nobody else has.
pub fn number() -> String {
    unique()
}

/// What a browser is sent to the provider with.
pub struct Sent {
    pub state: String,
    pub nonce: String,
    pub parameters: Vec<(String, String)>,
}

impl Sent {
    pub fn get(&self, name: &str) -> &str {
        self.parameters.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }
}

/// Follows the button of the sign-in page, as far as to the provider.
pub async fn sent(browser: &mut Browser<'_>, next: &str, issuer: &Issuer) -> Sent {
    let answer = browser.get(&format!("sign-on/staff?next={}", conformance_tests::encode(next))).await.expect(303);
    let location = answer.needed_header("location").to_owned();
    assert!(location.starts_with(&issuer.issuer), "{location}");
    let (_, query) = location.split_once("/authorize?").expect("the provider's address");
    let parameters: Vec<(String, String)> = reqwest::Url::parse(&format!("http://x/?{query}"))
        .unwrap()
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let sent = Sent { state: String::new(), nonce: String::new(), parameters };
    Sent { state: sent.get("state").to_owned(), nonce: sent.get("nonce").to_owned(), ..sent }
}

/// Comes back from the provider, which gives this id token for the code.
pub async fn back(browser: &mut Browser<'_>, issuer: &Issuer, sent: &Sent, id_token: String) -> Answer {
    issuer.tell(|it| it.tokens = json!({ "access_token": "opaque", "token_type": "Bearer", "id_token": id_token }));
    browser.get(&format!("sign-on/staff/back?code=a-code&state={}", sent.state)).await
}

/// Signs in by the provider as somebody of whom it says more, or something else; where the browser is led.
pub async fn sign_on(browser: &mut Browser<'_>, issuer: &Issuer, number: &str, more: &Value) -> Answer {
    let sent = sent(browser, "account", issuer).await;
    let mut claims = issuer.claims(number, &sent.nonce);
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    back(browser, issuer, &sent, signed(&claims)).await
}

/// Whether somebody is signed in.
pub async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("account").await.expect(200).text().contains("Sign out everywhere")
}

/// PKCE's S256.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}
