//! What browser and authenticator say of a ceremony (Web Authentication Level 3, sections 5.8.1 and 6.1).

use super::Refused;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// Flags of authenticator data.
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENDED: u8 = 1 << 7;
/// The longest credential id (section 4, Credential ID).
const LONGEST_ID: usize = 1023;

/// What the browser says: CollectedClientData.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientData {
    #[serde(rename = "type")]
    pub(super) kind: String,
    challenge: String,
    pub(super) origin: String,
    #[serde(default)]
    pub(super) cross_origin: bool,
    pub(super) top_origin: Option<String>,
}

impl ClientData {
    pub(super) fn parse(json: &[u8]) -> Result<ClientData, Refused> {
        serde_json::from_slice(json).map_err(|_| Refused("the client data cannot be read"))
    }

    /// The challenge that was signed.
    pub(super) fn challenge(&self) -> Result<String, Refused> {
        let bytes = URL_SAFE_NO_PAD.decode(self.challenge.trim_end_matches('=')).ok();
        bytes.and_then(|it| String::from_utf8(it).ok()).ok_or(Refused("the challenge is none of this server's"))
    }
}

/// What the authenticator says.
pub(super) struct AuthenticatorData<'d> {
    /// The hash of the relying party's id.
    pub(super) rp_hash: &'d [u8],
    flags: u8,
    /// How often it signed; 0 where it does not count.
    pub(super) counter: u32,
    rest: &'d [u8],
}

impl<'d> AuthenticatorData<'d> {
    pub(super) fn parse(bytes: &'d [u8]) -> Result<AuthenticatorData<'d>, Refused> {
        let read = || {
            let (rp_hash, rest) = bytes.split_at_checked(32)?;
            let (flags, rest) = rest.split_first()?;
            let (counter, rest) = rest.split_first_chunk::<4>()?;
            Some(AuthenticatorData { rp_hash, flags: *flags, counter: u32::from_be_bytes(*counter), rest })
        };
        let data = read().ok_or(Refused("the authenticator data is too short"))?;
        if data.has(BACKED_UP) && !data.has(BACKUP_ELIGIBLE) {
            return Err(Refused("the authenticator contradicts itself"));
        }
        if !data.has(ATTESTED) && !data.has(EXTENDED) && !data.rest.is_empty() {
            return Err(Refused("the authenticator data is too long"));
        }
        Ok(data)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether somebody was there, and the authenticator made sure who.
    pub(super) fn is_verified(&self) -> bool {
        self.has(USER_PRESENT) && self.has(USER_VERIFIED)
    }

    /// Whether the passkey may be copied to other devices.
    pub(super) fn is_synced(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    /// The id of a passkey that was made, and what follows it: its key in CBOR, and extensions.
    pub(super) fn made(&self) -> Result<(&'d [u8], &'d [u8]), Refused> {
        let read = || {
            // The model of the authenticator is nobody's business here.
            let (_, rest) = self.rest.split_at_checked(16)?;
            let (length, rest) = rest.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            rest.split_at_checked(length).filter(|_| (1..=LONGEST_ID).contains(&length))
        };
        read().filter(|_| self.has(ATTESTED)).ok_or(Refused("the authenticator tells of no new passkey"))
    }

    /// Whether something may follow the key.
    pub(super) fn is_extended(&self) -> bool {
        self.has(EXTENDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authenticator_data_is_read_to_its_end() {
        let with = |flags: u8, rest: &[u8]| [&[7; 32][..], &[flags, 0, 0, 1, 2], rest].concat();
        let bytes = with(USER_PRESENT | USER_VERIFIED, &[]);
        let data = AuthenticatorData::parse(&bytes).unwrap();
        assert_eq!((data.counter, data.is_verified(), data.is_synced()), (258, true, false));
        assert!(data.made().is_err());
        assert!(AuthenticatorData::parse(&bytes[..36]).is_err());
        assert!(AuthenticatorData::parse(&with(USER_PRESENT, &[0])).is_err());
        assert!(AuthenticatorData::parse(&with(BACKED_UP, &[])).is_err());
        let attested = with(ATTESTED, &[&[0; 16][..], &[0, 2, 8, 9, 10]].concat());
        assert_eq!(AuthenticatorData::parse(&attested).unwrap().made().ok(), Some((&[8, 9][..], &[10][..])));
        let cut = with(ATTESTED, &[&[0; 16][..], &[0, 9, 8]].concat());
        assert!(AuthenticatorData::parse(&cut).unwrap().made().is_err());
    }
}
