//! What each interaction does, whatever carried it. Names no feature and no transport.

mod access;
mod aim;
mod audit;
mod bundle;
mod capability;
mod conditional;
mod content;
mod context;
mod demanded;
mod history;
mod home;
mod interaction;
mod load;
mod once;
mod openapi;
mod operation;
mod own;
mod page;
mod patch;
mod prefer;
mod privacy;
mod profiles;
mod provenance;
mod read;
mod referred;
mod request;
mod route;
mod search;
mod security;
mod sight;
mod summary;
mod terminology;
mod unique;
mod write;

pub use access::{
    Access, Duties, Grant, Level, Needed, PERMISSIONS, Realm, Right, Role, Scopes, needed_for, shipped_roles,
};
pub use audit::{Beside, Origin, ReadEvents, Security, SecurityEvent, WaitingEvents, damaged_log};
pub use bundle::BundleWriter;
pub use content::shows_values;
pub use context::{Caller, Context};
pub use home::Addresses;
pub use interaction::Interaction;
pub use load::{LoadItem, Loaded};
pub use operation::{Arguments, Call, Extra, HERE, Operation, Place, Run};
pub use own::{IndexRun, OwnParam, OwnState};
pub use privacy::{
    BasePolicy, Clearance, PrivacySettings, Share, Shared, TENANTS, break_glass, check_purpose, of_tenant, purposes_of,
};
pub use profiles::ProfileBreach;
pub use provenance::MadeProvenance;
pub use request::{Answer, Headers, Request, Verb};
pub use route::Route;
pub use security::Authorization;
pub use terminology::{Around, Narrow, Resolver};

use audit::Journal;
use fhir::search::Indexer;
use fhir::spec::r4;
use fhir::{Failure, Result};
use operation::Operations;
use own::AllOwnParams;
use privacy::AllPrivacy;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{Leeway, Store, Tenant};
use terminology::AllCaches;

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
    /// How many times as long as it works the making of index rows in the background rests.
    pub index_rest: u32,
    /// What a breach of a profile that a resource names is to a write.
    pub profile_breach: ProfileBreach,
    /// How long one query of the store may take.
    pub query_time: Duration,
    /// For which changes the server makes a Provenance by itself.
    pub provenance: MadeProvenance,
    /// Whether the audit log is kept; without it only for measurements.
    pub audit: bool,
    /// Where events wait on this node before they go into the audit log; without it what a standby could answer while the
    /// primary is away is refused.
    pub audit_folder: Option<PathBuf>,
    /// Whether those of reads wait there.
    pub audit_reads: ReadEvents,
    /// How requests are authorized, for the CapabilityStatement; not at all where there is none.
    pub authorization: Option<Authorization>,
    /// By which addresses clients may know the server.
    pub addresses: Addresses,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            json: fhir::json::Limits::default(),
            bundle_entries: 20_000,
            default_count: 20,
            max_count: 1000,
            max_includes: 10_000,
            // A quarter of one processor.
            index_rest: 3,
            profile_breach: ProfileBreach::default(),
            query_time: Duration::from_secs(10),
            provenance: MadeProvenance::default(),
            audit: true,
            audit_folder: None,
            audit_reads: ReadEvents::default(),
            authorization: None,
            addresses: Addresses::default(),
        }
    }
}

/// What an engine takes from the world around it, so that a test can give it another one.
#[derive(Clone, Copy)]
pub struct Ambient {
    /// The time, in milliseconds since the epoch.
    pub now_ms: fn() -> i64,
    /// A new logical id that nobody can guess and nothing else has.
    pub new_id: fn() -> String,
}

/// Carries out interactions on a store.
pub struct Engine {
    store: Arc<dyn Store>,
    settings: Settings,
    ambient: Ambient,
    indexer: Arc<Indexer>,
    own: Arc<AllOwnParams>,
    privacy: AllPrivacy,
    terminology: AllCaches,
    operations: Operations,
    journal: Option<Journal>,
    /// The CapabilityStatement, the TerminologyCapabilities and the OpenAPI description, but for the tenant's base; made when first asked for.
    claims: OnceLock<String>,
    terminology_claims: OnceLock<serde_json::Value>,
    description: OnceLock<String>,
}

