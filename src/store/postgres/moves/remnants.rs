//! What moves leave behind: former places, and copies that were broken off. The directory notes each before there is anything
//! of it, and until it is taken away.

use super::{Side, fence, hold, release};
use crate::postgres::directory::{Directory, Entry};
use crate::postgres::owner::Owner;
use crate::postgres::residence::Spot;
use crate::postgres::target::Target;
use crate::{Error, Result};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// A tenant whose remnants were looked for, and why not all of them could be taken away.
pub type Swept = (String, Option<Error>);

/// Takes away what is left of tenants that are not being moved, but for what is to be kept.
pub(in super::super) async fn sweep(url: &str) -> Result<Vec<Swept>> {
    let target: Target = url.parse()?;
    let directory = Directory::open(&target).await?;
    let mut swept = Vec::new();
    for name in directory.untidy().await? {
        let failed = sweep_tenant(&directory, &target, &name).await.err();
        swept.push((name, failed));
    }
    directory.close().await;
    Ok(swept)
}

async fn sweep_tenant(directory: &Directory, target: &Target, name: &str) -> Result<()> {
    let number = directory.find(name).await?.ok_or(Error::NoTenant)?.number;
    let alone = hold(target, number).await?;
    // A mover who has lost the lock can no longer turn the pointer to what is taken away here.
    let entry = directory.take(name).await?.ok_or(Error::NoTenant)?;
    let done = clear(directory, target, &entry).await;
    release(alone).await;
    done
}

/// Takes away what a tenant has elsewhere than where it is served from, but for what is to be kept.
pub(super) async fn clear(directory: &Directory, target: &Target, entry: &Entry) -> Result<()> {
    let owner = entry.owner();
    let mut serving = Side::open(&entry.spot, target, &owner).await?;
    // It arrived, though the mover may have died before he said so.
    serving.at_once("DELETE FROM arriving").await?;
    let here = serving.identity().await?;
    for remnant in directory.remnants(entry.number).await?.into_iter().filter(|it| !it.kept) {
        take_away(directory, target, &owner, &remnant.spot, Some(&here)).await?;
    }
    Ok(())
}

/// Takes away what a tenant that is erased has anywhere.
pub(super) async fn clear_all(directory: &Directory, target: &Target, owner: &Owner, last: Spot) -> Result<()> {
    // Versions before noted nothing of what they left in the directory's own database.
    let own = Spot { database: None, schema: format!("medisync_t{}", owner.number) };
    let noted = directory.remnants(owner.number).await?.into_iter().map(|it| it.spot);
    for spot in [last, Spot::pool(), own].into_iter().chain(noted) {
        take_away(directory, target, owner, &spot, None).await?;
    }
    Ok(())
}

/// Takes away what is at a place, unless it is the one that serves, which may have been noted by another URL.
async fn take_away(
    directory: &Directory,
    target: &Target,
    owner: &Owner,
    spot: &Spot,
    serving: Option<&str>,
) -> Result<()> {
    match Side::open(spot, target, owner).await {
        // There is nothing of this tenant, but of another's.
        Err(Error::Foreign) => {}
        opened => {
            let mut side = opened?;
            if serving != Some(side.identity().await?.as_str()) {
                side.vacate(spot).await?;
            }
        }
    }
    directory.forget(owner.number, spot).await
}

impl Side {
    /// Closes the place, if it is not closed, once nobody writes any more, and takes away what is here of the tenant.
    async fn vacate(&mut self, spot: &Spot) -> Result<()> {
        if !self.has_tables().await? {
            return Ok(());
        }
        self.begin(Side::SNAPSHOT).await?;
        let is_closed: bool = self.row(sqlx::query("SELECT EXISTS (SELECT FROM closed)")).await?.try_get(0)?;
        self.commit().await?;
        if !is_closed {
            // Who was stopped before he closed it has not closed it, and somebody may write still.
            fence::hold(self, fence::ATTEMPT).await?;
            fence::close(self, 0).await?;
            self.commit().await?;
        }
        match spot.is_own() {
            true => self.drop_schema(&spot.schema).await,
            false => self.purge().await,
        }
    }
}

/// Something that was left behind.
struct Remnant {
    spot: Spot,
    /// It is to stay until the tenant is erased, or moved there again.
    kept: bool,
}

impl Directory {
    /// Notes that a copy is about to be made there, by who took the tenant in hand last.
    pub(super) async fn note(&self, entry: &Entry, spot: &Spot) -> Result<()> {
        let text = "INSERT INTO remnant (tenant, schema, database, kept) \
             SELECT number, $3, $4, false FROM tenant WHERE name = $1 AND attempt = $2 FOR SHARE \
             ON CONFLICT (tenant, schema, database) DO UPDATE SET kept = false";
        let note = || {
            let query = sqlx::query(text).bind(&*entry.name).bind(entry.attempt);
            query.bind(&spot.schema).bind(&spot.database)
        };
        match self.change(note).await? {
            true => Ok(()),
            false => Err(Error::CannotMove("somebody else has taken it in hand since".to_owned())),
        }
    }

    async fn remnants(&self, number: i32) -> Result<Vec<Remnant>> {
        let text = "SELECT schema, database, kept FROM remnant WHERE tenant = $1 ORDER BY schema, database";
        let rows = self.fetch(|| sqlx::query(text).bind(number)).await?;
        let of = |row: &PgRow| {
            let spot = Spot { schema: row.try_get(0)?, database: row.try_get(1)? };
            Ok(Remnant { spot, kept: row.try_get(2)? })
        };
        rows.iter().map(of).collect()
    }

    /// Notes that nothing is left there.
    async fn forget(&self, number: i32, spot: &Spot) -> Result<()> {
        let text = "DELETE FROM remnant WHERE tenant = $1 AND schema = $2 AND database IS NOT DISTINCT FROM $3";
        self.change(|| sqlx::query(text).bind(number).bind(&spot.schema).bind(&spot.database)).await.map(drop)
    }

    /// The tenants that have something elsewhere which is not to be kept.
    async fn untidy(&self) -> Result<Vec<String>> {
        let text = "SELECT name FROM tenant WHERE number IN (SELECT tenant FROM remnant WHERE NOT kept) ORDER BY name";
        let rows = self.fetch(|| sqlx::query(text)).await?;
        Ok(rows.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<_>>()?)
    }
}
