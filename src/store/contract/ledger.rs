//! The ledger: entries beside the resources, each used up once.

use super::{Engine, Ward, is_conflict, one_wins, put, tenant, ward};
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

async fn value(ward: &Ward, key: &str) -> Option<(i64, String)> {
    ward.session.entry(KIND, key).await.unwrap().map(|it| (it.version, it.value))
}

/// An entry is what the last change made it, and a change that builds on an older one is a conflict.
pub(crate) async fn entries_change(engine: &dyn Engine) {
    let ward = ward(engine).await;
    assert_eq!(value(&ward, "a").await, None);
    write(&ward, vec![insert("a", "1", None)]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![insert("a", "2", None)]).await));
    write(&ward, vec![replace("a", 1, "3")]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![replace("a", 1, "4")]).await));
    assert_eq!(value(&ward, "a").await, Some((2, "3".into())));
    assert!(is_conflict(&write(&ward, vec![delete("a", 1)]).await));
    write(&ward, vec![delete("a", 2)]).await.unwrap();
    assert!(is_conflict(&write(&ward, vec![replace("a", 2, "5")]).await));
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
    let racers: Vec<_> = (0..20)
        .map(|i| {
            let session = Arc::clone(&ward.session);
            let step = if i % 2 == 0 { delete("code", 1) } else { replace("code", 1, "used") };
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
    let theirs = Changes { ledger: vec![delete("a", 1)], ..Changes::default() };
    assert!(is_conflict(&other.commit(theirs).await));
    assert!(value(&ward, "a").await.is_some());
}
