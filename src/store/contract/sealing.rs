//! The ledger's values, encrypted by the tenant's data keys.

use super::{Engine, WARD, Ward, clock, ward};
use crate::keys::tests::keeper;
use crate::{Changes, LedgerChange, LedgerEntry, LedgerStep};

const SECRET: &str = r#"{"secret":"JBSWY3DPEHPK3PXP"}"#;

async fn keep(ward: &Ward, key: &str, step: LedgerStep) {
    let ledger = vec![LedgerChange { kind: "factor", key: key.into(), step }];
    ward.session.commit(Changes { ledger, ..Changes::default() }).await.unwrap();
}

async fn insert(ward: &Ward, key: &str) {
    keep(ward, key, LedgerStep::Insert { value: SECRET.into(), expires: None }).await;
}

async fn found(ward: &Ward, key: &str) -> LedgerEntry {
    ward.session.entry("factor", key).await.unwrap().unwrap()
}

/// What is kept shows nothing of the values; what is read is what was written.
pub(crate) async fn values_are_encrypted(engine: &dyn Engine) {
    let ward = ward(engine).await;
    insert(&ward, "a").await;
    insert(&ward, "b").await;
    let version = found(&ward, "b").await.version;
    keep(&ward, "b", LedgerStep::Replace { version, value: SECRET.into(), expires: None }).await;
    let kept = engine.kept_values(WARD).await;
    assert!(kept.len() == 2 && kept[0] != kept[1], "{kept:?}");
    assert!(kept.iter().all(|it| it.starts_with('~') && !it.contains("JBSWY3DPEHPK3PXP")), "{kept:?}");
    assert_eq!(found(&ward, "a").await.value, SECRET);
    let all = ward.session.entries("factor", "", 10).await.unwrap();
    assert_eq!(all.iter().map(|it| it.value.as_str()).collect::<Vec<_>>(), [SECRET, SECRET]);
}

/// A new data key encrypts what is written from then on, at once on the node that made it, and in the end all: entries keep their versions.
pub(crate) async fn encrypted_anew(engine: &dyn Engine) {
    let ward = ward(engine).await;
    insert(&ward, "a").await;
    let before = (found(&ward, "a").await, engine.kept_values(WARD).await);
    assert_eq!(ward.store.rotate_data_key(WARD).await.unwrap(), 2);
    assert_eq!(found(&ward, "a").await, before.0, "by the former key");
    assert_eq!(ward.store.reseal(WARD, &|_| ()).await.unwrap(), 1);
    assert_ne!(engine.kept_values(WARD).await, before.1);
    assert_eq!(found(&ward, "a").await, before.0);
    assert_eq!(ward.store.reseal(WARD, &|_| ()).await.unwrap(), 0);
}

/// A key that somebody else made is found when something is encrypted by it.
pub(crate) async fn keys_changed_elsewhere(engine: &dyn Engine) {
    let ward = ward(engine).await;
    insert(&ward, "a").await;
    let other = engine.open_with(clock, keeper()).await;
    other.rotate_data_key(WARD).await.unwrap();
    assert_eq!(other.reseal(WARD, &|_| ()).await.unwrap(), 1);
    assert_eq!(found(&ward, "a").await.value, SECRET);
}

/// A tenant of a version that wrapped no keys has no data key: its values are as they were, until it gets one.
pub(crate) async fn bare_tenants_are_not(engine: &dyn Engine) {
    let before = ward(engine).await;
    before.store.close().await;
    engine.bare_keys().await;
    let bare = ward(engine).await;
    insert(&bare, "a").await;
    assert_eq!(engine.kept_values(WARD).await, [SECRET]);
    assert_eq!(found(&bare, "a").await.value, SECRET);
    bare.store.rotate_data_key(WARD).await.unwrap();
    assert_eq!(bare.store.reseal(WARD, &|_| ()).await.unwrap(), 1);
    assert_eq!(found(&bare, "a").await.value, SECRET);
}
