//! Bringing every schema of records up to date: several at a time, and each by itself, so that one which cannot be does not
//! hold up the others. Each schema says which migrations it has, so whoever is killed is started again and goes on.

use super::directory::Directory;
use super::residence::Spot;
use super::schema::{self, Kind};
use super::target::Target;
use crate::{Error, Result};
use tokio::task::JoinSet;

/// Schemas that are worked on at the same time.
const AT_ONCE: usize = 8;

/// How far bringing schemas up to date has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrading {
    /// Schemas that are done with, whether or not they could be brought up to date.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// What became of bringing all schemas up to date.
#[derive(Debug, Default)]
pub struct Upgraded {
    /// How many schemas are up to date.
    pub schemas: usize,
    /// Those that are not, and why.
    pub failed: Vec<(String, Error)>,
}

/// Brings all up to date, with the rights of the URL's login. Fails where the directory itself cannot be.
pub(super) async fn all(url: &str, told: &(dyn Fn(Upgrading) + Send + Sync)) -> Result<Upgraded> {
    let target: Target = url.parse()?;
    let directory = Directory::open(&target).await?;
    let spots = directory.spots().await?;
    directory.close().await;
    let work = |target: Target, schema: String| async move { schema::migrate(&target, &schema, Kind::Records).await };
    Ok(each(&target, spots, work, told).await)
}

/// Fails where the directory or a schema is not up to date.
pub(super) async fn verify(url: &str) -> Result<()> {
    let target: Target = url.parse()?;
    schema::verify(&target, schema::DIRECTORY, Kind::Directory).await?;
    let directory = Directory::open(&target).await?;
    let spots = directory.spots().await?;
    directory.close().await;
    let work = |target: Target, schema: String| async move { schema::verify(&target, &schema, Kind::Records).await };
    let verified = each(&target, spots, work, &|_| ()).await;
    verified.failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
}

/// Does the same with each schema, some at a time.
async fn each<F>(
    directory: &Target,
    spots: Vec<Spot>,
    work: impl Fn(Target, String) -> F,
    told: &(dyn Fn(Upgrading) + Send + Sync),
) -> Upgraded
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let total = spots.len();
    let mut waiting = spots.into_iter();
    let mut running = JoinSet::new();
    let mut upgraded = Upgraded::default();
    loop {
        for spot in waiting.by_ref().take(AT_ONCE - running.len()) {
            let target = spot.target(directory);
            let work = target.map(|target| (name(&spot, &target), work(target, spot.schema.clone())));
            match work {
                Ok((name, work)) => drop(running.spawn(async move { (name, work.await) })),
                Err(error) => upgraded.failed.push((spot.schema, error)),
            }
        }
        match running.join_next().await {
            None => return upgraded,
            Some(Ok((_, Ok(())))) => upgraded.schemas += 1,
            Some(Ok((name, Err(error)))) => upgraded.failed.push((name, error)),
            // Nobody aborts it: a task that panicked goes on to do so here.
            Some(Err(ended)) => std::panic::resume_unwind(ended.into_panic()),
        }
        told(Upgrading { done: upgraded.schemas + upgraded.failed.len(), total });
    }
}

/// What a schema is called for operators: no user, no password.
fn name(spot: &Spot, target: &Target) -> String {
    let schema = &spot.schema;
    match &spot.database {
        None => schema.clone(),
        Some(_) => {
            let options = &target.options;
            format!("{schema} of {}/{}", options.get_host(), options.get_database().unwrap_or_default())
        }
    }
}
