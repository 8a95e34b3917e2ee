//! The database does not answer: who waits behind others whom it does not answer is told so with them, and nothing of it is written.

use super::{Database, database};
use crate::contract::audit::event;
use crate::contract::{put, tenant};
use crate::{Changes, Error, Expect, Key, Result, Session, Store};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};

/// More than are written at the same time, of which there are so many at the most.
const COUNT: usize = 8;
const AT_ONCE: usize = 3;

type Done = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Writes one after the other while no connection is to be had, until somebody is told so. What became of each, and the tenant.
async fn written_in_silence(
    database: &Database,
    write: fn(Arc<dyn Session>, usize) -> Done,
) -> (Vec<(usize, Result<()>)>, Arc<dyn Session>) {
    // Of three connections one is for writes.
    let store = database.store_with(Duration::from_secs(20), 3).await;
    let tenant = tenant(&store, "t").await;
    let session = store.open(&tenant).await.unwrap();
    // What is heard, and the first write, have the directory asked: who does that comes later than those behind.
    store.homes.stop_listening();
    let first = vec![put(&*session, "Patient", "first", Expect::Absent, "", &[])];
    session.commit(Changes { puts: first, ..Changes::default() }).await.unwrap();
    let records = store.homes.records(&store.homes.of(&tenant.name)).await.unwrap();
    let taken = records.place.writes.take().await.unwrap();
    let mut writes = JoinSet::new();
    for number in 0..COUNT {
        let write = write(session.clone(), number);
        writes.spawn(async move { (number, write.await) });
        // It is on its way before the next one comes.
        for _ in 0..100 {
            yield_now().await;
        }
    }
    let first = writes.join_next().await.unwrap().unwrap();
    taken.give_back();
    let mut all = writes.join_all().await;
    all.push(first);
    for (number, done) in all.iter().filter(|(number, _)| *number >= AT_ONCE) {
        assert!(matches!(done, Err(Error::Silent)), "{number}: {done:?}");
    }
    (all, session)
}

#[tokio::test]
async fn who_waits_to_write_is_told_with_who_waited_in_vain() {
    let Some(database) = database(1000).await else { return };
    let write = |session: Arc<dyn Session>, number: usize| -> Done {
        Box::pin(async move {
            let puts = vec![put(&*session, "Patient", &format!("p{number}"), Expect::Absent, "", &[])];
            Ok(session.commit(Changes { puts, ..Changes::default() }).await.map(drop)?)
        })
    };
    let (all, session) = written_in_silence(&database, write).await;
    for (number, done) in all {
        let kept = session.read(&Key::new("Patient", format!("p{number}"))).await.unwrap();
        assert_eq!(kept.is_some(), done.is_ok(), "{number}: {done:?}");
    }
}

#[tokio::test]
async fn whose_event_waits_is_told_with_who_waited_in_vain() {
    let Some(database) = database(1000).await else { return };
    let write = |session: Arc<dyn Session>, number: usize| -> Done {
        Box::pin(async move { session.audit(vec![event(&number.to_string(), &[])]).await })
    };
    written_in_silence(&database, write).await;
}
