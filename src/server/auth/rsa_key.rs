//! A key that signs id tokens by RS256 (RFC 7518 section 3.3), for apps that want it: SMART has servers support it
//! (scopes-and-launch-context.html). Access tokens are never signed by it.

use super::password::apart;
use crate::random;
use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::Failure;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::rand_core::{CryptoRng, Error, RngCore};
use serde_json::Value as Json;

/// The bits of a key's modulus.
const BITS: usize = 2048;

/// Both halves of a key. `ring` signs, in a time that does not depend on the key.
pub struct RsaKey {
    pair: RsaKeyPair,
    /// Verifies.
    pub verifying: DecodingKey,
    /// What verifies, for others (RFC 7517).
    pub public: Jwk,
}

impl RsaKey {
    /// Makes a new private key, PKCS #1 DER. It takes a while, on a thread of its own.
    pub async fn generate() -> fhir::Result<Vec<u8>> {
        apart(|| {
            let key = RsaPrivateKey::new(&mut System, BITS).map_err(|cause| Failure::internal(cause.to_string()))?;
            let der = key.to_pkcs1_der().map_err(|cause| Failure::internal(cause.to_string()))?;
            Ok(der.as_bytes().to_vec())
        })
        .await
    }

    /// Of a private key, PKCS #1 DER.
    pub fn from_der(private: &[u8]) -> Result<RsaKey> {
        let pair = RsaKeyPair::from_der(private).map_err(|cause| anyhow!("an RSA key cannot be read: {cause}"))?;
        let mut public = Jwk::from_encoding_key(&EncodingKey::from_rsa_der(private), Algorithm::RS256)?;
        public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256)?);
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&public).context("the public half of an RSA key")?;
        Ok(RsaKey { pair, verifying, public })
    }

    /// The claims as a token of this type (RFC 7515 section 3.1).
    pub fn sign(&self, kind: Option<&str>, claims: &Json) -> Result<String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid.clone_from(&self.public.common.key_id);
        if let Some(kind) = kind {
            header.typ = Some(kind.to_owned());
        }
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(serde_json::to_string(&header)?), part(claims.to_string()));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("an RSA key does not sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The system's random numbers, as `rsa` wants them.
struct System;

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // As with ids: the system's generator cannot run dry once it has started.
        #[allow(clippy::expect_used)]
        random::fill(bytes).expect("the system gives random numbers");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Error> {
        random::fill(bytes).map_err(Error::new)
    }
}

impl CryptoRng for System {}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use jsonwebtoken::Validation;
    use serde_json::json;

    #[tokio::test]
    async fn a_new_key_signs_what_its_public_half_verifies() {
        let key = RsaKey::from_der(&RsaKey::generate().await.unwrap()).unwrap();
        let token = key.sign(Some("logout+jwt"), &json!({ "aud": "app", "exp": 4_102_444_800_i64 })).unwrap();
        let mut wanted = Validation::new(Algorithm::RS256);
        wanted.set_audience(&["app"]);
        let read = jsonwebtoken::decode::<Json>(&token, &key.verifying, &wanted).unwrap();
        assert_eq!(
            (read.header.typ.as_deref(), read.header.kid),
            (Some("logout+jwt"), key.public.common.key_id.clone())
        );
        let published = serde_json::to_value(&key.public).unwrap();
        assert_eq!(
            (&published["kty"], &published["alg"], &published["e"]),
            (&json!("RSA"), &json!("RS256"), &json!("AQAB"))
        );
        assert!(published.get("d").is_none() && published["n"].as_str().unwrap().len() == 342);
    }
}
