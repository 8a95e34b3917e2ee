//! Keys of passkeys: COSE_Key (RFC 9052 section 7) in CBOR, of the algorithms that authenticators have.

use super::Refused;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::Decoder;
use minicbor::data::Type;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

/// The most members of a key; those of the algorithms here have five at the most.
const MOST: u64 = 16;

/// A key that verifies signatures; its parts in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "alg")]
pub enum PublicKey {
    /// ECDSA on P-256 with SHA-256.
    ES256 {
        /// The point, uncompressed.
        point: String,
    },
    /// Ed25519.
    EdDSA {
        /// The point.
        point: String,
    },
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256 {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
}

/// The members of a key by their labels (RFC 9053 section 7, RFC 8230 section 4).
#[derive(Default)]
struct Members<'d> {
    kty: Option<i64>,
    alg: Option<i64>,
    crv: Option<i64>,
    /// -1 (a modulus), -2 (x, or an exponent), -3 (y).
    parts: [Option<&'d [u8]>; 3],
}

impl PublicKey {
    /// Reads a key; gives what follows it, too.
    pub(super) fn read(cbor: &[u8]) -> Result<(PublicKey, &[u8]), Refused> {
        let mut decoder = Decoder::new(cbor);
        let members = members(&mut decoder).map_err(|_| Refused("the key cannot be read"))?;
        let rest = cbor.get(decoder.position()..).unwrap_or_default();
        Ok((members.key().ok_or(Refused("the key is of an algorithm that is not taken"))?, rest))
    }

    /// Whether this key's owner signed a text.
    pub(super) fn has_signed(&self, text: &[u8], signature: &[u8]) -> bool {
        let bytes = |part: &String| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        match self {
            PublicKey::ES256 { point } => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, bytes(point)).verify(text, signature).is_ok()
            }
            PublicKey::EdDSA { point } => {
                UnparsedPublicKey::new(&ED25519, bytes(point)).verify(text, signature).is_ok()
            }
            PublicKey::RS256 { n, e } => {
                let key = RsaPublicKeyComponents { n: bytes(n), e: bytes(e) };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, text, signature).is_ok()
            }
        }
    }
}

fn members<'d>(decoder: &mut Decoder<'d>) -> Result<Members<'d>, minicbor::decode::Error> {
    let mut members = Members::default();
    let count = decoder.map()?.filter(|it| *it <= MOST);
    // CTAP2's canonical CBOR has lengths.
    for _ in 0..count.ok_or_else(|| minicbor::decode::Error::message("no length"))? {
        match (decoder.i64()?, decoder.datatype()?) {
            (1, _) => members.kty = Some(decoder.i64()?),
            (3, _) => members.alg = Some(decoder.i64()?),
            (-1, Type::U8) => members.crv = Some(decoder.i64()?),
            (label @ -3..=-1, Type::Bytes) => {
                let at = usize::try_from(-1 - label).unwrap_or_default();
                let bytes = decoder.bytes()?;
                members.parts.iter_mut().skip(at).take(1).for_each(|it| *it = Some(bytes));
            }
            _ => decoder.skip()?,
        }
    }
    Ok(members)
}

impl Members<'_> {
    fn key(&self) -> Option<PublicKey> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let is_coordinate = |it: &&[u8]| it.len() == 32;
        let [n, x, y] = self.parts;
        match (self.kty, self.alg, self.crv) {
            (Some(2), Some(-7), Some(1)) => {
                let (x, y) = (x.filter(is_coordinate)?, y.filter(is_coordinate)?);
                Some(PublicKey::ES256 { point: text(&[&[4], x, y].concat()) })
            }
            (Some(1), Some(-8), Some(6)) => Some(PublicKey::EdDSA { point: text(x.filter(is_coordinate)?) }),
            (Some(3), Some(-257), None) => Some(PublicKey::RS256 { n: text(n?), e: text(x?) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

    fn bytes(label: u8, bytes: &[u8]) -> Vec<u8> {
        [&[label, 0x58, bytes.len() as u8], bytes].concat()
    }

    #[test]
    fn keys_of_elliptic_curves_verify() {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref(), &random).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let cbor = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1][..], &bytes(0x21, x), &bytes(0x22, y), &[9]].concat();
        let (key, rest) = PublicKey::read(&cbor).unwrap();
        let signature = pair.sign(&random, b"text").unwrap();
        assert!(key.has_signed(b"text", signature.as_ref()) && !key.has_signed(b"other", signature.as_ref()));
        assert_eq!(rest, [9]);

        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
        let cbor = [&[0xa4, 1, 1, 3, 0x27, 0x20, 6][..], &bytes(0x21, pair.public_key().as_ref())].concat();
        let (key, _) = PublicKey::read(&cbor).unwrap();
        assert!(key.has_signed(b"text", pair.sign(b"text").as_ref()) && !key.has_signed(b"text", &[]));
    }

    #[test]
    fn a_key_of_rsa_is_read() {
        let cbor = [&[0xa4, 1, 3, 3, 0x39, 1, 0][..], &bytes(0x20, &[9; 200]), &[0x21, 0x43, 1, 0, 1]].concat();
        let (key, _) = PublicKey::read(&cbor).unwrap();
        assert!(matches!(&key, PublicKey::RS256 { e, .. } if e == "AQAB") && !key.has_signed(b"text", &[0; 256]));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let short = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1][..], &bytes(0x21, &[1; 31]), &bytes(0x22, &[1; 32])].concat();
        let nested = [&[0xa1, 5][..], &[0x81; 1000]].concat();
        for cbor in [&[][..], &[0xa0], &[0xbf, 0xff], &[0xa5, 1, 2], &[0xbb; 9], &short, &nested, &[0xa1, 1, 0x20]] {
            assert!(PublicKey::read(cbor).is_err(), "{cbor:x?}");
        }
    }
}
