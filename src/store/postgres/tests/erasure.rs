//! Erasing a tenant that other nodes serve.

use super::*;
use crate::contract::{put, tenant};
use crate::{Changes, CommitError, Erasure, Error, Expect, Key};

const LONG: Duration = Duration::from_secs(20);

/// How many rows a tenant has in all tables of a schema, but for that which says that it is closed.
async fn rows(database: &Database, number: i32) -> i64 {
    let mut owner = database.owner().await;
    let tables = "SELECT c.table_name::text FROM information_schema.columns c WHERE c.table_schema = 'medisync_pool' \
         AND c.column_name = 'tenant' AND c.table_name <> 'closed'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut owner).await.unwrap();
    assert!(tables.len() > 10, "{tables:?}");
    let mut rows = 0;
    for table in tables {
        let count = format!("SELECT count(*) FROM medisync_pool.{table} t WHERE t.tenant = $1");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).bind(number).fetch_one(&mut owner).await.unwrap();
        rows += count;
    }
    owner.close().await.unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_neither_reads_nor_writes_from_then_on() {
    let Some(database) = database(ENOUGH).await else { return };
    let (node, eraser) = (database.store(LONG).await, database.store(LONG).await);
    let session = node.open(&tenant(&node, "north").await).await.unwrap();
    let create = |id: &str| {
        let puts = vec![put(&*session, "Patient", id, Expect::Absent, "", &[])];
        session.commit(Changes { puts, ..Changes::default() })
    };
    create("a").await.unwrap();
    let number = database.number("north").await;
    assert!(rows(&database, number).await > 0);

    eraser.destroy_keys("north", "because").await.unwrap();
    let read = session.read(&Key::new("Patient", "a")).await;
    assert!(matches!(read, Err(Error::Erased)), "{read:?}");
    let written = create("b").await;
    assert!(matches!(written, Err(CommitError::Store(Error::Erased))), "{written:?}");
    eraser.clear("north").await.unwrap();
    assert_eq!(rows(&database, number).await, 0);
    assert!(node.tenant("north").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_of_its_own_is_dropped() {
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store(LONG).await;
    tenant(&store, "north").await;
    let (mut owner, schema) = database.place(Placement::Schema, "north").await;
    store.open(&tenant(&store, "north").await).await.unwrap();
    store.destroy_keys("north", "because").await.unwrap();
    store.clear("north").await.unwrap();
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!(there, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_takes_its_full_text_view_away_when_it_starts() {
    let Some(database) = database(ENOUGH).await else { return };
    let store = database.store(LONG).await;
    for name in ["north", "north-east"] {
        tenant(&store, name).await;
    }
    store.destroy_keys("north", "because").await.unwrap();
    store.close().await;
    let names = ["north.text", "north.2.text", "north-east.text"];
    for name in names {
        std::fs::create_dir_all(database.folder.path().join(name)).unwrap();
    }
    database.store(LONG).await;
    assert_eq!(names.map(|it| database.folder.path().join(it).exists()), [false, false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_it_is_served_shows() {
    let Some(database) = database(ENOUGH).await else { return };
    assert!(!PostgresStore::is_served(&database.url()).await.unwrap());
    let store = database.store(LONG).await;
    until("a node listens", async || PostgresStore::is_served(&database.url()).await.unwrap()).await;
    store.close().await;
}
