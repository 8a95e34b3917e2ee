//! A tenant's own search parameters (search.html#searchparameter): SearchParameter resources with status `active`.
//!
//! A write of one is refused if it cannot be served ([`check`]). Once it is stored, every write indexes it; what was
//! there before is indexed in the background ([`build`]), and from the end of that on searches may use it.

mod build;
mod check;
mod components;
mod published;

pub use build::IndexRun;

use crate::demanded::{Demanded, IMPLEMENTATION_GUIDE};
use crate::privacy::Written;
use crate::profiles::STRUCTURE_DEFINITION;
use crate::{Context, Engine};
use check::Reading;
use fhir::json::{Doc, Value};
use fhir::search::{Clause, IndexSink, Indexer, ParamId, Test, TokenTest};
use fhir::spec::{ParamType, Progress, SearchParam, Spec, TypeId, r4};
use fhir::validate::Profiles;
use fhir::{Failure, Result};
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use store::{
    Branch, Build, BuildChange, Changes, CommitError, Committed, Key, Plan, Put, Session, Stored, Tenant, Told,
};
use tokio::sync::OnceCell;
use tokio::sync::broadcast::{self, error::RecvError};

/// The resource type.
pub(crate) const SEARCH_PARAMETER: &str = "SearchParameter";
/// The status of those that are served.
const ACTIVE: &str = "active";
/// Resources that are read at once.
const BATCH: usize = 200;

/// A tenant's own search parameter, and what became of it.
#[derive(Clone, Debug)]
pub struct OwnParam {
    /// Tells this making of it from every other: begins with the version of the SearchParameter.
    generation: String,
    /// Its code.
    pub code: String,
    /// Whether it is served, or why not.
    pub state: OwnState,
    /// How many resources it does not find as they are damaged.
    pub damaged: i64,
}

impl OwnParam {
    /// The version of the SearchParameter that it was made of: `SearchParameter/id/_history/version`.
    pub fn definition(&self) -> &str {
        self.generation.split('#').next().unwrap_or_default()
    }
}

/// How far a tenant's own search parameter is.
#[derive(Clone, Debug)]
pub enum OwnState {
    /// What was there before it is still being indexed.
    Building(Arc<Progress>),
    /// It is served.
    Ready,
    /// It is not served, and why: another one came first.
    Refused(String),
}

/// The search parameters of a tenant at some time.
pub(crate) struct Params {
    /// The standard's, and the tenant's own, also those that are not served yet; `None` if it has no own ones.
    own: Option<(Spec, Indexer)>,
    listed: Vec<OwnParam>,
    /// Which state of the store's this is ([`Session::definitions`]).
    definitions: i64,
    /// The tenant's profiles, once they are needed.
    pub(crate) profiles: OnceCell<Arc<Profiles>>,
    /// The profiles that the tenant demands, once they are needed.
    pub(crate) demanded: OnceCell<Arc<Demanded>>,
}

impl Params {
    fn of(own: Option<(Spec, Indexer)>, listed: Vec<OwnParam>, definitions: i64) -> Params {
        Params { own, listed, definitions, profiles: OnceCell::new(), demanded: OnceCell::new() }
    }

    fn none() -> Params {
        Params::of(None, Vec::new(), 0)
    }

    /// The tables with the tenant's own parameters.
    pub(crate) fn spec(&self) -> &Spec {
        self.own.as_ref().map_or(r4(), |(spec, _)| spec)
    }

    /// The same, if there are own ones.
    pub(crate) fn own_spec(&self) -> Option<&Spec> {
        self.own.as_ref().map(|(spec, _)| spec)
    }

    /// Fails if a version of a SearchParameter could not be served.
    pub(crate) fn check(&self, resource: Value<'_>, key: &Key, version: i64) -> Result<()> {
        check::read(self.spec(), resource, &key.id, &generation(key, version)).map(|_| ())
    }

