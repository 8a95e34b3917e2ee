//! Index rows made in the background: a walk over all resources of some types, in steps between which it rests, so that
//! it takes a bounded share of the machine. It goes on where it was after a restart.

use super::{OwnParams, Params, SEARCH_PARAMETER};
use crate::write::commit_failure;
use crate::{Context, Engine};
use fhir::json::Doc;
use fhir::search::Indexer;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use std::time::Duration;
use store::{Build, BuildChange, Changes, CommitError, Reindexed, Session, Stored};
use tokio::time::Instant;

/// Resources that a step passes, of whatever type.
const SPAN: i64 = 200;
/// The least rest.
const REST: Duration = Duration::from_millis(1);
/// The rest after something failed.
const RETRY: Duration = Duration::from_secs(5);
/// So many failures in a row end the work until the next start.
const FAILURES: u32 = 100;
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
    /// Whether it is through.
    pub is_finished: bool,
}

/// Enters a build that is to be done.
pub(super) async fn begin(session: &dyn Session, name: String, types: Vec<String>) -> Result<Build> {
    let total = session.count_of(&types).await?;
    let build = Build { name, types, position: 0, done: 0, total, is_finished: false };
    let change = Some(BuildChange::Begin(build.clone()));
    session.commit(Changes { build: change, ..Changes::default() }).await.map_err(commit_failure)?;
    Ok(build)
}

impl Engine {
    /// The last run that was asked for, if there was one.
    pub async fn index_run(&self, ctx: &Context) -> Result<Option<IndexRun>> {
        let mut asked = ctx.session.builds().await?.into_iter().filter(|it| it.name.starts_with(ASKED));
        Ok(asked.next().map(|it| {
            let Build { types, done, total, is_finished, .. } = it;
            IndexRun { types, done: if is_finished { total } else { done.min(total) }, total, is_finished }
        }))
    }

    /// Has all index rows of these resource types made anew, in the background; fails if such a run is under way.
    pub async fn rebuild_index(&self, ctx: &Context, types: Vec<String>) -> Result<()> {
        let _turn = ctx.own.reading.lock().await;
        for run in ctx.session.builds().await?.into_iter().filter(|it| it.name.starts_with(ASKED)) {
            if !run.is_finished {
                let told = "A run of $reindex is under way; $reindex-status tells how far it is.";
                return Err(Failure::new(IssueType::Conflict, told));
            }
            let build = Some(BuildChange::Drop(run.name));
            ctx.session.commit(Changes { build, ..Changes::default() }).await.map_err(commit_failure)?;
        }
        begin(&*ctx.session, format!("{ASKED}{}", (self.ambient.new_id)()), types).await?;
        tokio::spawn(self.work(ctx).run());
        Ok(())
    }

    /// Goes on with what is to be built, of all tenants, one after the other: what a restart has interrupted needs nobody
    /// to ask for it. `base_of` gives the base URL of the tenant with a name.
    pub async fn resume_builds(&self, base_of: impl Fn(&str) -> String) {
        let tenants = self.store.tenants().await.unwrap_or_else(|failure| {
            tracing::warn!(%failure, "index rows in the making wait for their tenants' first requests");
            Vec::new()
        });
        for name in tenants {
            let began = Instant::now();
            if let Err(failure) = self.resume_builds_of(&name, &base_of(&name)).await {
                tracing::warn!(%failure, "a tenant's index rows in the making wait for its first request");
            }
            rest(began.elapsed(), self.settings.index_rest).await;
        }
    }

    async fn resume_builds_of(&self, name: &str, base: &str) -> Result<()> {
        let Some(tenant) = self.store.tenant(name).await? else { return Ok(()) };
        let ctx = self.system_context(&tenant, "index", base).await?;
        self.work(&ctx).run().await;
        Ok(())
    }

    /// What makes a tenant's index rows.
    pub(super) fn work(&self, ctx: &Context) -> Work {
        Work {
            own: ctx.own.clone(),
            session: ctx.session.clone(),
            indexer: self.indexer.clone(),
            base: ctx.base.clone(),
            rest: self.settings.index_rest,
        }
    }
}

/// All that the task needs, so that it can outlive the request that began it.
pub(super) struct Work {
    pub(super) own: Arc<OwnParams>,
    pub(super) session: Arc<dyn Session>,
    indexer: Arc<Indexer>,
    base: Arc<str>,
    /// How many times as long as it works it rests.
    rest: u32,
}

/// Rests so many times as long as the work took.
async fn rest(worked: Duration, times: u32) {
    tokio::time::sleep(worked.saturating_mul(times).max(REST)).await;
}

impl Work {
    /// Brings the parameters up to date, and goes on with what is to be built, behind what is being built.
    pub(super) async fn refresh(self) -> Result<()> {
        self.own.refresh(&*self.session).await?;
        tokio::spawn(self.run());
        Ok(())
    }

    async fn run(self) {
        let _turn = self.own.building.lock().await;
        let mut failures = 0;
        while failures < FAILURES {
            match self.step().await {
                Ok(Some(worked)) => {
                    failures = 0;
                    rest(worked, self.rest).await;
                }
                Ok(None) => return,
                Err(failure) => {
                    failures += 1;
                    tracing::warn!(%failure, "index rows could not be made; it is tried again");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// A step of what is to be done next, and how long it took; `None` when nothing is.
    async fn step(&self) -> Result<Option<Duration>> {
        let builds = self.session.builds().await?;
        let mut open = builds.into_iter().filter(|it| !it.is_finished);
        let is_wanted = |it: &Build| !it.name.starts_with(SEARCH_PARAMETER) || self.progress(it);
        let Some(mut build) = open.find(is_wanted) else { return Ok(None) };
        // Who writes by parameters that lack this one may be passed by the walk: they must be done first.
        while self.own.is_former_in_use() {
            tokio::time::sleep(REST).await;
        }
        let began = Instant::now();
        let walked = self.session.walk(&build.types, build.position, SPAN).await?;
        let params = self.own.newest();
        let reindexed: Vec<Reindexed> =
            walked.found.iter().map(|it| self.reindexed(&params, it)).collect::<Result<_>>()?;
        build.position = walked.position;
        build.done += reindexed.len() as i64;
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

    /// Whether the parameter of a build is one that is not served yet.
    fn progress(&self, build: &Build) -> bool {
        self.own.newest().building(&build.name).is_some()
    }

    fn reindexed(&self, params: &Params, stored: &Stored) -> Result<Reindexed> {
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let mut rows = self.session.rows();
        rows.of_type(&stored.key.of);
        if let Some(of) = r4().resource(&stored.key.of) {
            params.index(&self.indexer, (of, doc.root()), &self.base, &mut rows, |_, _| true);
        }
        Ok(Reindexed { key: stored.key.clone(), version: stored.version, rows })
    }
}
