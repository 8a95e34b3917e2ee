//! Tokens that a provider signed for this server: id tokens (OpenID Connect Core section 3.1.3.7) and logout tokens (OpenID
//! Connect Back-Channel Logout section 2.6).

use super::claims::Claims;
use super::metadata::Metadata;
use super::provider::Provider;
use crate::auth::remote_keys::RemoteKeys;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The algorithms of keys that others may know. What is signed by none or by a shared secret is refused where these are asked
/// for, whatever its header says.
const PUBLIC: [Algorithm; 8] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
];
/// How far the clocks may be apart, and how old a token may be when it comes, in seconds.
const SKEW: i64 = 60;
const OLDEST: i64 = 600;
/// What a logout token is about (Back-Channel Logout section 2.4).
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Who signs a provider's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `iss`
    pub name: String,
    /// Entra: the directory, which the token names too.
    pub directory: Option<String>,
}

/// Why a token is refused, for the log.
pub type Flaw = &'static str;

/// A token that the provider signed for this server, and that holds now.
pub struct Signed {
    /// What it says.
    pub claims: Claims,
    algorithm: Algorithm,
}

/// What a logout token ends.
pub struct LogoutToken {
    /// The token's own name.
    pub jti: String,
    /// Until when it holds, in milliseconds since the epoch, clocks being apart.
    pub until: i64,
    /// Who signed.
    pub issuer: String,
    /// Whose sessions.
    pub subject: Option<String>,
    /// Which one.
    pub session: Option<String>,
}

/// By whom and for whom a token must be.
pub struct Expected<'e> {
    /// The tenant's name, for which the keys are kept.
    pub tenant: &'e str,
    /// The provider.
    pub provider: &'e Provider,
    /// What it tells of itself.
    pub metadata: &'e Metadata,
    /// The client's secret.
    pub secret: Option<&'e [u8]>,
    /// Milliseconds since the epoch.
    pub now: i64,
}

impl Expected<'_> {
    /// What a token says that the provider signed for this server.
    pub async fn signed(&self, keys: &RemoteKeys, token: &str) -> Result<Signed, Flaw> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| "it is no signed JWT")?;
        if self.provider.is_symmetric {
            let secret = self.secret.filter(|_| header.alg == Algorithm::HS256).ok_or("it is not signed by HS256")?;
            return self.checked(token, header.alg, [DecodingKey::from_secret(secret)].into_iter());
        }
        if !PUBLIC.contains(&header.alg) {
            return Err("its algorithm is none of a public key's");
        }
        let uri = &self.metadata.jwks_uri;
        let keys = keys.of(self.tenant, uri, header.kid.as_deref(), self.now).await;
        let keys = keys.ok_or("the provider's keys were asked for too often")?;
        let fits = |it: &&Jwk| {
            (header.kid.is_none() || it.common.key_id == header.kid)
                && it.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature)
                && it.common.key_algorithm.is_none_or(|it| it.to_string().parse() == Ok(header.alg))
        };
        self.checked(token, header.alg, keys.iter().filter(fits).filter_map(|it| DecodingKey::from_jwk(it).ok()))
    }

    fn checked(
        &self,
        token: &str,
        algorithm: Algorithm,
        keys: impl Iterator<Item = DecodingKey>,
    ) -> Result<Signed, Flaw> {
        let mut wanted = Validation::new(algorithm);
        wanted.set_required_spec_claims(&["exp", "iss", "aud"]);
        wanted.set_audience(&[&self.provider.client_id]);
        wanted.leeway = SKEW as u64;
        wanted.validate_nbf = true;
        let mut flaw = "none of the provider's keys signed it";
        for key in keys {
            use jsonwebtoken::errors::ErrorKind;
            match jsonwebtoken::decode::<Map<String, Json>>(token, &key, &wanted).map_err(|it| it.into_kind()) {
                Ok(found) => {
                    let claims = Claims(found.claims);
                    self.check(&claims)?;
                    return Ok(Signed { claims, algorithm });
                }
                Err(ErrorKind::ExpiredSignature) => flaw = "it has expired",
                Err(ErrorKind::InvalidAudience) => flaw = "it is for another client",
                Err(ErrorKind::MissingRequiredClaim(_)) => flaw = "it lacks exp, iss or aud",
                Err(_) => {}
            }
        }
        Err(flaw)
    }

    fn check(&self, claims: &Claims) -> Result<(), Flaw> {
        let issuer = issuer(claims, self.metadata).ok_or("another issuer signed it")?;
        if issuer.directory.is_some() && claims.text("tid") != issuer.directory.as_deref() {
            return Err("it is of another directory");
        }
        let is_alone = claims.at("aud").and_then(Json::as_array).is_none_or(|it| it.len() == 1);
        match claims.text("azp") {
            Some(azp) if azp != self.provider.client_id => return Err("it was issued to another client"),
            None if !is_alone => return Err("it is for several clients and does not say whose it is"),
            _ => {}
        }
        let age = self.now / 1000 - claims.seconds("iat").ok_or("it does not say when it was signed")?;
        if !(-SKEW..=OLDEST).contains(&age) {
            return Err("it was signed at another time");
        }
        Ok(())
    }
}

/// The issuer that a token names, if it is one of the provider's.
pub fn issuer<'m>(claims: &Claims, metadata: &'m Metadata) -> Option<&'m Issuer> {
    metadata.issuers.iter().find(|it| claims.text("iss") == Some(&it.name))
}

