//! A key of this server's by which it proves to a provider that it is the client (`private_key_jwt`, OpenID Connect Core section 9),
//! where the tenant's own, which signs by ES256, is not what the provider takes. It is the administrator's, as many providers want
//! a certificate that somebody there has uploaded.

use crate::auth::sealed;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fhir::{Failure, IssueType, Result};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::{ObjectIdentifier, PrivateKeyInfo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Tenant;

/// RFC 8017 appendix A.1, RFC 5480 sections 2.1.1 and 2.1.1.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// The least bytes of an RSA key's modulus (RFC 7518 section 3.3: 2048 bits).
const SHORTEST: usize = 256;

/// A key that was registered with a provider.
#[derive(Clone, Serialize, Deserialize)]
pub struct OwnKey {
    kind: Kind,
    /// The private key in DER, sealed.
    private: String,
    /// What verifies, for the provider.
    pub public: Jwk,
    /// The SHA-256 of its certificate (`x5t#S256`, RFC 7515 section 4.1.8).
    certificate: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Rsa,
    P256,
    P384,
}

impl Kind {
    /// What it signs by: the first where the provider does not say what it takes.
    fn algorithms(self, has_certificate: bool) -> &'static [Algorithm] {
        match (self, has_certificate) {
            // Who looks at certificates, as Entra does, has PS256 as it should be.
            (Kind::Rsa, true) => &[Algorithm::PS256, Algorithm::RS256, Algorithm::PS384, Algorithm::RS384],
            (Kind::Rsa, false) => &[Algorithm::RS256, Algorithm::PS256, Algorithm::RS384, Algorithm::PS384],
            (Kind::P256, _) => &[Algorithm::ES256],
            (Kind::P384, _) => &[Algorithm::ES384],
        }
    }

    fn signing(self, der: &[u8]) -> EncodingKey {
        match self {
            Kind::Rsa => EncodingKey::from_rsa_der(der),
            Kind::P256 | Kind::P384 => EncodingKey::from_ec_der(der),
        }
    }
}

impl OwnKey {
    /// The key of a private one and its certificate, both in PEM; fails with what is wrong with them.
    pub fn read(tenant: &Tenant, provider: &str, private: &str, certificate: Option<&str>) -> Result<OwnKey> {
        let (kind, der) = private_key(private)?;
        let public = public_key(kind, &der)?;
        let certificate = certificate.map(|it| fingerprint(it, &public)).transpose()?;
        let private = sealed::seal(&tenant.secrets().page_key, &purpose(provider), &der)?;
        Ok(OwnKey { kind, private, public, certificate })
    }

    /// By what it signs where the provider takes these, or does not say.
    pub fn algorithm(&self, taken: Option<&[String]>) -> Option<Algorithm> {
        let mut own = self.kind.algorithms(self.certificate.is_some()).iter().copied();
        own.find(|it| taken.is_none_or(|taken| taken.iter().any(|name| name.parse() == Ok(*it))))
    }

    /// What an assertion that it signs begins with.
    pub fn header(&self, algorithm: Algorithm) -> Header {
        let mut header = Header::new(algorithm);
        header.kid.clone_from(&self.public.common.key_id);
        header.x5t_s256.clone_from(&self.certificate);
        header
    }

    /// What signs.
    pub fn signing(&self, tenant: &Tenant, provider: &str) -> Result<EncodingKey> {
        let opened = sealed::open(&tenant.secrets().page_key, &purpose(provider), &self.private)?;
        let der = opened.ok_or_else(|| Failure::internal("the key at a provider cannot be decrypted"))?;
        Ok(self.kind.signing(&der))
    }
}

fn purpose(provider: &str) -> String {
    format!("the key at provider {provider}")
}

fn private_key(pem: &str) -> Result<(Kind, Vec<u8>)> {
    let told = "private-key is an RSA key, or one on P-256 or P-384, in PEM (PKCS #8), without a password.";
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => Ok((Kind::Rsa, der.secret_pkcs1_der().to_vec())),
        Ok(PrivateKeyDer::Pkcs8(der)) => {
            let whole = der.secret_pkcs8_der();
            let info = PrivateKeyInfo::try_from(whole).map_err(|_| refused(told))?;
            match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
                (RSA, _) => Ok((Kind::Rsa, info.private_key.to_vec())),
                (_, Some(P256)) => Ok((Kind::P256, whole.to_vec())),
                (_, Some(P384)) => Ok((Kind::P384, whole.to_vec())),
                _ => Err(refused(told)),
            }
        }
        _ => Err(refused(told)),
    }
}

