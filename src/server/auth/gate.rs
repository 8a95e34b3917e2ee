//! Lets a request in, or not: from tenant, base and token to a [`Context`].

use super::{TokenKeys, verify};
use crate::clock;
use engine::{Caller, Context, Engine, Scopes};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::sync::{Arc, PoisonError, RwLock};
use store::Tenant;

/// The most contexts kept for requests to come.
const MOST_ADMITTED: usize = 4096;

/// Whom the gate lets in.
pub enum Mode {
    /// Those who hold a token of this issuer.
    Tokens {
        /// The `--issuer` setting.
        issuer: String,
    },
    /// Everybody: `--no-auth`, on a loopback address only.
    Open,
}

/// Makes contexts, and remembers them until their tokens expire.
pub struct Gate {
    engine: Arc<Engine>,
    mode: Mode,
    tenants: RwLock<FxHashMap<Box<str>, Arc<Known>>>,
    admitted: RwLock<FxHashMap<[u8; 32], Admitted>>,
}

/// A tenant that was asked for before.
struct Known {
    tenant: Tenant,
    keys: TokenKeys,
}

struct Admitted {
    context: Context,
    /// In milliseconds since the epoch.
    until: i64,
}

impl Gate {
    /// A gate before an engine.
    pub fn new(engine: Arc<Engine>, mode: Mode) -> Gate {
        Gate { engine, mode, tenants: RwLock::default(), admitted: RwLock::default() }
    }

    /// Whether requests need a token.
    pub fn needs_token(&self) -> bool {
        matches!(self.mode, Mode::Tokens { .. })
    }

    /// The context of a request to `tenant`, whose base the caller knows as `base`. `is_public` says that the
    /// request asks for nothing but what everybody may see; it then needs no token.
    pub async fn admit(
        &self,
        tenant: &str,
        base: &str,
        authorization: Option<&str>,
        is_public: bool,
    ) -> Result<Context> {
        let kind = if is_public { "public" } else { "private" };
        let key = digest(&[tenant, base, kind, authorization.unwrap_or_default()]);
        let now = clock::now_ms();
        if let Some(known) = read(&self.admitted).get(&key).filter(|it| now < it.until) {
            return Ok(known.context.clone());
        }
        let known = self.known(tenant).await?;
        let (caller, until) = self.caller(&known, authorization, is_public)?;
        let context = self.engine.context(&known.tenant, caller, base).await?;
        self.remember(key, Admitted { context: context.clone(), until }, now);
        Ok(context)
    }

    async fn known(&self, name: &str) -> Result<Arc<Known>> {
        if let Some(known) = read(&self.tenants).get(name) {
            return Ok(known.clone());
        }
        let unknown = || Failure::new(IssueType::NotFound, format!("This server has no tenant {name}."));
        let tenant = self.engine.store().tenant(name).await?.ok_or_else(unknown)?;
        let keys = TokenKeys::of(&tenant).map_err(|cause| Failure::internal(format!("{cause:#}")))?;
        let known = Arc::new(Known { tenant, keys });
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), known.clone());
        Ok(known)
    }

    /// The caller, and until when that holds.
    fn caller(&self, known: &Known, authorization: Option<&str>, is_public: bool) -> Result<(Caller, i64)> {
        match (&self.mode, authorization) {
            (Mode::Open, _) => Ok((caller("no-auth", Scopes::all()), i64::MAX)),
            (Mode::Tokens { .. }, None) if is_public => Ok((caller("anonymous", Scopes::default()), i64::MAX)),
            (Mode::Tokens { issuer }, authorization) => {
                let token = authorization.and_then(bearer).ok_or_else(no_token)?;
                let claims = verify(token, &known.keys, issuer, known.tenant.name())?;
                let until = claims.exp.saturating_mul(1000);
                Ok((claims.caller(), until))
            }
        }
    }

    fn remember(&self, key: [u8; 32], admitted: Admitted, now: i64) {
        let mut all = self.admitted.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADMITTED {
            all.retain(|_, it| now < it.until);
        }
        if all.len() >= MOST_ADMITTED {
            all.clear();
        }
        all.insert(key, admitted);
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn caller(subject: &str, scopes: Scopes) -> Caller {
    Caller { subject: subject.into(), roles: Vec::new(), scopes }
}

/// The token of an `Authorization` header (RFC 6750 section 2.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn no_token() -> Failure {
    Failure::new(IssueType::Login, "An access token is needed: Authorization: Bearer TOKEN.")
}

/// A digest of texts, each with its length, so that parts cannot run together.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_are_taken() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a", ""]), digest(&["", "a"]));
    }
}
