//! Registered apps and programs (RFC 7591): what they may ask for, and how they prove who they are.

use super::kept::Kept;
use super::remote_keys::is_public_key;
use fhir::{Failure, IssueType, Result};
use jsonwebtoken::jwk::JwkSet;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// How a client proves who it is at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Not at all: an app in a browser or on a phone, which can keep no secret.
    None,
    /// By a secret in the Authorization header.
    ClientSecretBasic,
    /// By a secret in the form.
    ClientSecretPost,
    /// By a signed assertion (RFC 7523; SMART's asymmetric authentication).
    PrivateKeyJwt,
}

impl ClientAuth {
    /// All of them, as registrations and metadata name them.
    pub const ALL: [(ClientAuth, &'static str); 4] = [
        (ClientAuth::None, "none"),
        (ClientAuth::ClientSecretBasic, "client_secret_basic"),
        (ClientAuth::ClientSecretPost, "client_secret_post"),
        (ClientAuth::PrivateKeyJwt, "private_key_jwt"),
    ];

    /// Whether there is a secret.
    pub fn has_secret(self) -> bool {
        matches!(self, ClientAuth::ClientSecretBasic | ClientAuth::ClientSecretPost)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        ClientAuth::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }
}

/// By what id tokens for a client are signed, and what it is told of sign-outs (OpenID Connect Dynamic Client Registration
/// section 2, `id_token_signed_response_alg`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum IdTokenAlgorithm {
    /// ECDSA on P-256: tokens are short, and cost little.
    #[default]
    #[serde(rename = "ES256")]
    #[value(name = "ES256")]
    Es256,
    /// RSA, which SMART has every server support.
    #[serde(rename = "RS256")]
    #[value(name = "RS256")]
    Rs256,
}

impl IdTokenAlgorithm {
    /// Their names, as metadata tell them.
    pub const NAMES: [&str; 2] = ["ES256", "RS256"];
}

/// A client, kept under its id.
#[derive(Clone, Serialize, Deserialize)]
pub struct Client {
    /// What people are told.
    pub name: String,
    /// Where answers may go; compared whole.
    pub redirect_uris: Vec<String>,
    /// Where people may go on who have signed out (OpenID Connect RP-Initiated Logout section 3); compared whole.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// By what its id tokens are signed.
    #[serde(default)]
    pub id_tokens: IdTokenAlgorithm,
    /// Where it is told that a user has signed out (OpenID Connect Back-Channel Logout section 2.2).
    #[serde(default)]
    pub backchannel_logout_uri: Option<String>,
    /// `authorization_code`, `refresh_token`, `client_credentials`
    pub grant_types: Vec<String>,
    /// How it proves who it is.
    pub auth: ClientAuth,
    /// The secret's hash.
    pub secret: Option<String>,
    /// Its public keys.
    pub jwks: Option<JwkSet>,
    /// Where they are, if not here.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The most it is granted.
    pub scope: String,
    /// Whether it may be used.
    pub is_approved: bool,
    /// Whether it registered itself.
    pub is_self_made: bool,
    /// Whether it is told of all tokens, as a resource server is, and not of its own alone.
    #[serde(default)]
    pub introspects: bool,
    /// When it was registered, in milliseconds since the epoch.
    pub created: i64,
}

impl Kept for Client {
    const KIND: &'static str = "client";
}

/// The grants that can be registered for.
pub const GRANT_TYPES: [&str; 3] = ["authorization_code", "refresh_token", "client_credentials"];

impl Client {
    /// Whether it is registered for a grant.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|it| it == grant_type)
    }

    /// Fails where the server would be sent to an address of its own machine, of which nobody makes use but who runs it.
    pub fn check_addresses(&self) -> Result<()> {
        let addresses = [("jwks_uri", &self.jwks_uri), ("backchannel_logout_uri", &self.backchannel_logout_uri)];
        match addresses.iter().find(|(_, uri)| uri.as_ref().is_some_and(|it| !it.starts_with("https://"))) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::new(IssueType::Value, format!("{name} is an https address."))),
        }
    }

    /// Whether answers may go there: to an address that it registered or, on the user's own machine, to any port of one (RFC 8252
    /// section 7.3).
    pub fn is_answered_at(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|own| own == uri || is_same_but_port(own, uri))
    }

    /// Fails with what is wrong with it.
    pub fn check(&self) -> Result<()> {
        let refuse = |told: &str| Err(Failure::new(IssueType::Value, told));
        if self.name.trim().is_empty() || self.name.chars().count() > 100 {
            return refuse("client_name has 1 to 100 characters.");
        }
        if self.grant_types.is_empty() || !self.grant_types.iter().all(|it| GRANT_TYPES.contains(&it.as_str())) {
            return refuse("grant_types are authorization_code, refresh_token and client_credentials.");
        }
        let has_code = self.may_use("authorization_code");
        if has_code == self.redirect_uris.is_empty() || self.redirect_uris.len() > 20 {
            return refuse("redirect_uris, 1 to 20 of them, go with the grant authorization_code, and only with it.");
        }
        if self.post_logout_redirect_uris.len() > 20 {
            return refuse("There are 20 post_logout_redirect_uris at the most.");
        }
        if !self.redirect_uris.iter().chain(&self.post_logout_redirect_uris).all(|it| is_redirect(it)) {
            return refuse(
                "A redirect URI is an https address without fragment, http on localhost or a loopback address, or a \
                 private scheme with a dot in it such as org.example.app:/back.",
            );
        }
        if self.may_use("client_credentials") && self.auth != ClientAuth::PrivateKeyJwt {
            return refuse("client_credentials goes with token_endpoint_auth_method private_key_jwt.");
        }
        if self.introspects && self.auth == ClientAuth::None {
            return refuse("Whom introspection tells of all tokens must prove who it is.");
        }
        let has_keys = self.jwks.as_ref().is_some_and(|it| !it.keys.is_empty());
        let ways = usize::from(has_keys) + usize::from(self.jwks_uri.is_some());
        if ways != usize::from(self.auth == ClientAuth::PrivateKeyJwt) {
            return refuse(
                "One of jwks, with at least one key, and jwks_uri goes with private_key_jwt, and only with it.",
            );
        }
        if !self.jwks_uri.as_ref().is_none_or(|it| is_web_address(it)) {
            return refuse("jwks_uri is an https address without fragment.");
        }
        if !self.backchannel_logout_uri.as_ref().is_none_or(|it| has_code && is_web_address(it)) {
            return refuse(
                "backchannel_logout_uri is an https address without fragment, and goes with the grant authorization_code.",
            );
        }
        Ok(())
    }
}

