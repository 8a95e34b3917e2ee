//! The ledger: entries beside the resources, each used up once.

use super::{Engine, WARD, Ward, clock, is_conflict, one_wins, put, tenant, ward};
use crate::{Changes, CommitError, Committed, Expect, Key, LedgerChange, LedgerStep};
use std::sync::Arc;

const KIND: &str = "code";

fn change(key: &str, step: LedgerStep) -> LedgerChange {
    LedgerChange { kind: KIND, key: key.into(), step }
}

fn insert(key: &str, value: &str, expires: Option<i64>) -> LedgerChange {
    change(key, LedgerStep::Insert { value: value.into(), expires })
}

fn replace(key: &str, version: i64, value: &str) -> LedgerChange {
    change(key, LedgerStep::Replace { version, value: value.into(), expires: None })
}

fn delete(key: &str, version: i64) -> LedgerChange {
    change(key, LedgerStep::Delete { version })
}

async fn write(ward: &Ward, ledger: Vec<LedgerChange>) -> Result<Committed, CommitError> {
    ward.session.commit(Changes { ledger, ..Changes::default() }).await
}

/// The version that an entry has now.
async fn version(ward: &Ward, key: &str) -> i64 {
    value(ward, key).await.map(|it| it.0).unwrap()
}

async fn value(ward: &Ward, key: &str) -> Option<(i64, String)> {
    ward.session.entry(KIND, key).await.unwrap().map(|it| (it.version, it.value))
}

/// An entry is what the last change made it, and a change that builds on an older one is a conflict.
pub(crate) async fn entries_change(engine: &dyn Engine) {
    let ward = ward(engine).await;
    assert_eq!(value(&ward, "a").await, None);
    write(&ward, vec![insert("a", "1", None)]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![insert("a", "2", None)]).await));
    let first = version(&ward, "a").await;
    write(&ward, vec![replace("a", first, "3")]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![replace("a", first, "4")]).await));
    let (second, said) = value(&ward, "a").await.unwrap();
    assert_eq!(said, "3");
    assert!(is_conflict(&write(&ward, vec![delete("a", first)]).await));
    write(&ward, vec![delete("a", second)]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![replace("a", second, "5")]).await));
    assert_eq!(value(&ward, "a").await, None);
}

/// A commit's changes of the ledger and of resources happen together or not at all.
pub(crate) async fn entries_with_resources(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let both = |ledger| Changes {
        puts: vec![put(&*ward.session, "Patient", "p", Expect::Absent, "", &[])],
        ledger,
        ..Changes::default()
    };
    let failed = ward.session.commit(both(vec![insert("a", "1", None), delete("b", 1)])).await;
    assert!(is_conflict(&failed));
    let patient = Key::new("Patient", "p");
    assert!(value(&ward, "a").await.is_none() && ward.session.read(&patient).await.unwrap().is_none());
    ward.session.commit(both(vec![insert("a", "1", None)])).await.unwrap();
    assert!(value(&ward, "a").await.is_some() && ward.session.read(&patient).await.unwrap().is_some());
    let failed = ward.session.commit(both(vec![insert("b", "1", None)])).await;
    assert!(is_conflict(&failed) && value(&ward, "b").await.is_none());
}

/// What has expired is gone, and its key can be taken again.
pub(crate) async fn entries_expire(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let future = Some(i64::MAX);
    write(&ward, vec![insert("old", "1", Some(1)), insert("new", "1", future)]).await.unwrap();
    assert_eq!(value(&ward, "old").await, None);
    assert!(value(&ward, "new").await.is_some());
    write(&ward, vec![insert("old", "2", future)]).await.unwrap();
    assert_eq!(value(&ward, "old").await.map(|it| it.1), Some("2".into()));
}

