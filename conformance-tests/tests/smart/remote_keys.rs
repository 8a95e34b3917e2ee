//! Clients that keep their keys at an address (SMART App Launch 2.2, client-confidential-asymmetric.html#registering-a-client-communicating-public-keys).

use super::clients::{ask, claims, keys, signed};
use super::place::{Place, text};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server of the keys on this machine: its port, and how often it was asked.
async fn key_server(status: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            let body = keys().to_string();
            let head = format!("HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:{port}/\r\nConnection: close\r\n");
            assert!(stream.read(&mut [0; 2048]).await.unwrap() > 0);
            stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        }
    });
    (port, asked)
}

fn registered(place: &Place<'_>, uri: &str) -> String {
    place.register(&["--jwks-uri", uri, "--scope", "system/Patient.rs"]).0
}

/// The keys are fetched once, and used again.
#[tokio::test]
async fn keys_at_an_address_let_a_program_in() {
    let Some(place) = Place::new() else { return };
    let (port, asked) = key_server("200 OK").await;
    let client = registered(&place, &format!("http://127.0.0.1:{port}/keys"));
    for _ in 0..3 {
        let answer = ask(&place, &signed(&claims(&place, &client)), "system/Patient.rs").await.expect(200).json();
        place.with(answer["access_token"].as_str()).get("Patient").await.expect(200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

/// Keys that their server says are not to be kept are fetched each time (client-confidential-asymmetric.html): what was
/// taken away opens nothing from then on.
#[tokio::test]
async fn keys_that_may_not_be_kept_are_fetched_each_time() {
    let Some(place) = Place::new() else { return };
    let (port, asked) = key_server("200 OK\r\nCache-Control: no-store").await;
    let client = registered(&place, &format!("http://127.0.0.1:{port}/keys"));
    for count in 1..=3 {
        ask(&place, &signed(&claims(&place, &client)), "system/Patient.rs").await.expect(200);
        assert_eq!(asked.load(Ordering::SeqCst), count);
    }
}

/// An address that leads inward is never asked, a redirect not followed, and the refusal tells nothing of either.
#[tokio::test]
async fn an_address_that_leads_inward_is_not_asked() {
    let Some(place) = Place::new() else { return };
    let (port, asked) = key_server("200 OK").await;
    let (moved, _) = key_server("302 Found").await;
    let mut told = Vec::new();
    for uri in [
        format!("http://localhost:{port}/keys"),
        format!("https://localhost:{port}/keys"),
        format!("https://2130706433:{port}/keys"),
        "https://169.254.169.254/keys".to_owned(),
        format!("http://127.0.0.1:{moved}/keys"),
    ] {
        let client = registered(&place, &uri);
        let answer = ask(&place, &signed(&claims(&place, &client)), "system/Patient.rs").await.expect(401).json();
        told.push(text(&answer, "error_description"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

/// RFC 7591 section 2: jwks or jwks_uri, and not both.
#[tokio::test]
async fn an_app_registers_the_address_of_its_keys() {
    let Some(place) = Place::new() else { return };
    let app = |more: serde_json::Value| {
        let mut app = json!({"client_name": "Keys elsewhere", "redirect_uris": ["https://app.example.org/"],
            "token_endpoint_auth_method": "private_key_jwt"});
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        place.with(None).call("POST", &format!("{}/register", place.issuer())).body("application/json", app.to_string())
    };
    let uri = "https://app.example.org/keys";
    let made = app(json!({"jwks_uri": uri})).send().await.expect(201).json();
    assert_eq!(text(&made, "jwks_uri"), uri);
    for wrong in
        [json!({}), json!({"jwks_uri": uri, "jwks": keys()}), json!({"jwks_uri": "http://app.example.org/keys"})]
    {
        assert_eq!(text(&app(wrong).send().await.expect(400).json(), "error"), "invalid_client_metadata");
    }
}