impl Engine {
    /// An engine on a store, with these operations.
    pub fn new(store: Arc<dyn Store>, settings: Settings, ambient: Ambient, operations: Vec<Operation>) -> Engine {
        let (claims, terminology_claims, description) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        let operations = Operations::new(operations);
        let (indexer, own) = (Arc::new(Indexer::new(r4())), Arc::<AllOwnParams>::default());
        if let Some(told) = store.told() {
            tokio::spawn(own::listen(told, Arc::downgrade(&own)));
        }
        let terminology = AllCaches::default();
        let journal = settings.audit_folder.clone().map(|it| Journal::new(it, (ambient.new_id)()));
        Engine {
            journal,
            store,
            settings,
            ambient,
            indexer,
            own,
            privacy: AllPrivacy::default(),
            terminology,
            operations,
            claims,
            terminology_claims,
            description,
        }
    }

    /// Carries out a request: the one door, for Bundle entries as well. Fails with what is to be told to the caller;
    /// then nothing was changed. What was done, or refused, is in the audit log before this returns.
    pub async fn perform(&self, ctx: &Context, request: Request) -> Result<Answer> {
        self.perform_audited(ctx, request).await
    }

    async fn carry_out(&self, ctx: &Context, request: &Request) -> Result<Answer> {
        let interaction =
            Interaction::parse(request).inspect_err(|failure| ctx.note_unread(request, failure.status))?;
        let ctx = &ctx.looking_anew();
        let admitted = match ctx.clone().wanting(&request.headers) {
            Ok(wanting) => self.pinned(wanting).await,
            Err(failure) => Err(failure),
        };
        let refused = |failure: &Failure| {
            self.note_failure(&ctx.claiming(&request.headers), &interaction, request, failure);
        };
        let ctx = &admitted.inspect_err(refused)?;
        let answer = self.interact(ctx, &interaction, request).await;
        answer.inspect_err(|failure| self.note_failure(ctx, &interaction, request, failure))
    }

    async fn interact(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        if request.headers.provenance.is_some() {
            provenance::demand_fitting(interaction)?;
        }
        // What is large is on the heap, so that reads and searches, which are moved with all this, stay small.
        match interaction {
            Interaction::Capabilities => self.capabilities(ctx, request).await,
            Interaction::OpenApi => self.open_api(ctx),
            it if audit::is_of_log(it) => Box::pin(self.of_log(ctx, interaction, request)).await,
            Interaction::Read { .. } | Interaction::Vread { .. } => {
                self.read(&ctx.for_reading(), interaction, request).await
            }
            Interaction::History { scope } => self.history(&ctx.for_reading(), interaction, scope, request).await,
            Interaction::Search { .. } => self.search(&ctx.for_reading(), interaction, request).await,
            Interaction::Operation { at, code } => {
                Box::pin(self.operation(ctx, interaction, (at, code), request)).await
            }
            Interaction::Bundle => Box::pin(self.bundle(ctx, request)).await,
            _ => Box::pin(self.write(ctx, interaction, request)).await,
        }
    }

    /// The time, in microseconds since the epoch.
    pub fn now_micros(&self) -> i64 {
        (self.ambient.now_ms)() * 1000
    }

    /// A new id that nobody can guess and nothing else has, a UUID.
    pub fn new_id(&self) -> String {
        (self.ambient.new_id)()
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
        let ctx = self.lenient_context(tenant, caller, base, None).await?;
        self.refresh_params(&ctx).await?;
        Ok(ctx)
    }

    /// The same for one request, which may be answered by what is older while the primary database does not answer.
    pub async fn lenient_context(
        &self,
        tenant: &Tenant,
        caller: Caller,
        base: &str,
        leeway: Option<Arc<Leeway>>,
    ) -> Result<Context> {
        let session = self.store.open(tenant).await?;
        Ok(Context {
            tenant: tenant.clone(),
            session,
            caller: Arc::new(caller),
            base: base.into(),
            own: self.own.of(tenant),
            pinned: None,
            limits: None,
            purposes: None,
            privacy: self.privacy.of(tenant),
            leeway,
            origin: Arc::default(),
            trail: None,
            looked: Arc::default(),
            bundle: None,
        })
    }

    /// A context for work without a caller: a load, a job, the demo. The reason stands for the caller.
    pub async fn system_context(&self, tenant: &Tenant, reason: &str, base: &str) -> Result<Context> {
        let caller = Caller { subject: format!("system:{reason}"), scopes: Scopes::all(), ..Caller::default() };
        self.context(tenant, caller, base).await
    }
}
