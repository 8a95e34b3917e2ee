//! Lets a request in, or not: from tenant, base and token to a [`Context`].

mod caller;
mod known;

pub use caller::{Holder, bearer};
pub use known::Known;

use super::{Claims, KeyRing, grant, verify};
use crate::clock;
use caller::{Shown, revoked};
use engine::{Context, Engine};
use fhir::Result;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use store::Leeway;

/// The most contexts kept for requests to come.
const MOST_ADMITTED: usize = 4096;
/// How long a token is taken to be still granted, and a tenant's keys to be the same, in milliseconds: what is revoked is
/// refused by every node soon after.
const GRANTED: i64 = 1000;

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
    admitted: RwLock<FxHashMap<[u8; 32], Arc<Admitted>>>,
}

struct Admitted {
    context: Context,
    holder: Arc<Holder>,
    /// In milliseconds since the epoch.
    until: i64,
    /// The token that it was let in by.
    token: Option<Shown>,
}

impl Gate {
    /// A gate before an engine.
    pub fn new(engine: Arc<Engine>, mode: Mode) -> Gate {
        Gate { engine, mode, tenants: RwLock::default(), admitted: RwLock::default() }
    }

    /// Who issues tokens, the `--issuer` setting; none where nobody needs one.
    pub fn issuer(&self) -> Option<&str> {
        match &self.mode {
            Mode::Tokens { issuer } => Some(issuer),
            Mode::Open => None,
        }
    }

    /// The context of a request to `tenant`, whose base the caller knows as `base`. `is_public` says that the
    /// request asks for nothing but what everybody may see; it then needs no token. While the primary database does not answer,
    /// a copy of it is asked, as far as the request has a leeway for that.
    pub async fn admit(
        &self,
        tenant: &str,
        base: &str,
        authorization: Option<&str>,
        is_public: bool,
        leeway: Option<Arc<Leeway>>,
    ) -> Result<(Context, Arc<Holder>)> {
        if let Some(leeway) = leeway {
            return self.admit_leniently(leeway, tenant, base, authorization, is_public).await;
        }
        let kind = if is_public { "public" } else { "private" };
        let key = digest(&[tenant, base, kind, authorization.unwrap_or_default()]);
        let now = clock::now_ms();
        let admitted = read(&self.admitted).get(&key).filter(|it| now < it.until).cloned();
        if let Some(admitted) = admitted
            && self.still_holds(&admitted, now).await?
        {
            return Ok((admitted.context.clone(), admitted.holder.clone()));
        }
        let known = self.known(tenant).await?;
        let session = self.engine.store().open(&known.tenant).await?;
        let (caller, holder, until, token) = self.caller(&known, &*session, authorization, is_public, now).await?;
        let holder = Arc::new(holder);
        let context = self.engine.context(&known.tenant, caller, base).await?;
        let admitted = Admitted { context: context.clone(), holder: holder.clone(), until, token };
        self.remember(key, admitted, now);
        Ok((context, holder))
    }

    /// Looks everything up, and remembers nothing: what a copy said holds for this request alone.
    async fn admit_leniently(
        &self,
        leeway: Arc<Leeway>,
        tenant: &str,
        base: &str,
        authorization: Option<&str>,
        is_public: bool,
    ) -> Result<(Context, Arc<Holder>)> {
        let now = clock::now_ms();
        let known = match self.last_known(tenant) {
            Some(known) => known,
            None => self.known(tenant).await?,
        };
        let session = self.engine.store().open(&known.tenant).await?;
        let session = session.for_reading(Some(Arc::new(leeway.for_access()))).unwrap_or(session);
        let known = match known.keys.is_current(&*session).await? {
            true => known,
            false => {
                let keys = KeyRing::of(&*session, &known.tenant).await?;
                Arc::new(Known { tenant: known.tenant.clone(), keys, seen: AtomicI64::default() })
            }
        };
        let (caller, holder, ..) = self.caller(&known, &*session, authorization, is_public, now).await?;
        let context = self.engine.lenient_context(&known.tenant, caller, base, Some(leeway)).await?;
        Ok((context, Arc::new(holder)))
    }

    /// Whether what was let in before may come in again without another look at its token, and with the same access; fails
    /// with 401 once what the token stands for was revoked.
    async fn still_holds(&self, admitted: &Admitted, now: i64) -> Result<bool> {
        let Some(token) = &admitted.token else { return Ok(true) };
        if now < token.seen.load(Ordering::Relaxed) + GRANTED {
            return Ok(true);
        }
        // Other keys may not know the token.
        if !Arc::ptr_eq(&token.known, &self.known(token.known.tenant.name()).await?) {
            return Ok(false);
        }
        let duties = self.standing(&token.stands, admitted.context.session(), now).await?;
        token.seen.store(now, Ordering::Relaxed);
        Ok(duties == token.duties)
    }

    /// What a token of the tenant says, as long as it holds.
    pub async fn claims(&self, tenant: &Known, token: &str) -> Result<Claims> {
        let issuer = self.issuer().unwrap_or_default();
        let claims = verify(token, &tenant.keys, issuer, tenant.tenant.name(), clock::now_ms())?;
        if let Some(name) = &claims.grant {
            let session = self.engine.store().open(&tenant.tenant).await?;
            grant::living(&*session, name).await?.ok_or_else(revoked)?;
        }
        Ok(claims)
    }

    fn remember(&self, key: [u8; 32], admitted: Admitted, now: i64) {
        let mut all = self.admitted.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADMITTED {
            all.retain(|_, it| now < it.until);
        }
        if all.len() >= MOST_ADMITTED {
            all.clear();
        }
        all.insert(key, Arc::new(admitted));
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
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
    fn parts_of_a_key_do_not_run_together() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a", ""]), digest(&["", "a"]));
    }
}
