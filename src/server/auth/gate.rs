//! Lets a request in, or not: from tenant, base and token to a [`Context`].

use super::roles::{self, elevation};
use super::{Claims, KeyRing, api_key, grant, verify};
use crate::clock;
use engine::{Caller, Context, Duties, Engine, Scopes};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use store::{Leeway, Session, Tenant};

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

/// A tenant that was asked for before.
pub struct Known {
    /// The tenant.
    pub tenant: Tenant,
    /// The keys of its tokens.
    pub keys: KeyRing,
    /// When the keys were last seen to be these.
    seen: AtomicI64,
}

struct Admitted {
    context: Context,
    holder: Arc<Holder>,
    /// In milliseconds since the epoch.
    until: i64,
    /// The token that it was let in by.
    token: Option<Shown>,
}

/// Who holds a token, and what it says of them.
#[derive(Debug, Default)]
pub struct Holder {
    /// Whether there is a token.
    pub is_known: bool,
    /// The app or program that it was issued to, or the API key.
    pub client: Option<String>,
    /// The user whom it acts for.
    pub user: Option<String>,
    /// The resource that the user is: `Practitioner/1`.
    pub fhir_user: Option<String>,
    /// The patient in context.
    pub patient: Option<String>,
    /// What was granted.
    pub scope: String,
}

/// A token that was verified.
struct Shown {
    /// The tenant, with the keys by which it was verified.
    known: Arc<Known>,
    /// What it holds as long as.
    stands: Stands,
    /// What the user's roles let it do, when it was last seen to hold.
    duties: Option<Duties>,
    /// When it was last seen to hold.
    seen: AtomicI64,
}

/// What a token holds as long as, beside its own time.
enum Stands {
    /// Nothing else: `medisync token` made it.
    Alone,
    /// Nothing else, and it can do what these roles can: `medisync token --role` made it.
    Roles { names: Vec<String>, patient: Option<String>, place: Option<String> },
    /// The elevation that it is.
    Elevation(elevation::Shown),
    /// The grant of this name.
    Grant(String),
    /// The API key that it is.
    Key(api_key::Shown),
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

    /// The tenant of this name as it was when it was last asked for, if it was.
    pub fn last_known(&self, name: &str) -> Option<Arc<Known>> {
        read(&self.tenants).get(name).cloned()
    }

    /// The tenant of this name, with its keys as they were a second ago at the most.
    pub async fn known(&self, name: &str) -> Result<Arc<Known>> {
        let now = clock::now_ms();
        let known = self.last_known(name);
        if let Some(known) = &known
            && (self.issuer().is_none() || now < known.seen.load(Ordering::Relaxed) + GRANTED)
        {
            return Ok(known.clone());
        }
        let tenant = match &known {
            Some(known) => known.tenant.clone(),
            None => {
                let unknown = || Failure::new(IssueType::NotFound, format!("This server has no tenant {name}."));
                self.engine.store().tenant(name).await?.ok_or_else(unknown)?
            }
        };
        let session = match self.engine.store().open(&tenant).await {
            Err(store::Error::Erased) => {
                self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(name);
                return Err(store::Error::Erased.into());
            }
            opened => opened?,
        };
        if let Some(known) = known
            && known.keys.is_current(&*session).await?
        {
            known.seen.store(now, Ordering::Relaxed);
            return Ok(known);
        }
        let keys = KeyRing::of(&*session, &tenant).await?;
        let known = Arc::new(Known { tenant, keys, seen: AtomicI64::new(now) });
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), known.clone());
        Ok(known)
    }

    /// The caller, for whom its requests count, until when that holds, and the token that shows it. Fails with 401 where what
    /// the token stands for was revoked.
    async fn caller(
        &self,
        known: &Arc<Known>,
        session: &dyn Session,
        authorization: Option<&str>,
        is_public: bool,
        now: i64,
    ) -> Result<(Caller, Holder, i64, Option<Shown>)> {
        match (&self.mode, authorization) {
            (Mode::Open, _) => Ok((caller("no-auth", Scopes::all()), Holder::default(), i64::MAX, None)),
            (Mode::Tokens { .. }, None) if is_public => {
                Ok((caller("anonymous", Scopes::default()), Holder::default(), i64::MAX, None))
            }
            (Mode::Tokens { issuer }, authorization) => {
                let token = authorization.and_then(bearer).ok_or_else(no_token)?;
                let shown =
                    |stands, duties| Some(Shown { known: known.clone(), stands, duties, seen: AtomicI64::new(now) });
                if let Some(key) = api_key::read(token) {
                    let (caller, scope, until) = api_key::caller(session, &key, now).await?;
                    let client = Some(caller.subject.clone());
                    let holder = Holder { is_known: true, client, scope, ..Holder::default() };
                    return Ok((caller, holder, until, shown(Stands::Key(key), None)));
                }
                if let Some(it) = elevation::read(token) {
                    let (elevation, duties) = elevation::living(self.engine.store(), session, &it, now).await?;
                    let caller = elevation::caller(&elevation, &duties);
                    let user = Some(caller.subject.clone());
                    let holder = Holder { is_known: true, user, ..Holder::default() };
                    return Ok((caller, holder, elevation.until, shown(Stands::Elevation(it), Some(duties))));
                }
                let claims = verify(token, &known.keys, issuer, known.tenant.name(), now)?;
                let until = claims.exp.saturating_mul(1000);
                let stands = Stands::of(&claims);
                let duties = self.standing(&stands, session, now).await?;
                let holder = claims.holder();
                let mut caller = claims.caller();
                if let Some(duties) = &duties {
                    caller.roles = duties.names();
                    caller.purposes = duties.purposes();
                    caller.scopes = caller.scopes.met_by(duties);
                }
                Ok((caller, holder, until, shown(stands, duties)))
            }
        }
    }

    /// What the roles of whom a token speaks for let it do now, where it speaks for somebody who has roles; fails with 401
    /// once what the token stands for was revoked.
    async fn standing(&self, stands: &Stands, session: &dyn Session, now: i64) -> Result<Option<Duties>> {
        match stands {
            Stands::Grant(name) => Ok(grant::living(session, name).await?.ok_or_else(revoked)?.duties),
            Stands::Key(key) => api_key::living(session, key, now).await.map(|_| None),
            Stands::Roles { names, patient, place } => {
                roles::duties_of(session, names, patient.as_deref(), place.as_deref()).await.map(Some)
            }
            Stands::Elevation(it) => Ok(Some(elevation::living(self.engine.store(), session, it, now).await?.1)),
            Stands::Alone => Ok(None),
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
        all.insert(key, Arc::new(admitted));
    }
}

impl Stands {
    fn of(claims: &Claims) -> Stands {
        let Claims { grant, roles, patient, place, .. } = claims;
        match grant {
            Some(name) => Stands::Grant(name.clone()),
            None if roles.is_empty() => Stands::Alone,
            None => Stands::Roles { names: roles.clone(), patient: patient.clone(), place: place.clone() },
        }
    }
}

fn revoked() -> Failure {
    Failure::new(IssueType::Unknown, "What the access token stands for was revoked; ask for a new one.")
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn caller(subject: &str, scopes: Scopes) -> Caller {
    Caller { subject: subject.into(), scopes, ..Caller::default() }
}

/// The token of an `Authorization` header (RFC 6750 section 2.1).
pub fn bearer(authorization: &str) -> Option<&str> {
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
