//! Index rows made in the background: a walk over all resources of some types, in steps between which it rests, so that
//! it takes a bounded share of the machine. It goes on where it was after a restart.
//!
//! One node makes a tenant's: it claims the work, and renews its claim while it is at it. When it was killed another one
//! takes over.

use super::upgrades::is_upgrade;
use super::{OwnParams, Params, SEARCH_PARAMETER};
use crate::home;
use crate::write::commit_failure;
use crate::{Context, Engine};
use fhir::json::Doc;
use fhir::search::Indexer;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use std::time::Duration;
use store::{Build, BuildChange, Changes, Claim, CommitError, LEASE, Reindexed, Session, Store, Stored, Tenant};
use tokio::time::Instant;

/// Resources that a step passes, of whatever type.
const SPAN: i64 = 200;
/// The least rest.
const REST: Duration = Duration::from_millis(1);
/// The rest after something failed.
const RETRY: Duration = Duration::from_secs(5);
/// So many failures in a row end the work until somebody takes it over: another node may be able to.
const FAILURES: u32 = 10;
/// How often a claim is renewed.
const BEAT: Duration = Duration::from_secs(LEASE.as_secs() / 4);
/// Names of builds that somebody asked for begin so.
const ASKED: &str = "$reindex/";

/// A run over resources that somebody asked for.
#[derive(Clone, Debug)]
pub struct IndexRun {
    /// The resource types.
    pub types: Vec<String>,
    /// How many resources are done.
    pub done: i64,
    /// How many there were when it began.
    pub total: i64,
    /// How many were passed by, as they are damaged.
    pub damaged: i64,
    /// Whether it is through.
    pub is_finished: bool,
    /// Whether it was begun as an earlier version wrote what it is about.
    pub by_itself: bool,
}

/// Enters a build that is to be done.
pub(super) async fn begin(session: &dyn Session, name: String, types: Vec<String>) -> Result<Build> {
    let total = session.count_of(&types).await?;
    enter(session, Build { name, types, position: 0, done: 0, total, damaged: 0, is_finished: false }).await
}

pub(super) async fn enter(session: &dyn Session, build: Build) -> Result<Build> {
    let change = Some(BuildChange::Begin(build.clone()));
    session.commit(Changes { build: change, ..Changes::default() }).await.map_err(commit_failure)?;
    Ok(build)
}

impl Engine {
    /// The last run that was asked for, if there was one, and those that this version has made of what earlier ones wrote.
    pub async fn index_runs(&self, ctx: &Context) -> Result<Vec<IndexRun>> {
        let builds = ctx.session.builds().await?.into_iter();
        let runs = builds.filter(|it| it.name.starts_with(ASKED) || is_upgrade(it) && it.total > 0);
        Ok(runs
            .map(|it| {
                let by_itself = is_upgrade(&it);
                let Build { types, done, total, damaged, is_finished, .. } = it;
                let done = if is_finished { total } else { done.min(total) };
                IndexRun { types, done, total, damaged, is_finished, by_itself }
            })
            .collect())
    }

    /// Has all index rows of these resource types made anew, in the background; fails if such a run is under way.
    pub async fn rebuild_index(&self, ctx: &Context, types: Vec<String>) -> Result<()> {
        let _turn = ctx.own.reading.take().await?;
        for run in ctx.session.builds().await?.into_iter().filter(|it| it.name.starts_with(ASKED)) {
            if !run.is_finished {
                let told = "A run of $reindex is under way; $reindex-status tells how far it is.";
                return Err(Failure::new(IssueType::Conflict, told));
            }
            let build = Some(BuildChange::Drop(run.name));
            ctx.session.commit(Changes { build, ..Changes::default() }).await.map_err(commit_failure)?;
        }
        begin(&*ctx.session, format!("{ASKED}{}", (self.ambient.new_id)()), types).await?;
        self.work(ctx).begin().await
    }