/// A set of public keys (RFC 7517 section 5); a private one is refused, for it is private no longer.
pub fn public_keys(jwks: Json) -> Result<JwkSet> {
    let refused = |told: &str| Failure::new(IssueType::Value, told);
    let keys = jwks["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    if keys.is_empty() || keys.len() > 10 || !keys.iter().all(is_public_key) {
        return Err(refused("jwks has 1 to 10 public keys of kty EC or RSA."));
    }
    serde_json::from_value(jwks).map_err(|_| refused("jwks is no set of keys as RFC 7517 has it."))
}

/// Whether it is an https address without fragment, or http on this machine.
pub fn is_web_address(uri: &str) -> bool {
    (uri.starts_with("https://") || uri.starts_with("http://")) && is_redirect(uri)
}

/// Whether answers may be sent there (RFC 9700 section 4.1, RFC 8252 section 7).
fn is_redirect(uri: &str) -> bool {
    let is_plain =
        |it: char| it.is_ascii_graphic() && !matches!(it, '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '}' | '|');
    if uri.len() > 2000 || !uri.chars().all(is_plain) {
        return false;
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let authority = rest.strip_prefix("//").and_then(|it| it.split(['/', '?']).next()).unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => authority,
    };
    match scheme {
        "https" => !host.is_empty() && !authority.contains('@'),
        "http" => matches!(host, "localhost" | "127.0.0.1" | "[::1]"),
        private => {
            let is_scheme = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, '.' | '-' | '+');
            private.contains('.')
                && private.starts_with(|it: char| it.is_ascii_lowercase())
                && private.chars().all(is_scheme)
        }
    }
}

/// Whether both are of one loopback address, and differ in nothing but the port.
fn is_same_but_port(one: &str, other: &str) -> bool {
    let parts = |uri: &str| -> Option<(&'static str, String)> {
        let host = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|it| uri.starts_with(it))?;
        let rest = uri.get(host.len()..)?;
        let rest = match rest.strip_prefix(':') {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                rest.get(digits..).filter(|_| (1..=5).contains(&digits))?
            }
            None => rest,
        };
        (rest.is_empty() || rest.starts_with(['/', '?'])).then(|| (host, rest.to_owned()))
    };
    parts(one).is_some_and(|one| parts(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_loopback_address_is_free() {
        for (one, other, is_same) in [
            ("http://127.0.0.1/back", "http://127.0.0.1:51004/back", true),
            ("http://[::1]:1/?x", "http://[::1]:2/?x", true),
            ("http://127.0.0.1", "http://127.0.0.1:8", true),
            ("http://127.0.0.1/back", "http://127.0.0.1:51004/other", false),
            ("http://127.0.0.1/", "http://[::1]/", false),
            ("http://127.0.0.1/", "http://127.0.0.1:/", false),
            ("http://127.0.0.1/", "http://127.0.0.1:1.evil.example/", false),
            ("http://127.0.0.1/", "http://127.0.0.11/", false),
            ("http://127.0.0.1/", "http://127.0.0.1:123456/", false),
            ("http://localhost/", "http://localhost:1/", false),
            ("https://127.0.0.1/", "https://127.0.0.1:1/", false),
        ] {
            assert_eq!(is_same_but_port(one, other), is_same, "{one} {other}");
        }
    }

    #[test]
    fn answers_go_to_safe_places() {
        for (uri, is_safe) in [
            ("https://app.example.org/back", true),
            ("https://app.example.org:8443/back?x=1", true),
            ("http://localhost:3000/", true),
            ("http://127.0.0.1/back", true),
            ("http://[::1]:3000/back", true),
            ("org.example.app:/back", true),
            ("http://app.example.org/back", false),
            ("http://localhost.evil.example/", false),
            ("http://localhost@evil.example/", false),
            ("https://user@evil.example/", false),
            ("https://app.example.org/#x", false),
            ("https:///back", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("https://a.example/\u{e4}", false),
            ("https://a.example/ x", false),
            ("/back", false),
        ] {
            assert_eq!(is_redirect(uri), is_safe, "{uri}");
        }
    }
}
