//! Who a request comes from, by its token, and as long as what that stands for holds.

use super::super::roles::{self, elevation};
use super::super::{Claims, api_key, grant, verify};
use super::{Gate, Known, Mode};
use engine::{Caller, Duties, Scopes};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use store::Session;

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
pub(super) struct Shown {
    /// The tenant, with the keys by which it was verified.
    pub(super) known: Arc<Known>,
    /// What it holds as long as.
    pub(super) stands: Stands,
    /// What the user's roles let it do, when it was last seen to hold.
    pub(super) duties: Option<Duties>,
    /// When it was last seen to hold.
    pub(super) seen: AtomicI64,
}

/// What a token holds as long as, beside its own time.
pub(super) enum Stands {
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
    /// The caller, for whom its requests count, until when that holds, and the token that shows it. Fails with 401 where what
    /// the token stands for was revoked.
    pub(super) async fn caller(
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
    pub(super) async fn standing(&self, stands: &Stands, session: &dyn Session, now: i64) -> Result<Option<Duties>> {
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

pub(super) fn revoked() -> Failure {
    Failure::new(IssueType::Unknown, "What the access token stands for was revoked; ask for a new one.")
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
}
