//! Who asks, in which tenant: one value, verified together.

use crate::access::Scopes;
use crate::audit::{Looked, Origin, Trail};
use crate::own::{OwnParams, Params};
use crate::privacy::{Limits, Privacy, claimed, purposes};
use crate::request::Headers;
use fhir::Result;
use fhir::spec::{Spec, r4};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use store::{Leeway, Session, Tenant};

/// A caller whose identity was proved, in the tenant it was proved for. The only way into a tenant's data.
#[derive(Clone)]
pub struct Context {
    pub(crate) tenant: Tenant,
    pub(crate) session: Arc<dyn Session>,
    pub(crate) caller: Arc<Caller>,
    pub(crate) base: Arc<str>,
    pub(crate) own: Arc<OwnParams>,
    /// The search parameters that an interaction works by from its beginning to its end.
    pub(crate) pinned: Option<Arc<Params>>,
    /// What the tenant's rules leave the caller, once that was looked up for an interaction.
    pub(crate) limits: Option<Arc<Limits>>,
    /// What the caller says that data is wanted for.
    pub(crate) purposes: Option<Arc<[String]>>,
    pub(crate) privacy: Arc<Privacy>,
    /// How old what is read may be while the primary database does not answer.
    pub(crate) leeway: Option<Arc<Leeway>>,
    /// Where the request comes from.
    pub(crate) origin: Arc<Origin>,
    /// Where what is to be kept in the audit log is left, where it is not written at once.
    pub(crate) trail: Option<Arc<Trail>>,
    /// What the interaction looked at before it changed something.
    pub(crate) looked: Arc<Looked>,
    /// The code of the Bundle's interaction that the request is part of.
    pub(crate) bundle: Option<&'static str>,
}

/// Who a caller is. Nothing below the server can tell how that was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// A name that stays the same between requests: the token's `sub`.
    pub subject: String,
    /// Roles within the tenant.
    pub roles: Vec<String>,
    /// What the caller was granted.
    pub scopes: Scopes,
    /// What the caller may want data for, by roles or the kind of user.
    pub purposes: Vec<String>,
    /// The resource that the user is: `Practitioner/1`.
    pub fhir_user: Option<String>,
    /// When the user signed in for whom the caller acts, in milliseconds since the epoch; none where it acts for nobody.
    pub authenticated: Option<i64>,
}

impl Context {
    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant's data. Whoever asks it for something sees to it that the caller may have that.
    pub fn session(&self) -> &dyn Session {
        &*self.session
    }

    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// From where the caller asks.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The base URL that the caller used, without a slash at its end: links and absolute references start with it.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same, for what only reads: a copy of the data may answer.
    pub(crate) fn for_reading(&self) -> Cow<'_, Context> {
        match self.session.for_reading(self.leeway.clone()) {
            Some(session) => Cow::Owned(Context { session, ..self.clone() }),
            None => Cow::Borrowed(self),
        }
    }

    /// Where access is decided: a copy that lacks nothing that is known to have been acknowledged, or the primary.
    pub(crate) fn deciding(&self) -> Arc<dyn Session> {
        let leeway = self.leeway.as_ref().map(|it| Arc::new(it.for_access()));
        self.session.for_reading(leeway).unwrap_or_else(|| self.session.clone())
    }

    /// The same, for one interaction: it works by the search parameters that there are now.
    pub(crate) fn pinned(self) -> Context {
        Context { pinned: Some(self.own.newest()), ..self }
    }

    /// The same, for what a request says that it wants data for; of an entry of a Bundle, what the Bundle's said.
    pub(crate) fn wanting(self, headers: &Headers) -> Result<Context> {
        let said = headers.purpose_of_use.as_deref().map(purposes).transpose()?;
        Ok(Context { purposes: said.map(Arc::from).or(self.purposes), ..self })
    }

    /// The same for the event of a request that was refused, perhaps for what it says that it wants data for.
    pub(crate) fn claiming(&self, headers: &Headers) -> Context {
        let said = headers.purpose_of_use.as_deref().map(claimed);
        Context { purposes: said.map(Arc::from).or_else(|| self.purposes.clone()), ..self.clone() }
    }

    /// The tables with the tenant's own search parameters, as the interaction works by them.
    pub(crate) fn spec(&self) -> &Spec {
        self.pinned.as_ref().map_or(r4(), |it| it.spec())
    }

    /// The tenant's search parameters.
    pub(crate) fn params(&self) -> Arc<Params> {
        self.pinned.clone().unwrap_or_else(|| self.own.newest())
    }
}

/// Names tenant and caller.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({:?}, {})", self.tenant, self.caller.subject)
    }
}