impl Signed {
    /// The claims of an id token, which answers this request and comes with this access token.
    pub fn id_token(self, nonce: &str, access_token: Option<&str>) -> Result<Claims, Flaw> {
        if self.claims.text("nonce") != Some(nonce) {
            return Err("its nonce is another one");
        }
        if self.claims.text("sub").is_none_or(|it| it.len() > 255) {
            return Err("it does not say who it is about");
        }
        if let (Some(told), Some(token)) = (self.claims.at("at_hash"), access_token)
            && told.as_str() != Some(&half_hash(self.algorithm, token))
        {
            return Err("it came with another access token");
        }
        Ok(self.claims)
    }

    /// What a logout token says.
    pub fn logout_token(self) -> Result<LogoutToken, Flaw> {
        let claims = self.claims;
        if !claims.at("events").is_some_and(|it| it.get(LOGOUT).is_some_and(Json::is_object)) {
            return Err("it is no logout token");
        }
        // An id token has one: it is not to be taken for this.
        if claims.at("nonce").is_some() {
            return Err("it has a nonce");
        }
        let text = |name: &str| claims.text(name).map(str::to_owned);
        let (subject, session) = (text("sub"), text("sid"));
        if subject.is_none() && session.is_none() {
            return Err("it names neither a person nor a session");
        }
        Ok(LogoutToken {
            jti: text("jti").ok_or("it has no name of its own")?,
            until: claims.seconds("exp").unwrap_or_default().saturating_add(SKEW + 1).saturating_mul(1000),
            issuer: text("iss").unwrap_or_default(),
            subject,
            session,
        })
    }
}

/// OpenID Connect Core section 3.1.3.6: the left half of the hash that the algorithm is named for.
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => Sha384::digest(text).to_vec(),
        Algorithm::RS512 | Algorithm::PS512 => Sha512::digest(text).to_vec(),
        _ => Sha256::digest(text).to_vec(),
    };
    URL_SAFE_NO_PAD.encode(hash.get(..hash.len() / 2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::super::provider::provider;
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn metadata(issuers: &[(&str, Option<&str>)]) -> Metadata {
        let issuer = |(name, directory): &(&str, Option<&str>)| Issuer {
            name: (*name).to_owned(),
            directory: directory.map(str::to_owned),
        };
        Metadata {
            issuers: issuers.iter().map(issuer).collect(),
            authorization_endpoint: String::new(),
            token_endpoint: String::new(),
            jwks_uri: String::new(),
            userinfo_endpoint: None,
            end_session_endpoint: None,
            tells_issuer: false,
            assertion_algorithms: None,
        }
    }

    fn with(more: Json) -> Claims {
        let mut all = claims(json!({ "iss": "https://id.example", "aud": "medisync", "iat": NOW, "sub": "1" }));
        for (name, value) in claims(more).0 {
            all.0.insert(name, value);
        }
        all
    }

    #[test]
    fn a_token_is_this_clients_and_new() {
        let (provider, metadata) = (provider("https://id.example"), metadata(&[("https://id.example", None)]));
        let expected =
            Expected { tenant: "north", provider: &provider, metadata: &metadata, secret: None, now: NOW * 1000 };
        for (more, is_good) in [
            (json!({}), true),
            (json!({ "aud": ["medisync"] }), true),
            (json!({ "aud": ["medisync", "other"] }), false),
            (json!({ "aud": ["medisync", "other"], "azp": "medisync" }), true),
            (json!({ "azp": "other" }), false),
            (json!({ "iss": "https://id.example/" }), false),
            (json!({ "iss": null }), false),
            (json!({ "iat": NOW + SKEW + 1 }), false),
            (json!({ "iat": NOW - OLDEST - 1 }), false),
            (json!({ "iat": "now" }), false),
        ] {
            assert_eq!(expected.check(&with(more.clone())).is_ok(), is_good, "{more}");
        }
    }

    #[test]
    fn a_directorys_token_names_the_directory() {
        let provider = provider("https://id.example");
        let metadata = metadata(&[("https://id.example/d1", Some("d1")), ("https://id.example/d2", Some("d2"))]);
        let expected =
            Expected { tenant: "north", provider: &provider, metadata: &metadata, secret: None, now: NOW * 1000 };
        let told = |issuer: &str, directory: &str| {
            expected.check(&with(json!({ "iss": format!("https://id.example/{issuer}"), "tid": directory }))).is_ok()
        };
        assert!(told("d1", "d1") && told("d2", "d2"));
        assert!(!told("d1", "d2") && !told("d3", "d3"));
    }

    #[test]
    fn an_id_token_answers_its_request() {
        let of = |more: Json| Signed { claims: with(more), algorithm: Algorithm::RS256 };
        // OpenID Connect Core appendix A.3
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let read = |more: Json, nonce: &str| of(more).id_token(nonce, Some(token)).is_ok();
        assert!(read(json!({ "nonce": "n" }), "n"));
        assert!(read(json!({ "nonce": "n", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ" }), "n"));
        assert!(!read(json!({ "nonce": "n", "at_hash": "77QmUPtjPfzWtF2AnpK9RA" }), "n"));
        assert!(!read(json!({ "nonce": "n" }), "m") && !read(json!({}), ""));
        assert!(!read(json!({ "nonce": "n", "sub": "" }), "n"));
    }

    #[test]
    fn a_logout_token_is_one() {
        let events = json!({ LOGOUT: {} });
        let read = |more: Json| Signed { claims: with(more), algorithm: Algorithm::RS256 }.logout_token().is_ok();
        assert!(read(json!({ "events": events, "jti": "j", "sid": "s" })));
        assert!(read(json!({ "events": events, "jti": "j" })));
        assert!(!read(json!({ "events": events })));
        assert!(!read(json!({ "events": events, "jti": "j", "sub": null })));
        assert!(!read(json!({ "events": events, "jti": "j", "nonce": "n" })));
        assert!(!read(json!({ "events": { "other": {} }, "jti": "j" })) && !read(json!({ "jti": "j" })));
    }
}
