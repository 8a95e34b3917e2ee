//! `medisync keys seal`

use super::keys::reseal;
use super::user::told;
use super::{block_on, marks, print};
use crate::audit::by_operator;
use crate::config::{self, File, StoreFlags};
use crate::{database, master, random, tenants};
use anyhow::{Context, Result};
use engine::Security;
use std::time::Duration;
use store::{Build, BuildChange, Changes, Marks, Sealing, Session, Store, Tenant};

/// How often it is looked how far index rows are.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `medisync keys seal`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync keys seal --tenant north                         shows it
  medisync keys seal --tenant north --bodies all            encrypts all resources, those that are there as well
  medisync keys seal --tenant north --mark Patient.address  the index has hashes of addresses only: found by equality
  medisync keys seal --tenant north --unmark Patient.address

All while the tenant is served. One that was interrupted is started again and goes on.")]
pub struct Seal {
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    store: StoreFlags,
}

/// What was asked for.
#[derive(clap::Args)]
struct Said {
    /// The tenant's name
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// files (Binary, and what has an attachment's or a waveform's data in it) or all
    #[arg(long, value_name = "WHICH")]
    bodies: Option<Sealing>,
    /// Elements whose texts the search index has hashes of, such as Patient.address
    #[arg(long, value_name = "ELEMENT")]
    mark: Vec<String>,
    /// Elements that are marked no more
    #[arg(long, value_name = "ELEMENT")]
    unmark: Vec<String>,
}

impl Seal {
    /// Does what was asked for, and shows what holds.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(seal(self.store.resolve(file)?, self.said))
    }
}

impl Said {
    fn asks(&self) -> bool {
        self.bodies.is_some() || self.marks()
    }

    fn marks(&self) -> bool {
        !self.mark.is_empty() || !self.unmark.is_empty()
    }
}

async fn seal(settings: config::Store, asked: Said) -> Result<()> {
    let store = database::open(&settings).await?;
    let sealed = work(&*store, &asked).await;
    store.close().await;
    let (sealing, marks) = sealed?;
    match master::is_none(&settings)? {
        true => print(format_args!("nothing is kept encrypted, as there is no master key; with one: {sealing}"))?,
        false => print(sealing)?,
    }
    marks.elements.iter().try_for_each(|it| print(format_args!("{it}")))
}

async fn work(store: &dyn Store, asked: &Said) -> Result<(Sealing, Marks)> {
    let name = &asked.tenant;
    let tenant = tenants::existing(store, name).await?;
    if let Some(bodies) = asked.bodies {
        store.set_sealing(name, bodies).await?;
    }
    if asked.marks() {
        mark(store, &tenant, asked).await?;
    }
    if asked.asks() {
        by_operator(&*store.open(&tenant).await?, Security::Configuration, Some("sealing")).await.map_err(told)?;
        tracing::info!(tenant = name, "what is kept encrypted was changed");
        reseal(store, name).await.context("it is said, but not all is encrypted yet; run it again")?;
    }
    if asked.marks() {
        let tenant = tenants::existing(store, name).await?;
        // One that was being written while it was looked before is there by now, or was refused.
        marks::demand_no_own(&*store.open(&tenant).await?, &tenant.secrets().marks.elements).await?;
        index(store, &tenant).await?;
    }
    let secrets = tenants::existing(store, name).await?.secrets().clone();
    Ok((secrets.sealing, secrets.marks))
}

/// Says which elements are marked.
async fn mark(store: &dyn Store, tenant: &Tenant, asked: &Said) -> Result<()> {
    let before = &tenant.secrets().marks;
    let mut elements: Vec<String> = before.elements.clone();
    elements.extend(asked.mark.iter().cloned());
    elements.retain(|it| !asked.unmark.contains(it));
    elements.sort_unstable();
    elements.dedup();
    let mut params = Vec::new();
    for element in &elements {
        params.extend(marks::params_of(element)?);
    }
    params.sort_unstable();
    params.dedup();
    marks::demand_no_own(&*store.open(tenant).await?, &elements).await?;
    let mut former = [before.params.clone(), before.former.clone()].concat();
    former.sort_unstable();
    former.dedup();
    let build = format!("marks/{}", random::id());
    Ok(store.set_marks(&asked.tenant, &Marks { elements, params, former, build }).await?)
}

/// Has index rows made anew of what is marked or was, by whichever server serves the tenant, and waits for it.
async fn index(store: &dyn Store, tenant: &Tenant) -> Result<()> {
    let session = store.open(tenant).await?;
    let marks = &tenant.secrets().marks;
    let name = marks.build.clone();
    let mut types: Vec<String> = [&marks.params, &marks.former]
        .into_iter()
        .flatten()
        .filter_map(|it| Some(it.split_once('?')?.0.to_owned()))
        .collect();
    types.sort_unstable();
    types.dedup();
    let total = session.count_of(&types).await?;
    // Whatever is written by now is as it is to be: where there is nothing, nothing is to be done.
    let build = Build { name: name.clone(), types, position: 0, done: 0, total, damaged: 0, is_finished: total == 0 };
    let change = Changes { build: Some(BuildChange::Begin(build)), ..Changes::default() };
    session.commit(change).await.context("the index rows are not being made anew; run it again")?;
    store.ask(tenant).await?;
    let mut damaged = finished(&*session, &name).await?;
    if damaged.is_none() {
        print("a server makes the index rows anew; until then no search by what was marked is answered")?;
    }
    while damaged.is_none() {
        tokio::time::sleep(LOOK).await;
        damaged = finished(&*session, &name).await?;
    }
    if let Some(count @ 1..) = damaged {
        print(format_args!(
            "{count} resources are damaged in the database; what the index had of their marked elements is taken out of it, and no search finds them by these; the server's log tells their rows"
        ))?;
    }
    Ok(())
}

/// How many damaged resources a build has passed by; none as long as it is not finished.
async fn finished(session: &dyn Session, build: &str) -> Result<Option<i64>> {
    let builds = session.builds().await?;
    Ok(builds.iter().find(|it| it.name == build && it.is_finished).map(|it| it.damaged))
}
