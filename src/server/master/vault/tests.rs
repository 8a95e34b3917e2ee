//! Against a server of these tests' own that speaks Transit as its documentation has it, with real encryption.

use super::*;
use crate::random;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TOKEN: &str = "hvs.test";

/// The latest version of the only key.
type Latest = Arc<AtomicU64>;

fn key(version: u64) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[version as u8; 32]).unwrap())
}

fn bytes(body: &Json, member: &str) -> Vec<u8> {
    STANDARD.decode(body[member].as_str().unwrap()).unwrap()
}

async fn latest(State(latest): State<Latest>, headers: HeaderMap) -> Result<String, StatusCode> {
    admit(&headers)?;
    Ok(json!({ "data": { "latest_version": latest.load(Ordering::SeqCst) } }).to_string())
}

async fn act(
    State(latest): State<Latest>,
    Path(action): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<String, StatusCode> {
    admit(&headers)?;
    let body: Json = serde_json::from_slice(&body).unwrap();
    let about = Aad::from(bytes(&body, "associated_data"));
    if action == "encrypt" {
        let version = latest.load(Ordering::SeqCst);
        let nonce: [u8; 12] = random::bytes().unwrap();
        let mut text = bytes(&body, "plaintext");
        key(version).seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut text).unwrap();
        let text = STANDARD.encode([&nonce[..], &text].concat());
        let ciphertext = format!("vault:v{version}:{text}");
        return Ok(json!({ "data": { "ciphertext": ciphertext, "key_version": version } }).to_string());
    }
    let (version, text) = body["ciphertext"].as_str().unwrap()["vault:v".len()..].split_once(':').unwrap();
    let sealed = STANDARD.decode(text).unwrap();
    let (nonce, text) = sealed.split_at(12);
    let mut text = text.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    let opened = key(version.parse().unwrap()).open_in_place(nonce, about, &mut text);
    let opened = opened.map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(json!({ "data": { "plaintext": STANDARD.encode(opened) } }).to_string())
}

fn admit(headers: &HeaderMap) -> Result<(), StatusCode> {
    match headers.get("x-vault-token").is_some_and(|it| it == TOKEN) {
        true => Ok(()),
        false => Err(StatusCode::FORBIDDEN),
    }
}

/// A Vault, and its address.
async fn server() -> (Latest, Transit) {
    let latest_version = Latest::new(1.into());
    let router = Router::new()
        .route("/v1/transit/keys/medisync", get(latest))
        .route("/v1/transit/{action}/medisync", post(act))
        .with_state(latest_version.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (_never, stop) = tokio::sync::watch::channel(false);
    let times =
        crate::http::listen::Times { idle: std::time::Duration::from_secs(5), drain: std::time::Duration::ZERO };
    tokio::spawn(async move {
        let _never = _never;
        crate::http::listen::answer(listener, None, router, stop, times).await;
    });
    (latest_version, Transit { url, mount: "transit".into(), key: "medisync".into() })
}

fn vault(transit: &Transit, token: &str) -> Vault {
    Vault::new(transit, &token.parse().unwrap(), &Authorities::default()).unwrap()
}

#[tokio::test]
async fn vault_wraps_and_unwraps() {
    let (_, transit) = server().await;
    let vault = vault(&transit, TOKEN);
    let wrapped = vault.wrap(b"north", b"secret").await.unwrap();
    assert_eq!((&*wrapped.by, wrapped.bytes.starts_with(b"vault:v1:")), ("vault-v1", true));
    assert_eq!(vault.unwrap(b"north", &wrapped).await.unwrap(), b"secret");
    assert!(vault.unwrap(b"south", &wrapped).await.is_err(), "it is bound to what it is about");
}

#[tokio::test]
async fn a_key_that_vault_rotated_wraps_by_its_new_version() {
    let (latest, transit) = server().await;
    let vault = vault(&transit, TOKEN);
    let before = vault.wrap(b"north", b"secret").await.unwrap();
    latest.store(2, Ordering::SeqCst);
    assert_eq!(vault.current().await.unwrap(), "vault-v2");
    assert_eq!(vault.wrap(b"north", b"secret").await.unwrap().by, "vault-v2");
    assert_eq!(vault.unwrap(b"north", &before).await.unwrap(), b"secret");
}

#[tokio::test]
async fn a_token_in_a_file_is_read_when_it_is_needed() {
    let (_, transit) = server().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let vault = vault(&transit, &format!("file:{}", path.display()));
    assert!(vault.current().await.unwrap_err().to_string().contains("cannot be read"));
    std::fs::write(&path, "wrong\n").unwrap();
    assert!(vault.current().await.unwrap_err().to_string().contains("403"));
    std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
    assert_eq!(vault.current().await.unwrap(), "vault-v1");
}

#[tokio::test]
async fn what_another_key_wrapped_is_not_sent_to_vault() {
    let (_, transit) = server().await;
    let local = Wrapped { by: "first".into(), bytes: vec![1, 2, 3] };
    let refused = vault(&transit, TOKEN).unwrap(b"north", &local).await.unwrap_err();
    assert!(refused.to_string().contains("first"), "{refused}");
}
