//! A placement: a schema of a database, and the connections to it. Many tenants share one (`pool`), or one has it for
//! itself, here (`schema`) or in another database (`database`): what is done is the same.

use super::budget::Budget;
use super::connections::{Connections, Purpose};
use super::schema::{self, Kind};
use super::standby::Standby;
use super::target::Target;
use crate::Result;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How much a node asks of a placement.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The most connections to one database at the same time.
    pub(super) connections: u32,
    /// How long a query may take.
    pub(super) query_time: Duration,
    /// How long a write may take: a large Bundle takes longer than a query should.
    pub(super) write_time: Duration,
}

/// How statements are planned: joins in the order written, by nested loops over B-trees, once for all values. The order is
/// chosen by the search compiler, which counts before it chooses (docs/decisions/0013-postgresql.md).
const PLANNING: &str = "SET join_collapse_limit = 1; SET from_collapse_limit = 1; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off; ";

pub(super) struct Place {
    pub(super) reads: Connections,
    pub(super) writes: Connections,
    /// The standby, where there is one of this placement's database, with its URL.
    standby: RwLock<Option<(String, Arc<Standby>)>>,
    setup: String,
    bounds: Bounds,
}

/// The connections to a database that all its placements have in common.
#[derive(Clone)]
pub(super) struct Pools {
    reads: Arc<Budget>,
    writes: Arc<Budget>,
    standby: Arc<Budget>,
}

impl Pools {
    /// For the directory's own database, beside its connections.
    pub(super) fn new(bounds: Bounds, directory: Option<&Budget>) -> Pools {
        // A write takes about twice as long as a read, and a group of them goes together.
        let writing = (bounds.connections / 3).max(1);
        let reading = bounds.connections.saturating_sub(writing).max(1);
        let standby = bounds.connections.max(1);
        let reads = directory.map_or_else(|| Budget::new(reading), |it| it.beside(reading));
        Pools { writes: reads.beside(writing), reads, standby: Budget::new(standby) }
    }
}

impl Place {
    /// Opens a schema, made and brought up to date if need be.
    pub(super) async fn open(target: &Target, schema: &str, pools: &Pools, bounds: Bounds) -> Result<Place> {
        schema::make_ready(target, schema, Kind::Records).await?;
        let setup = schema::entering(schema, Kind::Records)? + PLANNING;
        let reads = Connections::new(target.clone(), &setup, &pools.reads, bounds.query_time, Purpose::Truth);
        let writes = Connections::new(target.clone(), &setup, &pools.writes, bounds.write_time, Purpose::Truth);
        let mut taken = reads.take().await?;
        schema::verify_role(&mut taken.connection).await?;
        taken.commit().await?;
        taken.give_back();
        Ok(Place { reads, writes, standby: RwLock::default(), setup, bounds })
    }

    /// Has this standby answer reads from now on, or none.
    pub(super) async fn follow(&self, url: Option<&str>, pools: &Pools) -> Result<()> {
        let former = self.kept();
        if former.as_ref().map(|(url, _)| url.as_str()) == url {
            return Ok(());
        }
        let standby = match url {
            None => None,
            Some(url) => {
                let time = self.bounds.query_time;
                let reads = Connections::new(url.parse()?, &self.setup, &pools.standby, time, Purpose::Copies);
                Some((url.to_owned(), Arc::new(Standby::new(reads, &self.reads).await)))
            }
        };
        *self.standby.write().unwrap_or_else(PoisonError::into_inner) = standby;
        if let Some((_, former)) = former {
            // That waits for the reads under way, which this caller need not.
            tokio::spawn(async move { former.reads.close().await });
        }
        Ok(())
    }

    pub(super) fn standby(&self) -> Option<Arc<Standby>> {
        self.kept().map(|(_, it)| it)
    }

    fn kept(&self) -> Option<(String, Arc<Standby>)> {
        self.standby.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn close(&self) {
        self.writes.close().await;
        self.reads.close().await;
        if let Some(standby) = self.standby() {
            standby.reads.close().await;
        }
    }
}
