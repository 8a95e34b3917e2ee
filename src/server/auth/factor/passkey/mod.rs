//! Passkeys: Web Authentication Level 3, the relying party's side (section 7). Attestation is not asked for: whoever is signed
//! in says which authenticator is to be trusted. The authenticator has to make sure who its user is, so that a passkey is two
//! factors by itself.

mod cose;
mod data;

use crate::auth::kept::Kept;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cose::PublicKey;
use data::{AuthenticatorData, ClientData};
use minicbor::Decoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most that a user has.
pub const MOST: usize = 10;
/// The longest name that a user gives one, in characters.
pub const LONGEST_NAME: usize = 50;

/// A passkey of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id in base64url.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// Whether it may be copied to other devices.
    pub is_synced: bool,
    /// When it was registered, in milliseconds since the epoch.
    pub since: i64,
    /// When it was last used.
    pub used: Option<i64>,
    key: PublicKey,
    counter: u32,
}

/// Whose passkey it is, kept under a hash of its id.
#[derive(Serialize, Deserialize)]
pub struct Owner {
    /// The user's name.
    pub account: String,
}

impl Kept for Owner {
    const KIND: &'static str = "passkey";
}

/// Why a passkey is not taken: for the log, as whoever forges one need not know.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

/// What a ceremony must be of.
pub struct Here<'h> {
    /// Scheme, host and port of the page.
    pub origin: &'h str,
    /// The relying party's id: the host.
    pub rp: &'h str,
}

/// What the browser brings for one that was made.
pub struct Creation {
    /// `clientDataJSON`
    pub client_data: Vec<u8>,
    /// `attestationObject`
    pub attestation: Vec<u8>,
}

/// What the browser brings for one that was used.
pub struct Assertion {
    /// `clientDataJSON`
    pub client_data: Vec<u8>,
    /// `authenticatorData`
    pub authenticator_data: Vec<u8>,
    /// `signature`
    pub signature: Vec<u8>,
}

impl Here<'_> {
    /// Steps that both ceremonies have in common; gives the challenge.
    fn client(&self, json: &[u8], kind: &str) -> Result<String, Refused> {
        let client = ClientData::parse(json)?;
        if client.kind != kind {
            return Err(Refused("the ceremony is another one"));
        }
        if client.origin != self.origin || client.cross_origin || client.top_origin.is_some() {
            return Err(Refused("the page was another site's"));
        }
        client.challenge()
    }

    fn authenticator<'d>(&self, bytes: &'d [u8]) -> Result<AuthenticatorData<'d>, Refused> {
        let data = AuthenticatorData::parse(bytes)?;
        if data.rp_hash != &Sha256::digest(self.rp)[..] {
            return Err(Refused("the passkey is another site's"));
        }
        if !data.is_verified() {
            return Err(Refused("the authenticator did not make sure who its user is"));
        }
        Ok(data)
    }
}

impl Creation {
    /// The passkey, and the challenge that it was made for (section 7.1).
    pub fn verify(&self, here: &Here<'_>, name: &str, now: i64) -> Result<(Passkey, String), Refused> {
        let challenge = here.client(&self.client_data, "webauthn.create")?;
        let data = authenticator_data(&self.attestation).ok_or(Refused("the attestation object cannot be read"))?;
        let data = here.authenticator(data)?;
        let (id, key) = data.made()?;
        let (key, rest) = PublicKey::read(key)?;
        if !rest.is_empty() && !data.is_extended() {
            return Err(Refused("the authenticator data is too long"));
        }
        let passkey = Passkey {
            id: URL_SAFE_NO_PAD.encode(id),
            name: name.to_owned(),
            is_synced: data.is_synced(),
            since: now,
            used: None,
            key,
            counter: data.counter,
        };
        Ok((passkey, challenge))
    }
}

/// The authenticator data of an attestation object (section 6.5.4). Its statement is not looked at.
fn authenticator_data(cbor: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(cbor);
    for _ in 0..decoder.map().ok()??.min(8) {
        match decoder.str().ok()? {
            "authData" => return decoder.bytes().ok(),
            _ => decoder.skip().ok()?,
        }
    }
    None
}

impl Passkey {
    /// Notes that it was used; gives the challenge that it signed (section 7.2).
    pub fn verify(&mut self, assertion: &Assertion, here: &Here<'_>, now: i64) -> Result<String, Refused> {
        let challenge = here.client(&assertion.client_data, "webauthn.get")?;
        let data = here.authenticator(&assertion.authenticator_data)?;
        let signed = [&assertion.authenticator_data[..], &Sha256::digest(&assertion.client_data)].concat();
        if !self.key.has_signed(&signed, &assertion.signature) {
            return Err(Refused("the signature is wrong"));
        }
        if (data.counter, self.counter) != (0, 0) && data.counter <= self.counter {
            return Err(Refused("the passkey counts backwards, so there may be a copy of it"));
        }
        (self.counter, self.used, self.is_synced) = (data.counter, Some(now), data.is_synced());
        Ok(challenge)
    }
}