    /// Goes on with what is to be built and nobody is at, one tenant after the other, until nothing is left: what a restart
    /// has interrupted needs nobody to ask for it. `base_of` gives the base URL of the tenant with a name.
    pub async fn resume_builds(&self, base_of: impl Fn(&str) -> String) {
        loop {
            match self.store.claim(None).await {
                Ok(Some(claim)) => self.resume_builds_of(claim, &base_of).await,
                Ok(None) => return,
                Err(failure) => {
                    tracing::warn!(%failure, "it cannot be known whose index rows are in the making");
                    return;
                }
            }
        }
    }

    async fn resume_builds_of(&self, claim: Claim, base_of: impl Fn(&str) -> String) {
        let name = claim.tenant().to_owned();
        let resumed = async {
            let Some(tenant) = self.store.tenant(&name).await? else { return Ok(()) };
            let ctx = self.system_context(&tenant, "index", &base_of(&name)).await?;
            self.work(&ctx).work_off(claim).await;
            Ok::<_, Failure>(())
        };
        if let Err(failure) = resumed.await {
            tracing::warn!(%failure, tenant = name, "index rows in the making wait until the claim is over");
        }
    }

    /// What makes a tenant's index rows.
    pub(super) fn work(&self, ctx: &Context) -> Work {
        Work {
            store: self.store.clone(),
            tenant: ctx.tenant.clone(),
            own: ctx.own.clone(),
            session: ctx.session.clone(),
            indexer: self.indexer.clone(),
            base: ctx.base.clone(),
            homes: self.homes(ctx),
            rest: self.settings.index_rest,
        }
    }
}

/// All that the task needs, so that it can outlive the request that began it.
pub(super) struct Work {
    store: Arc<dyn Store>,
    tenant: Tenant,
    pub(super) own: Arc<OwnParams>,
    pub(super) session: Arc<dyn Session>,
    indexer: Arc<Indexer>,
    base: Arc<str>,
    /// And the others by which the tenant is known.
    homes: Vec<String>,
    /// How many times as long as it works it rests.
    rest: u32,
}

/// Rests so many times as long as the work took.
async fn rest(worked: Duration, times: u32) {
    tokio::time::sleep(worked.saturating_mul(times).max(REST)).await;
}

impl Work {
    /// Brings the parameters up to date, and goes on with what is to be built.
    pub(super) async fn refresh(self) -> Result<()> {
        match self.own.refresh(&*self.session).await? {
            true => self.begin().await,
            false => Ok(()),
        }
    }

    /// Has what is to be built made in the background, here unless somebody is at it.
    async fn begin(self) -> Result<()> {
        self.store.ask(&self.tenant).await.inspect_err(|_| self.own.outdate())?;
        tokio::spawn(async move {
            match self.store.claim(Some(&self.tenant)).await {
                Ok(Some(claim)) => self.work_off(claim).await,
                // Whoever is at it finds what was asked for.
                Ok(None) => {}
                // Who opens the store next finds it, too.
                Err(store::Error::Closed) => {}
                Err(failure) => tracing::warn!(%failure, "index rows wait for somebody who claims the work"),
            }
        });
        Ok(())
    }

    /// Makes what is to be made, also what is asked for meanwhile, unless somebody else takes over.
    async fn work_off(&self, first: Claim) {
        let mut next = Some(first);
        while let Some(claim) = next {
            let is_done = tokio::select! {
                is_done = self.run() => is_done,
                () = self.keep(&claim) => false,
            };
            if !is_done {
                return;
            }
            let finished = async {
                self.store.finish(&claim).await?;
                self.store.claim(Some(&self.tenant)).await
            };
            next = finished.await.unwrap_or_else(|failure| {
                tracing::warn!(%failure, "index rows are made, but that could not be said");
                None
            });
        }
    }

