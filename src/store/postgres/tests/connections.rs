//! Connections: a node has so many to a database, however many schemas it is asked for.

use super::{Database, database_of};
use crate::contract::{put, tenant};
use crate::{Changes, Expect, Key, Placement, Session, Store};
use sqlx::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(20);
/// Those to the directory, and the one that listens.
const OTHERS: i64 = 5;

async fn write_and_read(session: Arc<dyn Session>, id: String) {
    let puts = vec![put(&*session, "Patient", &id, Expect::Absent, "", &[])];
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    assert!(session.read(&Key::new("Patient", &id)).await.unwrap().is_some());
}

async fn sessions(database: &Database) -> i64 {
    let mut owner = database.owner().await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let count = sqlx::query_scalar(count).fetch_one(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    count
}

/// Schemas of tenants' own, more of them than connections: all are served, one after the other and at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_share_connections() {
    const SCHEMAS: usize = 12;
    const CONNECTIONS: u32 = 6;
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store_with(LONG, CONNECTIONS).await;
    let mut all = Vec::new();
    for i in 0..SCHEMAS {
        let session = store.open(&tenant(&store, &format!("t{i}")).await).await.unwrap();
        write_and_read(session.clone(), "first".into()).await;
        all.push(session);
    }
    for round in 0..3 {
        let mut work = JoinSet::new();
        for session in &all {
            work.spawn(write_and_read(session.clone(), format!("p{round}")));
        }
        work.join_all().await;
    }
    // A session that was closed is gone a moment later.
    let few = async {
        while sessions(&database).await > i64::from(CONNECTIONS) + OTHERS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, few).await.expect("schemas share connections");
}
