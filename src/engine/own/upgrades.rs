//! Index rows of what an earlier version of this server wrote: made anew by itself, once for each tenant.

use super::build::enter;
use fhir::Result;
use fhir::spec::r4;
use store::{Build, Session};

/// Has what an earlier version wrote indexed as this one does, unless that was begun: searches that rest on rows which may be missing wait
/// for it, or go another way. Tells whether anything is to be done.
pub(super) async fn begin(session: &dyn Session, builds: &[Build]) -> Result<bool> {
    let mut is_open = false;
    for (name, types) in [(store::ALL_ROWS, all_types as fn() -> Vec<String>), (store::PAIRS, store::paired_types)] {
        is_open |= begin_one(session, builds, name, types).await?;
    }
    Ok(is_open)
}

async fn begin_one(session: &dyn Session, builds: &[Build], name: &str, types: fn() -> Vec<String>) -> Result<bool> {
    if let Some(build) = builds.iter().find(|it| it.name == name) {
        return Ok(!build.is_finished);
    }
    let types = types();
    let total = session.count_of(&types).await?;
    // Whatever is written from now on has them: where there is nothing, they are whole.
    let name = name.to_owned();
    let build = Build { name, types, position: 0, done: 0, total, damaged: 0, is_finished: total == 0 };
    Ok(!enter(session, build).await?.is_finished)
}

/// The names of all resource types.
fn all_types() -> Vec<String> {
    r4().resources().map(|it| r4().of(it).name.to_string()).collect()
}

/// Whether a build is for what earlier versions wrote.
pub(super) fn is_upgrade(build: &Build) -> bool {
    [store::ALL_ROWS, store::PAIRS].contains(&build.name.as_str())
}
