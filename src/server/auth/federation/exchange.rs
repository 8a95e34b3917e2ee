//! What this server asks a provider for: to let somebody sign in, and the tokens for a code (OpenID Connect Core section 3.1).

use super::claims::Claims;
use super::metadata::Metadata;
use super::provider::Provider;
use crate::auth::client::ClientAuth;
use crate::auth::{KeyRing, fetched};
use crate::outgoing::Outgoing;
use crate::random;
use axum::http::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fhir::Failure;
use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value as Json, json};
use store::Tenant;

/// RFC 7523 section 2.2
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion of this server holds, in seconds.
const ASSERTION_TIME: i64 = 60;

/// A request for authentication.
pub struct Asked<'a> {
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// What it repeats.
    pub state: &'a str,
    /// What the id token repeats.
    pub nonce: &'a str,
    /// PKCE's challenge, S256.
    pub challenge: &'a str,
    /// Whether the person is to sign in even if the provider knows them.
    pub is_anew: bool,
}

impl Asked<'_> {
    /// The address where the person goes.
    pub fn address(&self, provider: &Provider, metadata: &Metadata) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let scope = format!("openid {}", provider.scope);
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", scope.trim_end()),
            ("state", self.state),
            ("nonce", self.nonce),
            ("code_challenge", self.challenge),
            ("code_challenge_method", "S256"),
        ]);
        if self.is_anew {
            query.append_pair("prompt", "login");
        }
        joined(&metadata.authorization_endpoint, &query.finish())
    }
}

/// An address with parameters added to it.
pub fn joined(address: &str, query: &str) -> String {
    let sign = if address.contains('?') { '&' } else { '?' };
    format!("{address}{sign}{query}")
}

/// How this server proves that it is the client.
pub enum Proof {
    /// It need not.
    None,
    /// By a secret in a header.
    Basic(String),
    /// By a secret in the form.
    Post(String),
    /// By an assertion that is signed here.
    Assertion(String),
}

/// Who proves it, and when.
pub struct Prover<'p> {
    /// The tenant.
    pub tenant: &'p Tenant,
    /// Its keys.
    pub keys: &'p KeyRing,
    /// The provider's id.
    pub id: &'p str,
    /// Milliseconds since the epoch.
    pub now: i64,
}

impl Prover<'_> {
    /// The proof that the provider wants; fails with a cause for the log.
    pub fn proof(&self, provider: &Provider, metadata: &Metadata, secret: Option<&[u8]>) -> Result<Proof, String> {
        let secret =
            || String::from_utf8(secret.unwrap_or_default().to_vec()).map_err(|_| "the secret is no text".to_owned());
        Ok(match provider.auth {
            ClientAuth::None => Proof::None,
            ClientAuth::ClientSecretBasic => Proof::Basic(secret()?),
            ClientAuth::ClientSecretPost => Proof::Post(secret()?),
            ClientAuth::PrivateKeyJwt => Proof::Assertion(self.assertion(provider, metadata)?),
        })
    }

    /// RFC 7523 section 3. No access token of this tenant can be taken for it, nor it for one: types and issuers differ.
    fn assertion(&self, provider: &Provider, metadata: &Metadata) -> Result<String, String> {
        let claims = json!({
            "iss": provider.client_id,
            "sub": provider.client_id,
            "aud": metadata.token_endpoint,
            "jti": random::id(),
            "iat": self.now / 1000,
            "exp": self.now / 1000 + ASSERTION_TIME,
        });
        let taken = metadata.assertion_algorithms.as_deref();
        let other = || {
            format!(
                "it takes assertions signed by {}; give it a private-key of that",
                taken.unwrap_or_default().join(", ")
            )
        };
        let failed = |it: Failure| it.cause.map_or_else(String::new, |it| it.to_string());
        let signed = match &provider.key {
            Some(key) => {
                let header = key.header(key.algorithm(taken).ok_or_else(other)?);
                jsonwebtoken::encode(&header, &claims, &key.signing(self.tenant, self.id).map_err(failed)?)
            }
            None if taken.is_some_and(|it| !it.iter().any(|it| it == "ES256")) => return Err(other()),
            None => {
                let key = self.keys.signing(self.now).map_err(failed)?;
                let mut header = Header::new(Algorithm::ES256);
                header.kid.clone_from(&key.public.common.key_id);
                jsonwebtoken::encode(&header, &claims, &key.signing)
            }
        };
        signed.map_err(|_| "the assertion cannot be signed".to_owned())
    }
}

