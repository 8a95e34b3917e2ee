//! Certificates of erasure: what was erased, when and why, signed by the server's own key (JWS, RFC 7515; ES256).

use crate::auth::{TokenKey, new_token_key};
use anyhow::{Context, Result, anyhow};
use fhir::primitive::datetime;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use store::{Census, Store};

/// Tells these from other things that are signed.
const TYPE: &str = "medisync-erasure+jwt";

/// What a certificate does not say, which whoever reads it must know.
const NOT_COVERED: &str = "Copies made outside the database, such as backups, archived logs of the database and exports, and the \
     blocks of a disk that files were on. The tenant's keys in such copies are wrapped by the master key named here: they can no \
     longer be unwrapped once that is destroyed. What was not encrypted by the tenant's keys stays readable in them.";

/// What was erased.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The tenant's name.
    pub tenant: String,
    /// Why.
    pub reason: String,
    /// When the tenant was made.
    pub created: String,
    /// When its keys were destroyed.
    pub keys_destroyed: String,
    /// When all that it had was taken away; none as long as something is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// The keys.
    pub keys: Keys,
    /// What it had, by resource type.
    pub resources: Vec<Resources>,
    /// Accounts, clients, sessions and the like.
    pub ledger_entries: i64,
    /// What it says nothing of.
    pub not_covered: String,
}

/// Which keys a tenant had.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The id of the master key that wrapped them.
    pub master_key: Option<String>,
    /// The numbers of the data keys.
    pub data_keys: Vec<u32>,
    /// The SHA-256 of the keys as they were wrapped.
    pub sha256_of_wrapped_keys: String,
}

/// How much there was of a resource type.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// The type.
    #[serde(rename = "type")]
    pub of: String,
    /// Those that were not deleted.
    pub resources: i64,
    /// All versions.
    pub versions: i64,
}

impl Certificate {
    /// What is known when the keys are destroyed.
    pub fn begun(tenant: &str, reason: &str, census: Census, now_ms: i64) -> Certificate {
        let resources = |it: store::Counted| Resources { of: it.of, resources: it.current, versions: it.versions };
        Certificate {
            tenant: tenant.to_owned(),
            reason: reason.to_owned(),
            created: datetime::instant(census.created * 1000),
            keys_destroyed: datetime::instant(now_ms * 1000),
            finished: None,
            keys: Keys {
                master_key: census.wrapped_by,
                data_keys: census.data_keys,
                sha256_of_wrapped_keys: census.keys,
            },
            resources: census.types.into_iter().map(resources).collect(),
            ledger_entries: census.ledger,
            not_covered: NOT_COVERED.to_owned(),
        }
    }

    /// The certificate, signed.
    pub fn sign(&self, key: &TokenKey) -> Result<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.into());
        header.kid.clone_from(&key.public.common.key_id);
        jsonwebtoken::encode(&header, self, &key.signing).context("the certificate cannot be signed")
    }

    /// A certificate that this server signed; fails for any other.
    pub fn verify(signed: &str, key: &TokenKey) -> Result<Certificate> {
        let header = jsonwebtoken::decode_header(signed).map_err(|_| anyhow!("this is no certificate"))?;
        if header.typ.as_deref() != Some(TYPE) {
            return Err(anyhow!("this is no certificate of erasure"));
        }
        let mut wanted = Validation::new(Algorithm::ES256);
        // It holds for ever, for whoever reads it.
        wanted.required_spec_claims.clear();
        wanted.validate_exp = false;
        wanted.validate_aud = false;
        let verified = jsonwebtoken::decode::<Certificate>(signed, &key.verifying, &wanted);
        Ok(verified
            .map_err(|_| anyhow!("the signature is not by this server's key, or the certificate was changed"))?
            .claims)
    }
}

/// The key that signs certificates, made if there is none yet.
pub async fn signing_key(store: &dyn Store) -> Result<TokenKey> {
    TokenKey::from_der(&store.signing_key(&new_token_key()?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TokenKey {
        TokenKey::from_der(&new_token_key().unwrap()).unwrap()
    }

    fn certificate() -> Certificate {
        let types = vec![store::Counted { of: "Patient".into(), current: 2, versions: 5 }];
        let census = Census { created: 0, types, ledger: 3, keys: "ab".into(), ..Census::default() };
        Certificate::begun("north", "The contract ended.", census, 1_000)
    }

    #[test]
    fn what_was_signed_is_read_again() {
        let key = key();
        let signed = certificate().sign(&key).unwrap();
        assert_eq!(Certificate::verify(&signed, &key).unwrap(), certificate());
    }

    #[test]
    fn a_changed_certificate_or_anothers_is_refused() {
        let (ours, theirs) = (key(), key());
        let signed = certificate().sign(&ours).unwrap();
        let other = Certificate { reason: "None.".into(), ..certificate() }.sign(&theirs).unwrap();
        let parts: Vec<&str> = signed.split('.').collect();
        let payload = other.split('.').nth(1).unwrap();
        let exchanged = [parts[0], payload, parts[2]].join(".");
        for wrong in [other.as_str(), &exchanged, "", "a.b.c"] {
            assert!(Certificate::verify(wrong, &ours).is_err(), "{wrong}");
        }
    }

    #[test]
    fn something_else_that_was_signed_is_no_certificate() {
        let key = key();
        let untyped = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &certificate(), &key.signing).unwrap();
        assert!(Certificate::verify(&untyped, &key).is_err());
    }
}