    /// Tells the values of the parameters, or of those asked for ([`Indexer::index_some`]).
    pub(crate) fn index(
        &self,
        standard: &Indexer,
        (of, resource): (TypeId, Value<'_>),
        base: &str,
        sink: &mut dyn IndexSink,
        is_asked: impl Fn(&str, ParamType) -> bool,
    ) {
        standard.index_some(of, resource, base, sink, &is_asked);
        if let Some((_, own)) = &self.own {
            own.index_some(of, resource, base, sink, is_asked);
        }
    }

    /// Whether a write may make other parameters of these: by one that is active, or a version of one that was. Profiles,
    /// and what is demanded of them, are kept with them, so that they are read again with them.
    fn is_changed_by(&self, put: &Put) -> bool {
        let is_listed = || {
            let former = format!("{}/", put.key);
            self.listed.iter().any(|it| it.generation.starts_with(&former))
        };
        let is_active = || {
            let doc = std::str::from_utf8(&put.body).ok().and_then(|it| Doc::parse(it).ok());
            doc.is_some_and(|it| it.root().str("status") == Some(ACTIVE))
        };
        matches!(put.key.of.as_str(), STRUCTURE_DEFINITION | IMPLEMENTATION_GUIDE)
            || put.key.of == SEARCH_PARAMETER && (is_listed() || is_active())
    }

    fn building(&self, generation: &str) -> Option<&Arc<Progress>> {
        self.listed.iter().find(|it| it.generation == generation).and_then(|it| match &it.state {
            OwnState::Building(progress) => Some(progress),
            _ => None,
        })
    }
}

/// A tenant's search parameters as they change.
#[derive(Default)]
pub(crate) struct OwnParams {
    newest: RwLock<Option<Arc<Params>>>,
    /// Former ones, as long as somebody may still write by them.
    retired: Mutex<Vec<Weak<Params>>>,
    /// Held while they are read from the store.
    reading: tokio::sync::Mutex<()>,
    /// Whether what was read is no longer what is stored.
    stale: AtomicBool,
}

impl OwnParams {
    /// The newest.
    pub(crate) fn newest(&self) -> Arc<Params> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner).clone();
        newest.unwrap_or_else(|| Arc::new(Params::none()))
    }

    fn is_read(&self) -> bool {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn is_current(&self) -> bool {
        self.is_read() && !self.stale.load(Ordering::Acquire)
    }

    /// What was read will no longer be what is stored.
    pub(crate) fn outdate(&self) {
        self.stale.store(true, Ordering::Release);
    }

    /// Writes changes. Where they were made by former parameters, the newest are read before the next attempt.
    async fn commit(&self, session: &dyn Session, changes: Changes) -> Result<Committed, CommitError> {
        session.commit(changes).await.inspect_err(|error| {
            if matches!(error, CommitError::Outdated) {
                self.outdate();
            }
        })
    }

    fn replace(&self, params: Params) {
        let former = self.newest.write().unwrap_or_else(PoisonError::into_inner).replace(Arc::new(params));
        locked(&self.retired).extend(former.as_ref().map(Arc::downgrade));
    }

    /// Whether somebody may still write by former parameters.
    fn is_former_in_use(&self) -> bool {
        let mut retired = locked(&self.retired);
        retired.retain(|it| it.strong_count() > 0);
        !retired.is_empty()
    }

    /// Reads them from the store, where that is needed. Makes known what is to be built; whether anything is.
    async fn refresh(&self, session: &dyn Session) -> Result<bool> {
        let _turn = self.reading.lock().await;
        if self.is_current() {
            return Ok(false);
        }
        self.stale.store(false, Ordering::Release);
        let (params, is_open) = read(session).await.inspect_err(|_| self.outdate())?;
        self.replace(params);
        Ok(is_open)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every tenant's, by name.
#[derive(Default)]
pub(crate) struct AllOwnParams(Mutex<FxHashMap<String, Arc<OwnParams>>>);

impl AllOwnParams {
    pub(crate) fn of(&self, tenant: &Tenant) -> Arc<OwnParams> {
        let mut all = locked(&self.0);
        match all.get(tenant.name()) {
            Some(found) => found.clone(),
            None => all.entry(tenant.name().to_owned()).or_default().clone(),
        }
    }
}

/// Has parameters read again that other nodes have changed.
pub(crate) async fn listen(mut told: broadcast::Receiver<Told>, all: Weak<AllOwnParams>) {
    loop {
        let news = told.recv().await;
        let Some(all) = all.upgrade() else { return };
        let all = locked(&all.0);
        match news {
            Ok(Told::Definitions(tenant)) => all.get(&tenant).into_iter().for_each(|it| it.outdate()),
            Ok(Told::Anything) | Err(RecvError::Lagged(_)) => all.values().for_each(|it| it.outdate()),
            Err(RecvError::Closed) => return,
        }
    }
}

impl Engine {
    /// The same context for one attempt at an interaction: it works by the search parameters and the rules of privacy that
    /// there are now.
    pub(crate) async fn pinned(&self, ctx: &Context) -> Result<Context> {
        match self.refresh_params(ctx).await {
            // Those that were read last are as good as the rest of the answer.
            Err(failure) if failure.status == 503 && ctx.leeway.is_some() && ctx.own.is_read() => {}
            done => done?,
        }
        let ctx = ctx.pinned();
        let limits = self.limits(&ctx).await?;
        Ok(Context { limits: Some(limits), ..ctx })
    }

    /// Brings the tenant's own search parameters up to date, and goes on with what is to be built.
    pub(crate) async fn refresh_params(&self, ctx: &Context) -> Result<()> {
        if !ctx.own.is_current() {
            self.work(ctx).refresh().await?;
        }
        Ok(())
    }

    /// Writes changes. Where search parameters are among them, they are brought up to date, even if the caller goes
    /// away meanwhile.
    pub(crate) async fn commit(&self, ctx: &Context, changes: Changes) -> Result<Committed, CommitError> {
        let params = ctx.params();
        let changes = Changes { definitions: Some(params.definitions), ..changes };
        let written = Written::of(&changes.puts);
        if !changes.puts.iter().any(|it| params.is_changed_by(it)) {
            let done = ctx.own.commit(&*ctx.session, changes).await;
            ctx.privacy.heed(written);
            return done;
        }
        let privacy = ctx.privacy.clone();
        let work = self.work(ctx);
        let task = tokio::spawn(async move {
            let done = work.own.commit(&*work.session, changes).await?;
            privacy.heed(written);
            work.own.outdate();
            // What was written stays written; the next request tries again.
            if let Err(failure) = work.refresh().await {
                tracing::warn!(%failure, "a tenant's search parameters could not be read");
            }
            Ok(done)
        });
        task.await.map_err(|_| CommitError::from(store::Error::Closed))?
    }

    /// The tenant's own search parameters, those included that are not served, each as far as it is now, whichever node is at
    /// work on it.
    pub async fn own_params(&self, ctx: &Context) -> Result<Vec<OwnParam>> {
        let builds = ctx.session.builds().await?;
        let known = ctx.own.newest();
        let is_done = |it: &Build| it.is_finished && known.building(&it.name).is_some();
        if known.definitions != ctx.session.definitions().await? || builds.iter().any(is_done) {
            // Another node's news, which this one has not heard yet.
            ctx.own.outdate();
            self.refresh_params(ctx).await?;
        }
        let params = ctx.own.newest();
        let mut listed = params.listed.clone();
        for build in &builds {
            if let Some(progress) = params.building(&build.name) {
                progress.set(build.done, build.total);
            }
            listed.iter_mut().filter(|it| it.generation == build.name).for_each(|it| it.damaged = build.damaged);
        }
        Ok(listed)
    }
}

/// What tells a version of a SearchParameter from every other.
fn generation(key: &Key, version: i64) -> String {
    format!("{key}/_history/{version}")
}

/// A tenant's search parameters as they are stored. Begins the builds that are missing, and drops those whose
/// parameter is gone. Also tells whether anything is to be built.
async fn read(session: &dyn Session) -> Result<(Params, bool)> {
    // Before what it counts is read: what comes in between is read again.
    let definitions = session.definitions().await?;
    let builds = session.builds().await?;
    let mut is_open = build::begin_pairs(session, &builds).await? || builds.iter().any(|it| !it.is_finished);
    let mut spec: Option<Spec> = None;
    let mut listed = Vec::new();
    for stored in all_of(session).await? {
        let version = generation(&stored.key, stored.version);
        let Some((code, reading)) = reading(spec.as_ref().unwrap_or(r4()), &stored, &version)? else { continue };
        let (generation, state) = match reading {
            Err(failure) => (version, OwnState::Refused(failure.to_string())),
            Ok(mut param) => {
                let generation = param.own.as_ref().map_or(version, |it| it.generation.to_string());
                let build = begun(session, &builds, &generation, &param).await?;
                let state = state_of(&build);
                is_open |= !build.is_finished;
                if let (Some(own), OwnState::Building(progress)) = (&mut param.own, &state) {
                    own.building = Some(progress.clone());
                }
                spec = Some(spec.as_ref().unwrap_or(r4()).with_params([param]));
                (generation, state)
            }
        };
        listed.push(OwnParam { generation, code, state, damaged: 0 });
    }
    for gone in builds.into_iter().filter(|it| it.name.starts_with(SEARCH_PARAMETER)) {
        if !listed.iter().any(|it| it.generation == gone.name) {
            let build = Some(BuildChange::Drop(gone.name));
            session.commit(Changes { build, ..Changes::default() }).await.map_err(crate::write::commit_failure)?;
        }
    }
    let own = spec.map(|spec| {
        let indexer = Indexer::of_own(&spec);
        (spec, indexer)
    });
    Ok((Params::of(own, listed, definitions), is_open))
}

/// Every active SearchParameter, the oldest first: of two that collide, that one is served.
async fn all_of(session: &dyn Session) -> Result<Vec<Stored>> {
    let is_active = Test::Token(ParamId::of(SEARCH_PARAMETER, "status"), TokenTest::Code(ACTIVE.into()));
    every(session, SEARCH_PARAMETER, is_active).await
}

/// Every resource of a type that passes a test, the oldest first.
pub(crate) async fn every(session: &dyn Session, of: &str, test: Test) -> Result<Vec<Stored>> {
    let mut all = Vec::new();
    each(session, of, test, BATCH, |stored| {
        all.push(stored);
        Ok(())
    })
    .await?;
    Ok(all)
}

/// Visits every resource of a type that passes a test, the oldest first; so many are in memory at a time.
pub(crate) async fn each(
    session: &dyn Session,
    of: &str,
    test: Test,
    batch: usize,
    mut visit: impl FnMut(Stored) -> Result<()> + Send,
) -> Result<()> {
    let branch = Branch { of: of.into(), filter: vec![Clause::Any(vec![test])], sort: Vec::new() };
    let mut plan = Plan { branches: vec![branch], after: None, limit: batch };
    loop {
        let page = session.search(&plan).await?;
        page.found.into_iter().try_for_each(&mut visit)?;
        plan.after = page.next;
        if plan.after.is_none() {
            return Ok(());
        }
    }
}

/// The code of a stored parameter and what it is; `None` if it is not an own one that is to be served.
fn reading(spec: &Spec, stored: &Stored, generation: &str) -> Result<Option<(String, Result<SearchParam>)>> {
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let code = doc.root().str("code").unwrap_or_default().to_owned();
    Ok(match check::read(spec, doc.root(), &stored.key.id, generation) {
        Ok(Reading::NotOwn) => None,
        Ok(Reading::Own(param)) => Some((code, Ok(param))),
        Err(failure) => Some((code, Err(failure))),
    })
}

/// The build of a parameter, begun if it was not.
async fn begun(session: &dyn Session, builds: &[Build], generation: &str, param: &SearchParam) -> Result<Build> {
    if let Some(build) = builds.iter().find(|it| it.name == generation) {
        return Ok(build.clone());
    }
    let types = check::types_of(r4(), param).map(|it| r4().of(it).name.to_string()).collect();
    build::begin(session, generation.to_owned(), types).await
}

fn state_of(build: &Build) -> OwnState {
    if build.is_finished {
        return OwnState::Ready;
    }
    let progress = Arc::new(Progress::default());
    progress.set(build.done, build.total);
    OwnState::Building(progress)
}
