//! A master key in HashiCorp Vault, which it never leaves: the Transit engine encrypts and decrypts for us
//! (developer.hashicorp.com/vault/api-docs/secret/transit). Vault is asked when a tenant is first needed, not for each request.

use crate::config::{Secret, Transit};
use crate::outgoing::{Authorities, Hosts, Outgoing};
use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use axum::http::{Method, Request, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use store::{Error, Master, Wrapped};

/// The most bytes of an answer.
const MOST: usize = 1 << 20;

/// A key of Vault's.
pub(super) struct Vault {
    /// The address under which the engine's own begin.
    base: String,
    key: String,
    token: Token,
    outgoing: Outgoing,
}

/// What shows Vault who asks.
enum Token {
    Given(String),
    /// A file that somebody else keeps up to date, such as Vault's agent.
    File(PathBuf),
}

impl Vault {
    /// A key of a Vault whose certificate is by one of these authorities or of the public ones.
    pub(super) fn new(transit: &Transit, token: &Secret, authorities: &Authorities) -> Result<Vault> {
        let token =
            token.given().context("Vault needs a token: set MEDISYNC_VAULT_TOKEN, to file:PATH or the token itself")?;
        let token = match token.strip_prefix("file:") {
            Some(path) => Token::File(path.into()),
            None => Token::Given(token.to_owned()),
        };
        let outgoing = Outgoing::trusting(Hosts::only(&transit.url)?, authorities.with_public()?)?;
        Ok(Vault { base: format!("{}/v1/{}", transit.url, transit.mount), key: transit.key.clone(), token, outgoing })
    }

    /// What Vault answers.
    async fn ask(&self, method: Method, action: &str, body: Json) -> Result<Json> {
        let token = match &self.token {
            Token::Given(token) => token.clone(),
            Token::File(path) => std::fs::read_to_string(path)
                .with_context(|| format!("the token for Vault in {} cannot be read", path.display()))?,
        };
        let body = if method == Method::GET { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{action}/{}", self.base, self.key))
            .header("x-vault-token", token.trim())
            .header("x-vault-request", "true")
            .header("content-type", "application/json")
            .body(body)
            .map_err(|_| anyhow!("Vault cannot be asked so"))?;
        let answer = self.outgoing.send(request, MOST).await.map_err(|cause| anyhow!("Vault: {cause}"))?;
        match answer.status() {
            StatusCode::OK => serde_json::from_slice(answer.body()).context("Vault's answer is no JSON"),
            status => Err(anyhow!("Vault refuses to {action}: {status}")),
        }
    }

    async fn text(&self, action: &str, body: Json, member: &str) -> store::Result<String> {
        let answer = self.ask(Method::POST, action, body).await.map_err(failed)?;
        let text = answer["data"][member].as_str().map(ToOwned::to_owned);
        text.ok_or_else(|| failed(anyhow!("Vault's answer has no {member}")))
    }
}

fn failed(cause: anyhow::Error) -> Error {
    Error::MasterKey(format!("{cause:#}"))
}

/// The id of the version that encrypted: `vault:v3:…` is by `vault-v3`.
fn version(ciphertext: &str) -> Option<String> {
    let (version, _) = ciphertext.strip_prefix("vault:")?.split_once(':')?;
    Some(format!("vault-{version}"))
}

#[async_trait]
impl Master for Vault {
    async fn current(&self) -> store::Result<String> {
        let answer = self.ask(Method::GET, "keys", Json::Null).await.map_err(failed)?;
        let latest = answer["data"]["latest_version"].as_u64();
        latest.map(|it| format!("vault-v{it}")).ok_or_else(|| failed(anyhow!("Vault's answer has no latest_version")))
    }

    async fn wrap(&self, about: &[u8], secret: &[u8]) -> store::Result<Wrapped> {
        let body = json!({ "plaintext": STANDARD.encode(secret), "associated_data": STANDARD.encode(about) });
        let ciphertext = self.text("encrypt", body, "ciphertext").await?;
        let by = version(&ciphertext).ok_or_else(|| failed(anyhow!("what Vault encrypted says no version")))?;
        Ok(Wrapped { by, bytes: ciphertext.into_bytes() })
    }

    async fn unwrap(&self, about: &[u8], wrapped: &Wrapped) -> store::Result<Vec<u8>> {
        let ciphertext =
            std::str::from_utf8(&wrapped.bytes).ok().filter(|it| version(it).as_ref() == Some(&wrapped.by));
        let told = || {
            Error::MasterKey(format!(
                "the tenant's keys are wrapped by master key {}, which is none of Vault's",
                wrapped.by
            ))
        };
        let body = json!({ "ciphertext": ciphertext.ok_or_else(told)?, "associated_data": STANDARD.encode(about) });
        let plaintext = self.text("decrypt", body, "plaintext").await?;
        STANDARD.decode(plaintext).map_err(|_| failed(anyhow!("Vault's answer is no base64")))
    }
}

#[cfg(test)]
mod tests;
