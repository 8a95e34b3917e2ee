//! The keys of a tenant's tokens as they follow each other. The first one is made with the tenant; those that came after it
//! stand in the ledger, where every node looks once a second.

use super::client::IdTokenAlgorithm;
use super::grant::USER_TOKEN;
use super::kept::{self, Kept};
use super::keys::{TokenKey, new_token_key};
use super::rsa_key::RsaKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fhir::{Failure, IssueType, Result};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use store::{Session, Tenant};

/// How long a new key waits before it signs, in milliseconds: by then every node knows it.
const KNOWN: i64 = 2_000;
/// How long a key is kept behind the end of its last token, in milliseconds.
const SPARE: i64 = 60_000;
/// How often a change is tried while others make theirs.
const RACES: usize = 8;
/// The only key of this kind in the ledger.
const KEY: &str = "tokens";

/// A tenant's keys, the oldest first.
#[derive(Clone, Serialize, Deserialize)]
struct Keys {
    keys: Vec<Turn>,
    /// Those that sign id tokens by RS256; none as long as no app wants them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rsa: Vec<Turn>,
}

impl Kept for Keys {
    const KIND: &'static str = "keys";
}

/// When a key signs, and until when it is known. Times are in milliseconds since the epoch.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Turn {
    /// The private key (PKCS #8 DER in base64, of RSA PKCS #1); none for the one that was made with the tenant.
    private: Option<String>,
    /// From when it signs, as long as no other does.
    from: i64,
    /// When the last token ends of those that hold longer than users' do.
    longest: i64,
    /// Until when it verifies.
    until: Option<i64>,
}

impl Turn {
    fn is_over(&self, now: i64) -> bool {
        self.until.is_some_and(|it| it <= now)
    }

    fn key(&self, tenant: &Tenant) -> anyhow::Result<TokenKey> {
        match &self.private {
            None => TokenKey::of(tenant),
            Some(private) => TokenKey::from_der(&STANDARD.decode(private)?),
        }
    }

    fn rsa_key(&self) -> anyhow::Result<RsaKey> {
        RsaKey::from_der(&STANDARD.decode(self.private.as_deref().unwrap_or_default())?)
    }
}

/// The keys of a tenant as they were found.
pub struct KeyRing {
    keys: Vec<(Turn, TokenKey)>,
    rsa: Vec<(Turn, RsaKey)>,
    /// The ledger's version of them; none before the first change.
    version: Option<i64>,
}

impl KeyRing {
    /// The tenant's.
    pub async fn of(session: &dyn Session, tenant: &Tenant) -> Result<KeyRing> {
        let found = kept::find::<Keys>(session, KEY).await?;
        let version = found.as_ref().map(|it| it.version());
        let found = found.map_or_else(Keys::first, |it| it.value);
        let read = || -> anyhow::Result<KeyRing> {
            let keys = found.keys.into_iter().map(|turn| turn.key(tenant).map(|key| (turn, key)));
            let rsa = found.rsa.into_iter().map(|turn| turn.rsa_key().map(|key| (turn, key)));
            Ok(KeyRing {
                keys: keys.collect::<anyhow::Result<_>>()?,
                rsa: rsa.collect::<anyhow::Result<_>>()?,
                version,
            })
        };
        read().map_err(broken)
    }

    /// Whether these are still the tenant's.
    pub async fn is_current(&self, session: &dyn Session) -> Result<bool> {
        Ok(kept::find::<Keys>(session, KEY).await?.map(|it| it.version()) == self.version)
    }

    /// The key that signs now: the newest whose time has come.
    pub fn signing(&self, now: i64) -> Result<&TokenKey> {
        newest(&self.keys, now).ok_or_else(|| Failure::internal("the tenant has no key that signs"))
    }