fn public_key(kind: Kind, der: &[u8]) -> Result<Jwk> {
    let told = "private-key cannot be used: it is damaged, or an RSA key of less than 2048 bits.";
    let algorithm = *kind.algorithms(false).first().ok_or_else(|| refused(told))?;
    let mut public = Jwk::from_encoding_key(&kind.signing(der), algorithm).map_err(|_| refused(told))?;
    if parts(&public).is_none_or(|it| it.is_empty() || (kind == Kind::Rsa && it.len() < SHORTEST)) {
        return Err(refused(told));
    }
    public.common.key_id = Some(public.thumbprint(ThumbprintHash::SHA256).map_err(|_| refused(told))?);
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    // One RSA key signs by several.
    public.common.key_algorithm = public.common.key_algorithm.filter(|_| kind != Kind::Rsa);
    Ok(public)
}

/// The bytes of a public key that no other has: an RSA modulus, a point.
fn parts(public: &Jwk) -> Option<Vec<u8>> {
    let read = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    match &public.algorithm {
        AlgorithmParameters::RSA(rsa) => read(&rsa.n),
        AlgorithmParameters::EllipticCurve(ec) => Some([read(&ec.x)?, read(&ec.y)?].concat()),
        _ => None,
    }
}

/// The fingerprint of a certificate, which must be this key's.
fn fingerprint(pem: &str, public: &Jwk) -> Result<String> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| refused("certificate is one in PEM (-----BEGIN CERTIFICATE-----)."))?;
    let own = parts(public).unwrap_or_default();
    match certificate.windows(own.len().max(1)).any(|it| it == own) {
        true => Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate))),
        false => Err(refused("certificate is not the one of private-key.")),
    }
}

fn refused(told: &str) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys and a certificate of these tests, which are good for nothing else: `openssl genpkey`, `openssl req -x509`.
    const RSA_KEY: &str = include_str!("own_key/rsa.pem");
    const CERTIFICATE: &str = include_str!("own_key/rsa-certificate.pem");
    const EC_KEY: &str = include_str!("own_key/p384.pem");
    const WEAK: &str = include_str!("own_key/rsa-1024.pem");

    fn read(private: &str, certificate: Option<&str>) -> Result<OwnKey> {
        let (kind, der) = private_key(private)?;
        let public = public_key(kind, &der)?;
        let certificate = certificate.map(|it| fingerprint(it, &public)).transpose()?;
        Ok(OwnKey { kind, private: String::new(), public, certificate })
    }

    #[test]
    fn a_key_signs_by_what_the_provider_takes() {
        let names = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let (rsa, certified) = (read(RSA_KEY, None).unwrap(), read(RSA_KEY, Some(CERTIFICATE)).unwrap());
        let ec = read(EC_KEY, None).unwrap();
        assert_eq!(
            [&rsa, &certified, &ec].map(|it| it.algorithm(None).unwrap()),
            [Algorithm::RS256, Algorithm::PS256, Algorithm::ES384]
        );
        let taken = names(&["none", "HS256", "RS384", "ES384"]);
        assert_eq!(rsa.algorithm(Some(&taken)), Some(Algorithm::RS384));
        assert_eq!(ec.algorithm(Some(&taken)), Some(Algorithm::ES384));
        assert_eq!(ec.algorithm(Some(&names(&["RS256"]))), None);
        assert_eq!(rsa.header(Algorithm::RS256).x5t_s256, None);
        assert!(certified.header(Algorithm::PS256).x5t_s256.is_some_and(|it| it.len() == 43));
        assert!(rsa.public.common.key_algorithm.is_none() && rsa.public.common.key_id.is_some());
    }

    #[test]
    fn a_key_is_whole_and_strong_and_its_certificate_its_own() {
        for wrong in
            ["", "garbage", CERTIFICATE, WEAK, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
        {
            assert!(read(wrong, None).is_err(), "{wrong}");
        }
        assert!(read(EC_KEY, Some(CERTIFICATE)).is_err() && read(RSA_KEY, Some("garbage")).is_err());
    }
}