/// What a provider gives for a code.
pub struct Tokens {
    /// Who signed in.
    pub id_token: String,
    /// Opens userinfo.
    pub access_token: Option<String>,
}

/// Exchanges a code; fails with a cause for the log.
pub async fn exchange(
    outgoing: &Outgoing,
    provider: &Provider,
    metadata: &Metadata,
    proof: Proof,
    code: (&str, &str, &str),
) -> Result<Tokens, String> {
    let request = token_request(provider, metadata, proof, code).map_err(|it| it.to_string())?;
    let (answer, _) = fetched::ask(outgoing, request).await?;
    let text = |name: &str| answer.get(name).and_then(Json::as_str).map(str::to_owned);
    Ok(Tokens { id_token: text("id_token").ok_or("the answer has no id token")?, access_token: text("access_token") })
}

fn token_request(
    provider: &Provider,
    metadata: &Metadata,
    proof: Proof,
    (code, verifier, redirect_uri): (&str, &str, &str),
) -> Result<Request<Bytes>, axum::http::Error> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    ]);
    let mut request = Request::post(&metadata.token_endpoint)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    match proof {
        Proof::Basic(secret) => request = request.header(AUTHORIZATION, basic(&provider.client_id, &secret)),
        Proof::None => _ = form.append_pair("client_id", &provider.client_id),
        Proof::Post(secret) => {
            form.append_pair("client_id", &provider.client_id).append_pair("client_secret", &secret);
        }
        Proof::Assertion(assertion) => {
            form.append_pair("client_id", &provider.client_id);
            form.append_pair("client_assertion_type", ASSERTION_TYPE).append_pair("client_assertion", &assertion);
        }
    }
    request.body(Bytes::from(form.finish()))
}

/// RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
fn basic(id: &str, secret: &str) -> String {
    let encoded = |it: &str| form_urlencoded::byte_serialize(it.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret))))
}

/// Adds the claims of userinfo to those of an id token, which go before (OpenID Connect Core section 5.3.2).
pub async fn add_user_info(
    outgoing: &Outgoing,
    metadata: &Metadata,
    access_token: Option<&str>,
    claims: &mut Claims,
) -> Result<(), String> {
    let uri = metadata.userinfo_endpoint.as_ref().ok_or("the provider has no userinfo")?;
    let token = access_token.ok_or("there is no access token for userinfo")?;
    let request = Request::get(uri).header(ACCEPT, "application/json").header(AUTHORIZATION, format!("Bearer {token}"));
    let (told, _) = fetched::ask(outgoing, request.body(Bytes::new()).map_err(|it| it.to_string())?).await?;
    let Json::Object(told) = told else { return Err("userinfo is no object".to_owned()) };
    if told.get("sub").is_none_or(|it| claims.at("sub") != Some(it)) {
        return Err("userinfo is about somebody else".to_owned());
    }
    // Whether an address was verified is said of the address beside it.
    if told.contains_key("email") {
        claims.0.retain(|name, _| name != "email" && name != "email_verified");
    }
    for (name, value) in told {
        claims.0.entry(name).or_insert(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_form_encoded() {
        assert_eq!(basic("a:b", "s 1%"), format!("Basic {}", STANDARD.encode("a%3Ab:s+1%25")));
    }
}