/// Whoever writes, by whatever clock: an entry is there until the time that it says.
pub(crate) async fn entries_outlive_a_clock_ahead(engine: &dyn Engine) {
    const HOUR: i64 = 3_600_000;
    let ahead = engine.open_at(|| clock() + HOUR).await;
    let session = ahead.open(&tenant(&*ahead, WARD).await).await.unwrap();
    let first = put(&*session, "Patient", "p", Expect::Absent, "", &[]);
    session.commit(Changes { puts: vec![first], ..Changes::default() }).await.unwrap();
    ahead.close().await;
    let ward = ward(engine).await;
    // A version is never from before its predecessor.
    ward.update("Patient", "p", 1, &[]).await;
    write(&ward, vec![insert("a", "1", Some(clock() + HOUR / 2))]).await.unwrap();
    write(&ward, vec![insert("b", "1", None)]).await.unwrap();
    assert!(value(&ward, "a").await.is_some(), "it was swept away");
    assert!(is_conflict(&write(&ward, vec![insert("a", "2", None)]).await), "it was taken for expired");
}

/// Whoever knows an entry that is gone cannot change one that was made in its place.
pub(crate) async fn entries_made_again(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        write(&ward, vec![insert("a", "1", None)]).await.unwrap();
        seen.push(version(&ward, "a").await);
        write(&ward, vec![replace("a", version(&ward, "a").await, "2")]).await.unwrap();
        seen.push(version(&ward, "a").await);
        write(&ward, vec![delete("a", version(&ward, "a").await)]).await.unwrap();
    }
    write(&ward, vec![insert("a", "old", Some(1))]).await.unwrap();
    write(&ward, vec![insert("a", "1", None)]).await.unwrap();
    for former in seen {
        assert!(is_conflict(&write(&ward, vec![replace("a", former, "3")]).await));
        assert!(is_conflict(&write(&ward, vec![delete("a", former)]).await));
    }
}

/// A kind's entries come by key, a part at a time.
pub(crate) async fn entries_are_listed(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let other = LedgerChange { kind: "other", ..insert("b", "0", None) };
    let all = vec![insert("c", "3", None), insert("a", "1", None), insert("b", "2", None), other];
    write(&ward, all).await.unwrap();
    write(&ward, vec![insert("d", "4", Some(1))]).await.unwrap();
    let keys = async |after: &str, limit| {
        let found = ward.session.entries(KIND, after, limit).await.unwrap();
        found.into_iter().map(|it| it.key).collect::<Vec<_>>()
    };
    assert_eq!(keys("", 10).await, ["a", "b", "c"]);
    assert_eq!(keys("a", 1).await, ["b"]);
}

/// Of many that use one entry up, one does.
pub(crate) async fn one_uses_an_entry_up(engine: &dyn Engine) {
    let ward = ward(engine).await;
    write(&ward, vec![insert("code", "1", None)]).await.unwrap();
    let version = version(&ward, "code").await;
    let racers: Vec<_> = (0..20)
        .map(|i| {
            let session = Arc::clone(&ward.session);
            let step = if i % 2 == 0 { delete("code", version) } else { replace("code", version, "used") };
            tokio::spawn(async move { session.commit(Changes { ledger: vec![step], ..Changes::default() }).await })
        })
        .collect();
    one_wins(racers).await;
}

/// An entry is one tenant's.
pub(crate) async fn entries_of_two_tenants(engine: &dyn Engine) {
    let ward = ward(engine).await;
    write(&ward, vec![insert("a", "1", None)]).await.unwrap();
    let other = ward.store.open(&tenant(&*ward.store, "other").await).await.unwrap();
    assert!(other.entry(KIND, "a").await.unwrap().is_none());
    assert!(other.entries(KIND, "", 10).await.unwrap().is_empty());
    let theirs = Changes { ledger: vec![delete("a", version(&ward, "a").await)], ..Changes::default() };
    assert!(is_conflict(&other.commit(theirs).await));
    assert!(value(&ward, "a").await.is_some());
}