    /// Renews a claim until it is lost.
    async fn keep(&self, claim: &Claim) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(BEAT).await;
            let began = Instant::now();
            match self.store.renew(claim).await {
                Ok(true) => renewed = began,
                Ok(false) => return,
                Err(_) if renewed.elapsed() < LEASE => {}
                Err(_) => return,
            }
        }
    }

    /// Takes steps until nothing is to be done; `false` if they fail.
    async fn run(&self) -> bool {
        let mut failures = 0;
        while failures < FAILURES {
            match self.step().await {
                Ok(Some(worked)) => {
                    failures = 0;
                    rest(worked, self.rest).await;
                }
                Ok(None) => return true,
                Err(failure) if is_closed(&failure) => return false,
                Err(failure) => {
                    failures += 1;
                    tracing::warn!(%failure, "index rows could not be made; it is tried again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
        false
    }

    /// A step of what is to be done next, and how long it took; `None` when nothing is.
    async fn step(&self) -> Result<Option<Duration>> {
        let Some(mut build) = self.next().await? else { return Ok(None) };
        // Who writes by parameters that lack this one may be passed by the walk: they must be done first.
        while self.own.is_former_in_use() {
            tokio::time::sleep(REST).await;
        }
        let began = Instant::now();
        let walked = self.session.walk(&build.types, build.position, SPAN).await?;
        let params = self.own.newest();
        let made = |it| self.reindexed(&params, it, build.position);
        let reindexed: Vec<Reindexed> = walked.found.iter().filter_map(made).collect();
        let damaged = walked.damaged + (walked.found.len() - reindexed.len()) as i64;
        build.position = walked.position;
        build.done += reindexed.len() as i64 + damaged;
        build.damaged += damaged;
        build.is_finished = walked.is_end;
        if let Some(progress) = params.building(&build.name) {
            progress.set(build.done, build.total);
        }
        let is_done = build.is_finished && build.name.starts_with(SEARCH_PARAMETER);
        let definitions = Some(params.definitions);
        let changes =
            Changes { reindexed, build: Some(BuildChange::Advance(build)), definitions, ..Changes::default() };
        match self.own.commit(&*self.session, changes).await {
            // Another node has changed the parameters: the step is made again by those.
            Err(CommitError::Outdated) => {
                drop(params);
                self.own.refresh(&*self.session).await?;
                return Ok(Some(began.elapsed()));
            }
            done => done.map_err(commit_failure)?,
        };
        drop(params);
        if is_done {
            self.own.outdate();
            self.own.refresh(&*self.session).await?;
        }
        Ok(Some(began.elapsed()))
    }

    /// The build that is to be done next.
    async fn next(&self) -> Result<Option<Build>> {
        let is_known =
            |it: &Build| !it.name.starts_with(SEARCH_PARAMETER) || self.own.newest().building(&it.name).is_some();
        let mut open = self.open().await?;
        if !open.iter().all(is_known) {
            // It is for a parameter that this node has not heard of yet, or for one that is gone.
            self.own.outdate();
            self.own.refresh(&*self.session).await?;
            open = self.open().await?;
        }
        Ok(open.into_iter().find(is_known))
    }

    /// The builds that are not finished.
    async fn open(&self) -> Result<Vec<Build>> {
        Ok(self.session.builds().await?.into_iter().filter(|it| !it.is_finished).collect())
    }

    /// A resource's index rows; none where its body, which stands behind this row, is damaged.
    fn reindexed(&self, params: &Params, stored: &Stored, behind: i64) -> Option<Reindexed> {
        let Some(doc) = std::str::from_utf8(&stored.body).ok().and_then(|it| Doc::parse(it).ok()) else {
            let (of, version, tenant) = (&stored.key.of, stored.version, self.tenant.name());
            tracing::error!(%of, version, behind, tenant, "the kept body of a resource is no JSON: it is damaged, and passed by");
            return None;
        };
        let doc = home::read_by(&self.homes, doc);
        let mut rows = self.session.rows();
        rows.of_type(&stored.key.of);
        if let Some(of) = r4().resource(&stored.key.of) {
            params.index(&self.indexer, (of, doc.root()), &self.base, &mut rows, |_, _| true);
        }
        Some(Reindexed { key: stored.key.clone(), version: stored.version, rows })
    }
}

/// Whether the store was closed meanwhile, as a command's is at its end: who opens it next goes on.
fn is_closed(failure: &Failure) -> bool {
    let cause = failure.cause.as_deref().and_then(|it| it.downcast_ref());
    matches!(cause, Some(store::Error::Closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_was_closed_is_told_from_one_that_fails() {
        assert!(is_closed(&store::Error::Closed.into()) && !is_closed(&store::Error::Moved.into()));
    }
}