    /// What an app is told of a user, signed as the app wants it: a token of this type, or of the usual one.
    pub fn sign_for_app(&self, by: IdTokenAlgorithm, kind: Option<&str>, claims: &Json, now: i64) -> Result<String> {
        let key = match by {
            IdTokenAlgorithm::Es256 => self.signing(now)?,
            IdTokenAlgorithm::Rs256 => {
                let told = "A key of the tenant is new; try again in a moment.";
                let key = newest(&self.rsa, now).ok_or_else(|| Failure::new(IssueType::Transient, told))?;
                return key.sign(kind, claims).map_err(broken);
            }
        };
        let mut header = Header::new(Algorithm::ES256);
        header.kid.clone_from(&key.public.common.key_id);
        if let Some(kind) = kind {
            header.typ = Some(kind.to_owned());
        }
        jsonwebtoken::encode(&header, claims, &key.signing).map_err(Failure::internal)
    }

    /// What a token that was signed for an app says, if it is one of these keys' and fit for `wanted`, which names no algorithm.
    pub fn read_for_app<T: DeserializeOwned>(&self, token: &str, wanted: &Validation, now: i64) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        let kid = header.kid.as_deref();
        let by = |algorithm, key: &DecodingKey| {
            let wanted = Validation { algorithms: vec![algorithm], ..wanted.clone() };
            jsonwebtoken::decode::<T>(token, key, &wanted).ok().map(|it| it.claims)
        };
        match header.alg {
            Algorithm::ES256 => self.verifying(kid, now).find_map(|it| by(Algorithm::ES256, &it.verifying)),
            Algorithm::RS256 => {
                let named =
                    living(&self.rsa, now).filter(|it| kid.is_none() || it.public.common.key_id.as_deref() == kid);
                named.map(|it| by(Algorithm::RS256, &it.verifying)).find_map(|it| it)
            }
            _ => None,
        }
    }

    /// The keys that may have signed a token of this `kid`; all where it has none.
    pub fn verifying(&self, kid: Option<&str>, now: i64) -> impl Iterator<Item = &TokenKey> {
        living(&self.keys, now).filter(move |key| kid.is_none() || key.public.common.key_id.as_deref() == kid)
    }

    /// What verifies, for others (RFC 7517 section 5): also the key that signs next, and those whose tokens still hold.
    pub fn public(&self, now: i64) -> Vec<&Jwk> {
        let rsa = living(&self.rsa, now).map(|it| &it.public);
        self.verifying(None, now).map(|it| &it.public).chain(rsa).collect()
    }

    #[cfg(test)]
    pub(super) fn with(key: TokenKey) -> KeyRing {
        KeyRing { keys: vec![(Turn::default(), key)], rsa: Vec::new(), version: None }
    }
}

impl Keys {
    /// Those of a tenant where nothing was changed yet.
    fn first() -> Keys {
        Keys { keys: vec![Turn::default()], rsa: Vec::new() }
    }
}

/// The newest key whose time has come.
fn newest<K>(keys: &[(Turn, K)], now: i64) -> Option<&K> {
    keys.iter().rev().find(|(turn, _)| turn.from <= now && !turn.is_over(now)).map(|(_, key)| key)
}

/// The keys whose tokens may hold.
fn living<K>(keys: &[(Turn, K)], now: i64) -> impl Iterator<Item = &K> {
    keys.iter().filter(move |(turn, _)| !turn.is_over(now)).map(|(_, key)| key)
}

fn broken(cause: anyhow::Error) -> Failure {
    Failure::internal(format!("{cause:#}"))
}

/// Sees to it that there is a key of the kind that signs for apps like this.
pub async fn provide(session: &dyn Session, algorithm: IdTokenAlgorithm, now: i64) -> Result<()> {
    let has_rsa = kept::find::<Keys>(session, KEY).await?.is_some_and(|it| !it.value.rsa.is_empty());
    if has_rsa || algorithm == IdTokenAlgorithm::Es256 {
        return Ok(());
    }
    let private = STANDARD.encode(RsaKey::generate().await?);
    change(session, |keys| {
        // Another one may have been made meanwhile.
        if keys.rsa.is_empty() {
            keys.rsa.push(Turn { private: Some(private.clone()), from: now, longest: 0, until: None });
        }
    })
    .await
}

