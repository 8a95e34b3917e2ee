//! Wrapping tenants' keys anew, one tenant after the other: whoever is stopped is started again and goes on.

use super::{Keeper, Kept, Marks, NONE, Secrets, Wrapped};
use crate::{Error, Result, Sealing};
use async_trait::async_trait;

/// Whose keys are wrapped anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Those that no master key wraps yet.
    Unwrapped,
    /// Also those that another master key than the present one wraps.
    All,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Tenants whose keys are wrapped anew.
    pub done: usize,
    /// How many there are of them.
    pub total: usize,
}

/// Where tenants' keys stand.
#[async_trait]
pub(crate) trait Shelf: Send + Sync {
    /// The names of all tenants with the ids of the keys that wrap theirs; `None` where they are bare.
    async fn wrapped_by(&self) -> Result<Vec<(String, Option<String>)>>;
    /// A tenant's keys as they stand there.
    async fn kept(&self, name: &str) -> Result<Option<Kept>>;
    /// Puts wrapped keys in place of others; `false` if those are not there any more.
    async fn exchange(&self, name: &str, before: &Kept, after: &Wrapped) -> Result<bool>;
    /// The key that signs what the operator hands out.
    async fn signing_key(&self) -> Result<Option<Wrapped>>;
    /// Puts it in place of another, or where there was none; `false` if that is not so any more.
    async fn exchange_signing_key(&self, before: Option<&Wrapped>, after: &Wrapped) -> Result<bool>;
}

/// Adds a key by which a tenant's data is encrypted from then on; its number.
pub(crate) async fn rotate_data_key(shelf: &dyn Shelf, keeper: &Keeper, name: &str) -> Result<u32> {
    let added = renew(shelf, keeper, name, |secrets| keeper.add_data_key(secrets)).await?;
    added.data_keys.last().map(|it| it.number).ok_or(Error::Directory("a tenant has no data key"))
}

/// Says which bodies of a tenant are kept encrypted from then on.
pub(crate) async fn set_sealing(shelf: &dyn Shelf, keeper: &Keeper, name: &str, sealing: Sealing) -> Result<()> {
    demand_master(keeper).await?;
    let set = |secrets: &mut Secrets| {
        secrets.sealing = sealing;
        Ok(())
    };
    renew(shelf, keeper, name, set).await.map(drop)
}

/// Says which elements of a tenant are marked from then on.
pub(crate) async fn set_marks(shelf: &dyn Shelf, keeper: &Keeper, name: &str, marks: &Marks) -> Result<()> {
    demand_master(keeper).await?;
    let set = |secrets: &mut Secrets| {
        secrets.marks = marks.clone();
        Ok(())
    };
    renew(shelf, keeper, name, set).await.map(drop)
}

/// Has a tenant's keys be of a later edition than this one.
pub(super) async fn pass_edition(shelf: &dyn Shelf, keeper: &Keeper, name: &str, edition: u32) -> Result<()> {
    let pass = |secrets: &mut Secrets| {
        secrets.edition = secrets.edition.max(edition);
        Ok(())
    };
    renew(shelf, keeper, name, pass).await.map(drop)
}

async fn demand_master(keeper: &Keeper) -> Result<()> {
    match keeper.current().await? == NONE {
        true => Err(Error::MasterKey(
            "without a master key nothing is hidden from who has the database: give --master-key".to_owned(),
        )),
        false => Ok(()),
    }
}

/// Changes by what a tenant's data is encrypted and marked: what was made by that as it was is told from what is made from then on.
async fn renew(
    shelf: &dyn Shelf,
    keeper: &Keeper,
    name: &str,
    step: impl Fn(&mut Secrets) -> Result<()> + Sync,
) -> Result<Secrets> {
    let renewed = |secrets: &mut Secrets| {
        step(secrets)?;
        let next = secrets.edition.checked_add(1);
        secrets.edition = next.ok_or(Error::Directory("what is encrypted of a tenant was changed too often"))?;
        Ok(())
    };
    change(shelf, keeper, name, renewed).await
}

/// Changes what a tenant's keys are, as one who may not be the only one to do so.
async fn change(
    shelf: &dyn Shelf,
    keeper: &Keeper,
    name: &str,
    step: impl Fn(&mut Secrets) -> Result<()> + Sync,
) -> Result<Secrets> {
    while let Some(before) = shelf.kept(name).await? {
        let mut secrets = keeper.complete(name, &before).await?;
        step(&mut secrets)?;
        if shelf.exchange(name, &before, &keeper.wrap(name, &secrets).await?).await? {
            keeper.look_again(name);
            return Ok(secrets);
        }
    }
    Err(Error::NoTenant)
}

/// Wraps keys by the present master key, and tells how far it has come.
pub(crate) async fn rewrap(
    shelf: &dyn Shelf,
    keeper: &Keeper,
    which: Stale,
    told: &(dyn Fn(Rewrapped) + Send + Sync),
) -> Result<Rewrapped> {
    let current = keeper.current().await?;
    let is_stale = |by: Option<&str>| match by {
        None => true,
        Some(by) => by != current && (which == Stale::All || by == NONE),
    };
    let all = shelf.wrapped_by().await?;
    let stale: Vec<String> = all.into_iter().filter(|(_, by)| is_stale(by.as_deref())).map(|(name, _)| name).collect();
    let mut progress = Rewrapped { done: 0, total: stale.len() };
    for name in stale {
        match change(shelf, keeper, &name, |_| Ok(())).await {
            // Nothing is left to be wrapped of one that was erased meanwhile.
            Err(Error::NoTenant) => {}
            changed => drop(changed?),
        }
        progress.done += 1;
        told(progress);
    }
    while let Some(before) = shelf.signing_key().await?.filter(|it| is_stale(Some(&it.by))) {
        let after = keeper.wrap_signing_key(&keeper.unwrap_signing_key(&before).await?).await?;
        if shelf.exchange_signing_key(Some(&before), &after).await? {
            break;
        }
    }
    Ok(progress)
}
