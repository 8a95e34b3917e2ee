//! Whoever writes into the tables of a log, or holds its lock, keeps nobody else's events from being chained, and is found out.

use super::audit::{LONG, faults, run, written};
use super::{Database, PostgresSettings, database, until};
use crate::audit::figures::audit_figures;
use crate::contract::audit::{chained, event};
use crate::contract::{WARD, Ward, clock, tenant, ward};
use crate::postgres::audit::CHAINER;
use crate::{AuditFault, AuditQuery, AuditVerdict, Store};
use sqlx::PgConnection;
use std::sync::Arc;

/// Waits until the chain has so many events.
async fn grown(ward: &Ward, events: i64) -> AuditVerdict {
    let mut last = None;
    until(&format!("the chain grows to {events} events"), async || {
        let verdict = last.insert(ward.session.verify_audit(&|_, _| ()).await.unwrap());
        verdict.head.events >= events
    })
    .await;
    last.expect("it was looked at")
}

async fn ids(ward: &Ward) -> Vec<String> {
    let query = AuditQuery { limit: 10_000, ..AuditQuery::default() };
    ward.session.audited(&query).await.unwrap().entries.into_iter().map(|it| it.id).collect()
}

#[tokio::test]
async fn rows_that_are_not_what_was_written_keep_no_others_from_the_chain() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 1).await;
    let mut owner = database.owner().await;
    // More than are looked at together, before all others and behind; hashes that have the wrong length among them.
    let bad = "INSERT INTO audit_new SELECT 1, g, decode(repeat('00', 32), 'hex'), 'x' FROM generate_series(1, 1500) g; \
               INSERT INTO audit_new SELECT 1, 9223372036854775000 + g, '', '' FROM generate_series(1, 5) g";
    run(&mut owner, bad).await;
    let untrue = audit_figures()[3].1;
    ward.session.audit(vec![event("good", &["p"])]).await.unwrap();
    let verdict = grown(&ward, 2).await;
    assert!(verdict.faults.contains(&AuditFault::Waiting(9_223_372_036_854_775_001)), "{:?}", verdict.faults.first());
    assert!(audit_figures()[3].1 > untrue, "it is counted");
    assert!(ids(&ward).await.contains(&"good".to_owned()));
}

/// Whoever serves may insert: a row behind all that there can be is none to go on from.
#[tokio::test]
async fn a_row_at_the_end_of_all_numbers_does_not_end_the_chain() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 2).await;
    let mut owner = database.owner().await;
    let last = "INSERT INTO audit_row SELECT 1, 9223372036854775807, 9223372036854775807, 0, 0, 0, '', ''";
    run(&mut owner, last).await;
    ward.session.audit(vec![event("behind", &["p"])]).await.unwrap();
    let rows = "SELECT count(*) FROM medisync_pool.audit_row WHERE number = 3";
    until("it is chained", async || sqlx::query_scalar::<_, i64>(rows).fetch_one(&mut owner).await.unwrap() == 1).await;
    assert_eq!(faults(&ward).await, [AuditFault::Missing(4, i64::MAX - 1)]);
}

#[tokio::test]
async fn what_is_put_back_after_it_was_chained_is_found() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 1).await;
    let mut owner = database.owner().await;
    hold(&mut owner).await;
    ward.session.audit(vec![event("one", &["p"]), event("two", &["p"])]).await.unwrap();
    run(&mut owner, "CREATE TABLE public.kept AS SELECT * FROM audit_new").await;
    let place: i64 = sqlx::query_scalar("SELECT place FROM public.kept").fetch_one(&mut owner).await.unwrap();
    free(&mut owner).await;
    grown(&ward, 3).await;
    run(&mut owner, "INSERT INTO audit_new SELECT * FROM public.kept").await;
    ward.session.audit(vec![event("after", &["p"])]).await.unwrap();
    let verdict = grown(&ward, 6).await;
    assert!(verdict.faults.contains(&AuditFault::Twice(place)), "{:?}", verdict.faults);
    assert_eq!(verdict.faults.len(), 2, "{:?}", verdict.faults);
}

async fn hold(owner: &mut PgConnection) {
    run(owner, &format!("SELECT pg_advisory_lock({CHAINER}, 1)")).await;
}

async fn free(owner: &mut PgConnection) {
    run(owner, &format!("SELECT pg_advisory_unlock({CHAINER}, 1)")).await;
}

/// The same log, two minutes later.
async fn later(database: &Database) -> Ward {
    let settings = PostgresSettings { clock: || clock() + 120_000, ..database.settings(LONG) };
    let store = database.open_store(settings).await;
    let session = store.open(&tenant(&store, WARD).await).await.unwrap();
    Ward { store: Arc::new(store), session }
}

#[tokio::test]
async fn a_lock_that_is_held_is_told_of() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    ward.session.audit(vec![event("first", &["p"])]).await.unwrap();
    chained(&*ward.session).await;
    let (mut owner, missed) = (database.owner().await, audit_figures()[1].1);
    hold(&mut owner).await;
    ward.session.audit(vec![event("kept", &["p"])]).await.unwrap();
    assert_eq!(faults(&ward).await, [], "it may be chained yet");
    let found = faults(&later(&database).await).await;
    assert!(matches!(found.as_slice(), [AuditFault::Late(_)]), "{found:?}");
    until("it is counted", async || audit_figures()[1].1 > missed).await;
    free(&mut owner).await;
    assert_eq!(grown(&ward, 2).await.faults, []);
}

/// A row that was changed is sealed alone, and what is behind it becomes blocks as if nothing were.
#[tokio::test]
async fn a_changed_row_keeps_no_others_from_being_sealed() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 3).await;
    let mut owner = database.owner().await;
    run(&mut owner, "UPDATE audit_row SET body = set_byte(body, 9, get_byte(body, 9) # 1) WHERE number = 2").await;
    ward.session.audit((0..2500).map(|i| event(&format!("many-{i}"), &["p"])).collect()).await.unwrap();
    grown(&ward, 2503).await;
    let blocks: Vec<(i64, i64)> = sqlx::query_as("SELECT number, last FROM medisync_pool.audit_block ORDER BY number")
        .fetch_all(&mut owner)
        .await
        .unwrap();
    assert_eq!(blocks, [(1, 1), (2, 2), (3, 4)]);
    assert_eq!(faults(&ward).await, [AuditFault::Block(2, 2)]);
    let found = ids(&ward).await;
    assert!(found.iter().any(|it| it == "0") && found.iter().any(|it| it == "2"));
    // What is not what was written outlives the time for which it is kept.
    assert!(ward.session.drop_audit(i64::MAX).await.unwrap() > 2500);
    assert_eq!(faults(&ward).await, [AuditFault::Block(2, 2)]);
}
