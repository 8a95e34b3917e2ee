//! A tenant's own search parameters (search.html#searchparameter): SearchParameter resources with status `active`.
//!
//! A write of one is refused if it cannot be served ([`check`]). Once it is stored, every write indexes it; what was
//! there before is indexed in the background ([`build`]), and from the end of that on searches may use it.

mod build;
mod check;
mod components;
mod params;
mod published;
mod read;
#[cfg(test)]
mod tests;
mod upgrades;

pub use build::IndexRun;
pub(crate) use params::Params;
pub(crate) use read::{each, every};

use crate::once::Turns;
use crate::privacy::Written;
use crate::{Context, Engine};
use fhir::Result;
use fhir::spec::Progress;
use read::read;
use rustc_hash::FxHashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use store::{Build, Changes, CommitError, Committed, Session, Tenant, Told};
use tokio::sync::broadcast::{self, error::RecvError};

/// The resource type.
pub(crate) const SEARCH_PARAMETER: &str = "SearchParameter";
/// The status of those that are served.
const ACTIVE: &str = "active";

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

/// A tenant's search parameters as they change.
#[derive(Default)]
pub(crate) struct OwnParams {
    newest: RwLock<Option<Arc<Params>>>,
    /// Former ones, as long as somebody may still write by them.
    retired: Mutex<Vec<Weak<Params>>>,
    /// Held while they are read from the store.
    reading: Turns,
    /// How often it was told that what was read is no longer what is stored.
    outdated: AtomicU64,
    /// How often that was when the newest began to be read.
    read_at: AtomicU64,
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
        self.is_read() && self.read_at.load(Ordering::Acquire) == self.outdated.load(Ordering::Acquire)
    }

    /// What was read will no longer be what is stored.
    pub(crate) fn outdate(&self) {
        self.outdated.fetch_add(1, Ordering::AcqRel);
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
        let _turn = self.reading.take().await?;
        if self.is_current() {
            return Ok(false);
        }
        let outdated = self.outdated.load(Ordering::Acquire);
        let (params, is_open) = read(session).await.inspect_err(|failure| self.reading.note(failure))?;
        self.replace(params);
        // Only now: whoever reads may go away meanwhile.
        self.read_at.store(outdated, Ordering::Release);
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
    pub(crate) async fn pinned(&self, ctx: Context) -> Result<Context> {
        match self.refresh_params(&ctx).await {
            // Those that were read last are as good as the rest of the answer.
            Err(failure) if failure.status == 503 && ctx.leeway.is_some() && ctx.own.is_read() => {}
            done => done?,
        }
        let ctx = ctx.pinned();
        let limits = self.limits(&ctx).await?;
        Ok(Context { limits: Some(limits), ..ctx })
    }

    /// Brings the tenant's own search parameters up to date, and goes on with what is to be built, even if the caller goes
    /// away meanwhile.
    pub(crate) async fn refresh_params(&self, ctx: &Context) -> Result<()> {
        match ctx.own.is_current() {
            true => Ok(()),
            false => tokio::spawn(self.work(ctx).refresh()).await.map_err(|_| store::Error::Closed)?,
        }
    }

    /// Writes changes. Where there are some among them that bear on what is remembered, search parameters or what tells whose
    /// records somebody may see, that is made good even if the caller goes away meanwhile.
    pub(crate) async fn commit(&self, ctx: &Context, changes: Changes) -> Result<Committed, CommitError> {
        let params = ctx.params();
        let changes = Changes { definitions: Some(params.definitions), ..changes };
        let written = Written::of(&changes.puts);
        let is_own = changes.puts.iter().any(|it| params.is_changed_by(it));
        if !is_own && !written.bears() {
            return ctx.own.commit(&*ctx.session, changes).await;
        }
        let privacy = ctx.privacy.clone();
        let work = self.work(ctx);
        let task = tokio::spawn(async move {
            let done = work.own.commit(&*work.session, changes).await;
            // Also of what failed: it may have been written, unknown to this node.
            privacy.heed(written);
            if is_own {
                work.own.outdate();
                // What was written stays written; the next request tries again.
                if done.is_ok()
                    && let Err(failure) = work.refresh().await
                {
                    tracing::warn!(%failure, "a tenant's search parameters could not be read");
                }
            }
            done
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
