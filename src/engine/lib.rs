//! What each interaction does, whatever carried it. Names no feature and no transport.

mod access;
mod context;
mod request;

pub use access::{Access, Scopes};
pub use context::{Caller, Context};
pub use request::{Answer, Headers, Request, Verb};

use fhir::Result;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, Tenant};

/// How much one request may ask for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// JSON nesting and number of values.
    pub json: fhir::json::Limits,
    /// Entries in a submitted Bundle.
    pub bundle_entries: usize,
    /// Resources on a page where the caller does not say.
    pub default_count: usize,
    /// The most resources on a page.
    pub max_count: usize,
    /// The most resources that includes may add to a page; past it the search is refused, never cut.
    pub max_includes: usize,
    /// How long one query of the store may take.
    pub query_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            json: fhir::json::Limits::default(),
            bundle_entries: 20_000,
            default_count: 20,
            max_count: 1000,
            max_includes: 10_000,
            query_time: Duration::from_secs(10),
        }
    }
}

/// Carries out interactions on a store.
pub struct Engine {
    store: Arc<dyn Store>,
    settings: Settings,
}

impl Engine {
    /// An engine on a store.
    pub fn new(store: Arc<dyn Store>, settings: Settings) -> Engine {
        Engine { store, settings }
    }

    /// The store's directory and life cycle.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The limits.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Binds a proved caller to the tenant it was proved for. `base` is the URL of the tenant's base as the caller
    /// used it.
    pub async fn context(&self, tenant: &Tenant, caller: Caller, base: &str) -> Result<Context> {
        let session = self.store.open(tenant).await?;
        Ok(Context { tenant: tenant.clone(), session, caller: Arc::new(caller), base: base.into() })
    }

    /// A context for work without a caller: a load, a job, the demo. The reason stands for the caller.
    pub async fn system_context(&self, tenant: &Tenant, reason: &str, base: &str) -> Result<Context> {
        let caller = Caller { subject: format!("system:{reason}"), roles: Vec::new(), scopes: Scopes::all() };
        self.context(tenant, caller, base).await
    }
}
