//! A placement: a schema of a database, and the connections to it. Many tenants share one (`pool`), or one has it for
//! itself, here (`schema`) or in another database (`database`): what is done is the same.

use super::connections::Connections;
use super::schema::{self, Kind};
use super::standby::Standby;
use super::target::Target;
use crate::Result;
use std::time::Duration;

/// How much a node asks of a placement.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The most connections at the same time.
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
    /// The standby, where there is one of this placement's database.
    pub(super) standby: Option<Standby>,
}

impl Place {
    /// Opens a schema, made and brought up to date if need be; and what a standby has of it.
    pub(super) async fn open(target: &Target, standby: Option<&Target>, schema: &str, bounds: Bounds) -> Result<Place> {
        schema::migrate(target, schema, Kind::Records).await?;
        let setup = schema::entering(schema, Kind::Records)? + PLANNING;
        // A write takes about twice as long as a read, and a group of them goes together.
        let writing = (bounds.connections / 3).max(1);
        let reading = bounds.connections.saturating_sub(writing).max(1);
        let reads = Connections::new(target.clone(), &setup, reading, bounds.query_time);
        let writes = Connections::new(target.clone(), &setup, writing, bounds.write_time);
        let mut taken = reads.take().await?;
        schema::verify_role(&mut taken.connection).await?;
        taken.commit().await?;
        taken.give_back();
        let standby = standby
            .map(|it| Standby::new(Connections::new(it.clone(), &setup, bounds.connections.max(1), bounds.query_time)));
        Ok(Place { reads, writes, standby })
    }

    pub(super) async fn close(&self) {
        self.writes.close().await;
        self.reads.close().await;
        if let Some(standby) = &self.standby {
            standby.reads.close().await;
        }
    }
}
