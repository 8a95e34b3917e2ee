//! Several nodes on one database, and what their tenants can tell of each other.

use super::{PATIENCE, database};
use crate::contract::{put, tenant};
use crate::{Changes, Expect, PostgresSettings, Store, Told};
use sqlx::Connection;
use std::time::Duration;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(20);

/// The numbers that nodes take begin again after the last one: two that have the same hear each other all the same, and
/// both write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_the_same_number_hear_each_other() {
    let Some(database) = database(1000).await else { return };
    let one = database.store(LONG).await;
    let mut owner = database.owner().await;
    sqlx::raw_sql("ALTER SEQUENCE medisync.node RESTART").execute(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    let other = database.store(LONG).await;
    let north = tenant(&one, "north").await;
    let (here, there) = (one.open(&north).await.unwrap(), other.open(&north).await.unwrap());
    let mut told = one.told().unwrap();
    let change = async |session: &dyn crate::Session, id: &str| {
        let changed = put(session, "SearchParameter", id, Expect::Absent, "", &[]);
        session.commit(Changes { puts: vec![changed], ..Changes::default() }).await.unwrap();
    };
    let heard = async {
        let mut count = 0;
        while told.recv().await.unwrap() != Told::Definitions("north".into()) {
            // That it listens from now on comes first.
            count += 1;
            change(&*there, &format!("again-{count}")).await;
        }
    };
    tokio::join!(change(&*here, "here"), change(&*there, "there"));
    timeout(PATIENCE, heard).await.expect("the other node's change is heard");
}

/// What a tenant's numbers are does not depend on how much others write.
#[tokio::test]
async fn numbers_tell_nothing_of_other_tenants() {
    let Some(database) = database(1000).await else { return };
    let store = database.open_store(PostgresSettings { clock: || 1_790_000_000_000, ..database.settings(LONG) }).await;
    for (name, count) in [("north", 10), ("south", 1)] {
        let session = store.open(&tenant(&store, name).await).await.unwrap();
        let puts = (0..count).map(|i| put(&*session, "Patient", &format!("p{i}"), Expect::Absent, "", &[])).collect();
        session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    }
    let mut owner = database.owner().await;
    let firsts = sqlx::query_scalar::<_, i64>("SELECT min(rid) FROM medisync_pool.resource GROUP BY tenant");
    let firsts = firsts.fetch_all(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    assert_eq!(firsts.len(), 2);
    assert_eq!(firsts[0], firsts[1]);
}

/// What one node has claimed no other one claims, until the lease is over.
#[tokio::test]
async fn work_is_taken_over_after_the_lease() {
    let Some(database) = database(1000).await else { return };
    let (one, other) = (database.store(LONG).await, database.store(LONG).await);
    let north = tenant(&one, "north").await;
    one.ask(&north).await.unwrap();
    let claim = one.claim(None).await.unwrap().unwrap();
    assert!(other.claim(None).await.unwrap().is_none() && other.claim(Some(&north)).await.unwrap().is_none());
    let mut owner = database.owner().await;
    sqlx::raw_sql("UPDATE medisync.job SET until = now()").execute(&mut owner).await.unwrap();
    owner.close().await.unwrap();
    let taken_over = other.claim(None).await.unwrap().unwrap();
    assert!(!one.renew(&claim).await.unwrap(), "the claim is lost");
    one.finish(&claim).await.unwrap();
    assert!(other.renew(&taken_over).await.unwrap());
}
