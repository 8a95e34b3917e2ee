//! Reading a tenant's own search parameters, and whatever else says how its resources are indexed and validated.

use super::check::{self, Reading};
use super::params::{Params, generation};
use super::{ACTIVE, OwnParam, OwnState, SEARCH_PARAMETER, build, upgrades};
use fhir::json::Doc;
use fhir::search::{Clause, Indexer, ParamId, Test, TokenTest};
use fhir::spec::{Progress, SearchParam, Spec, r4};
use fhir::{Failure, Result};
use std::sync::Arc;
use store::{Branch, Build, BuildChange, Changes, Plan, Session, Stored};

/// Resources that are read at once.
const BATCH: usize = 200;

/// A tenant's search parameters as they are stored. Begins the builds that are missing, and drops those whose
/// parameter is gone. Also tells whether anything is to be built.
pub(super) async fn read(session: &dyn Session) -> Result<(Params, bool)> {
    // Before what it counts is read: what comes in between is read again.
    let definitions = session.definitions().await?;
    let builds = session.builds().await?;
    let mut is_open = upgrades::begin(session, &builds).await? || builds.iter().any(|it| !it.is_finished);
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
