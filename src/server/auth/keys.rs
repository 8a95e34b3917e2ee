//! A key that signs a tenant's tokens: ECDSA on P-256 (ES256, RFC 7518 section 3.4).

use crate::random;
use anyhow::{Context, Result, anyhow};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use store::Tenant;

/// Makes a new private key, PKCS #8 DER.
pub fn new_token_key() -> Result<Vec<u8>> {
    // All but one in 2^32 random numbers are valid keys.
    for _ in 0..8 {
        if let Ok(key) = SecretKey::from_slice(&random::bytes::<32>()?) {
            let der = key.to_pkcs8_der().map_err(|cause| anyhow!("a new key cannot be written: {cause}"))?;
            return Ok(der.as_bytes().to_vec());
        }
    }
    Err(anyhow!("the system's random numbers make no valid key"))
}

/// Both halves of a key.
pub struct TokenKey {
    /// Signs.
    pub signing: EncodingKey,
    /// Verifies.
    pub verifying: DecodingKey,
    /// What verifies, for others (RFC 7517).
    pub public: Jwk,
}

impl TokenKey {
    /// The one that was made with a tenant.
    pub(super) fn of(tenant: &Tenant) -> Result<TokenKey> {
        TokenKey::from_der(&tenant.secrets().token_key)
            .with_context(|| format!("the token key of tenant {} cannot be read", tenant.name()))
    }

    /// Of a private key, PKCS #8 DER.
    pub fn from_der(private: &[u8]) -> Result<TokenKey> {
        let key = SecretKey::from_pkcs8_der(private).map_err(|cause| anyhow!("{cause}"))?;
        let public = key.public_key().to_encoded_point(false);
        let signing = EncodingKey::from_ec_der(private);
        let mut jwk = Jwk::from_encoding_key(&signing, Algorithm::ES256)?;
        jwk.common.key_id = Some(jwk.thumbprint(ThumbprintHash::SHA256)?);
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(TokenKey { signing, verifying: DecodingKey::from_ec_der(public.as_bytes()), public: jwk })
    }
}
