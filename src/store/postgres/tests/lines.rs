//! The database answers, but refuses or is slow: who waits for it, or behind others for whom it does nothing, is told in time.

use super::database;
use crate::contract::audit::event;
use crate::contract::commits::none_matches;
use crate::contract::{put, tenant, ward};
use crate::{Changes, CommitError, Error, Expect, Store};
use sqlx::Connection;
use std::time::Duration;
use tokio::task::JoinSet;

/// Each alone, so many are tried at a time, for five seconds; more come than are tried while one waits behind others.
const AT_ONCE: usize = 3;
const COUNT: usize = 4 * AT_ONCE;

#[tokio::test]
async fn who_waits_behind_writes_that_are_locked_out_is_told_with_them() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    let mut owner = database.owner().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE medisync_pool.key IN ACCESS EXCLUSIVE MODE").execute(&mut owner).await.unwrap();
    let mut writes = JoinSet::new();
    for number in 0..COUNT {
        let session = ward.session.clone();
        writes.spawn(async move {
            let id = format!("p{number}");
            let puts = vec![put(&*session, "Patient", &id, Expect::Fresh, "", &[])];
            let alone = Changes { puts, guards: vec![none_matches(&id)], ..Changes::default() };
            session.commit(alone).await
        });
    }
    let done = writes.join_all().await;
    owner.close().await.unwrap();
    let is_turned_away = |it: &_| matches!(it, Err(CommitError::Store(Error::Silent)));
    let is_tried = |it: &_| matches!(it, Err(CommitError::Store(Error::Database(_))));
    assert!(done.iter().all(|it| is_turned_away(it) || is_tried(it)), "{done:?}");
    assert!(done.iter().filter(|it| is_turned_away(it)).count() >= AT_ONCE, "{done:?}");
}

/// Events are small: who read something waits for them less long than a write may take.
#[tokio::test]
async fn an_event_that_takes_too_long_is_not_waited_for() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(Duration::from_secs(60)).await;
    let session = store.open(&tenant(&store, "t").await).await.unwrap();
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'; \
                CREATE TRIGGER slow BEFORE INSERT ON medisync_pool.audit_new FOR EACH ROW EXECUTE FUNCTION slow()";
    sqlx::raw_sql(slow).execute(&mut database.owner().await).await.unwrap();
    let told = session.audit(vec![event("e", &[])]).await;
    assert!(matches!(told, Err(Error::OutcomeUnknown)), "{told:?}");
}
