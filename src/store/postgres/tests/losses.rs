//! One connection is lost: what is lost with it is given up with it, and no more.

use super::connections::used;
use super::{Database, database};
use crate::contract::tenant;
use crate::postgres::budget::Budget;
use crate::postgres::connections::{Connections, Purpose};
use crate::postgres::directory::Directory;
use crate::postgres::records::Records;
use crate::postgres::runner::Reading;
use crate::postgres::schema::{Kind, entering};
use crate::query::Sql;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Ends a session, and waits until it is gone.
async fn end(database: &Database, pid: i32) {
    let mut owner = database.owner().await;
    let end = "SELECT pg_terminate_backend($1, 10000)";
    assert!(sqlx::query_scalar::<_, bool>(end).bind(pid).fetch_one(&mut owner).await.unwrap());
}

/// Two schemas' connections to one database, which nobody else uses.
struct Two {
    records: Arc<Records>,
    quiet: Connections,
    busy: Connections,
}

impl Two {
    async fn of(database: &Database) -> Two {
        let store = database.store(LONG).await;
        let tenant = tenant(&store, "t").await;
        let records = store.homes.records(&store.homes.of(&tenant.name)).await.unwrap();
        let setup = entering("medisync_pool", Kind::Records).unwrap();
        let budget = Budget::new(8);
        let target = || database.url().parse().unwrap();
        let new = || Connections::new(target(), &setup, &budget, LONG, Purpose::Truth);
        Two { records, quiet: new(), busy: new() }
    }

    async fn read(&self, connections: &Connections) {
        let reading = Reading { tenancy: &self.records.tenancy, connections, after: None };
        reading.fetch(Sql::new("SELECT 1")).await.unwrap();
    }
}

/// Of a schema that nobody asks for, the connection is ended by whoever ends what is unused: others that are used go on.
#[tokio::test]
async fn what_was_used_since_goes_on_where_one_that_rested_is_lost() {
    let Some(database) = database(1000).await else { return };
    let two = Two::of(&database).await;
    let lost = used(&two.quiet).await;
    let taken = two.busy.take().await.unwrap();
    let (rested, in_use) = (used(&two.busy).await, taken.pid);
    end(&database, lost).await;
    two.read(&two.quiet).await;
    assert_eq!(used(&two.busy).await, rested);
    taken.give_back();
    assert_eq!(used(&two.busy).await, in_use);
}

/// Who ends what is unused for so long, or a database that is started anew, has ended what rested for longer.
#[tokio::test]
async fn what_rested_as_long_is_lost_with_what_was_lost() {
    let Some(database) = database(1000).await else { return };
    let two = Two::of(&database).await;
    let rested = used(&two.quiet).await;
    end(&database, used(&two.busy).await).await;
    two.read(&two.busy).await;
    assert_ne!(used(&two.quiet).await, rested);
}

/// All others are in use: who finds the last one broken gets one in its place, and does not wait for itself.
#[tokio::test]
async fn a_broken_connection_to_the_directory_makes_room_for_a_new_one() {
    let Some(database) = database(1000).await else { return };
    let directory = Directory::open(&database.url().parse().unwrap()).await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(directory.connections.take().await.unwrap());
    }
    let last = taken.pop().unwrap();
    let pid = last.pid;
    last.give_back();
    end(&database, pid).await;
    assert!(directory.names().await.unwrap().is_empty());
    taken.into_iter().for_each(|it| it.give_back());
}