/// Has a new key sign from now on. The one before verifies until its last token ends; `at_once` nothing verifies any more
/// that was signed before.
pub async fn rotate(session: &dyn Session, now: i64, at_once: bool) -> Result<()> {
    let private = STANDARD.encode(new_token_key().map_err(broken)?);
    let has_rsa = kept::find::<Keys>(session, KEY).await?.is_some_and(|it| !it.value.rsa.is_empty());
    let rsa = if has_rsa { Some(STANDARD.encode(RsaKey::generate().await?)) } else { None };
    change(session, |keys| {
        next(&mut keys.keys, private.clone(), now, at_once);
        if let Some(rsa) = &rsa {
            next(&mut keys.rsa, rsa.clone(), now, at_once);
        }
    })
    .await
}

fn next(keys: &mut Vec<Turn>, private: String, now: i64, at_once: bool) {
    let from = if at_once { now } else { now + KNOWN };
    keys.retain(|it| !at_once && !it.is_over(now));
    for turn in keys.iter_mut().filter(|it| it.until.is_none()) {
        turn.until = Some(turn.longest.max(from + USER_TOKEN * 1000) + SPARE);
    }
    keys.push(Turn { private: Some(private), from, longest: 0, until: None });
}

/// Notes until when a token holds that is signed now, so that its key is kept as long.
pub async fn note(session: &dyn Session, until: i64, now: i64) -> Result<()> {
    if until <= now + USER_TOKEN * 1000 {
        return Ok(());
    }
    change(session, |keys| {
        // Which of them signs depends on the moment.
        for turn in keys.keys.iter_mut().filter(|it| !it.is_over(now)) {
            turn.longest = turn.longest.max(until);
            turn.until = turn.until.map(|it| it.max(until + SPARE));
        }
    })
    .await
}

async fn change(session: &dyn Session, step: impl Fn(&mut Keys)) -> Result<()> {
    for _ in 0..RACES {
        let change = match kept::find::<Keys>(session, KEY).await? {
            Some(mut entry) => {
                step(&mut entry.value);
                entry.replace()?
            }
            None => {
                let mut keys = Keys::first();
                step(&mut keys);
                kept::insert(KEY, &keys, None)?
            }
        };
        if kept::write(session, vec![change]).await? {
            return Ok(());
        }
    }
    Err(Failure::new(IssueType::Transient, "The tenant's keys are being changed by others; try again."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = USER_TOKEN * 1000;

    fn ring(turns: &[Turn]) -> KeyRing {
        let key = || TokenKey::from_der(&new_token_key().unwrap()).unwrap();
        KeyRing { keys: turns.iter().map(|it| (it.clone(), key())).collect(), rsa: Vec::new(), version: None }
    }

    fn signs(ring: &KeyRing, now: i64) -> usize {
        let signing = ring.signing(now).unwrap();
        ring.keys.iter().position(|(_, key)| std::ptr::eq(key, signing)).unwrap()
    }

    #[test]
    fn a_key_goes_when_its_last_token_has_ended() {
        let mut turns = vec![Turn::default()];
        next(&mut turns, "second".into(), 1_000, false);
        let ring = ring(&turns);
        assert_eq!([1_000, 2_999, 3_000].map(|now| signs(&ring, now)), [0, 0, 1]);
        let known = |now| ring.public(now).len();
        assert_eq!([known(1_000), known(3_000 + HOUR), known(3_000 + HOUR + SPARE)], [2, 2, 1]);
        next(&mut turns, "third".into(), 5_000 + HOUR + SPARE, false);
        let names: Vec<_> = turns.iter().map(|it| it.private.as_deref()).collect();
        assert_eq!(names, [Some("second"), Some("third")]);
    }

    #[test]
    fn a_token_that_holds_longer_keeps_its_key() {
        let mut turns = vec![Turn { longest: 9 * HOUR, ..Turn::default() }];
        next(&mut turns, "second".into(), 0, false);
        assert_eq!(turns[0].until, Some(9 * HOUR + SPARE));
    }

    #[test]
    fn at_once_nothing_earlier_is_left() {
        let mut turns = vec![Turn::default()];
        next(&mut turns, "second".into(), 1_000, true);
        assert_eq!((turns.len(), turns[0].from), (1, 1_000));
    }
}
