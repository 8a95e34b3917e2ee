//! Erasing tenants.

use super::{Engine, Ward, put, secrets, tenant, ward};
use crate::{Changes, Counted, Erased, Expect, Key, LedgerChange, LedgerStep};

async fn filled(engine: &dyn Engine) -> Ward {
    let ward = ward(engine).await;
    for id in ["a", "b", "c"] {
        ward.create("Patient", id, &[]).await;
    }
    ward.update("Patient", "a", 1, &[]).await;
    ward.delete("Patient", "b", 1).await;
    ward.create("Observation", "o", &[]).await;
    let step = LedgerStep::Insert { value: "{}".into(), expires: None };
    let ledger = vec![LedgerChange { kind: "account", key: "x".into(), step }];
    ward.session.commit(Changes { ledger, ..Changes::default() }).await.unwrap();
    ward
}

/// A census counts what there is by type, and tells of the keys without opening any.
pub(crate) async fn counted(engine: &dyn Engine) {
    let ward = filled(engine).await;
    let census = ward.store.census(super::WARD).await.unwrap().unwrap();
    let of = |of: &str, current, versions| Counted { of: of.into(), current, versions };
    assert_eq!(census.types, [of("Observation", 1, 1), of("Patient", 2, 5)]);
    assert_eq!((census.ledger, census.wrapped_by.as_deref(), &*census.data_keys), (1, Some("test"), &[1][..]));
    assert_eq!(census.keys.len(), 64);
    assert!(ward.store.census("nobody").await.unwrap().is_none());
}

/// What is erased is gone for whoever opens the store, its name is nobody's, and others keep what is theirs.
pub(crate) async fn erased(engine: &dyn Engine) {
    let ward = filled(engine).await;
    let other = ward.store.open(&tenant(&*ward.store, "other").await).await.unwrap();
    let puts = vec![put(&*other, "Patient", "a", Expect::Absent, "", &[])];
    other.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    ward.store.close().await;

    let store = engine.open().await;
    store.destroy_keys(super::WARD, "because").await.unwrap();
    let listed = |certificate: Option<&str>| {
        vec![Erased { name: super::WARD.into(), record: "because".into(), certificate: certificate.map(Into::into) }]
    };
    assert_eq!(store.erased().await.unwrap(), listed(None));
    assert!(store.tenant(super::WARD).await.unwrap().is_none());
    // Twice, as after an interruption.
    store.clear(super::WARD).await.unwrap();
    store.clear(super::WARD).await.unwrap();
    store.certify(super::WARD, "signed").await.unwrap();
    assert_eq!(store.erased().await.unwrap(), listed(Some("signed")));
    assert!(store.create_tenant(super::WARD, secrets(super::WARD), 0).await.unwrap().is_none(), "the name is taken");
    assert_eq!(store.tenants().await.unwrap(), ["other"]);
    let other = store.open(&tenant(&*store, "other").await).await.unwrap();
    assert!(other.read(&Key::new("Patient", "a")).await.unwrap().is_some());
}

/// The key that signs what the operator hands out is made once.
pub(crate) async fn signing_key(engine: &dyn Engine) {
    let store = engine.open().await;
    assert_eq!(store.signing_key(b"first").await.unwrap(), b"first");
    assert_eq!(store.signing_key(b"second").await.unwrap(), b"first");
    store.close().await;
    assert_eq!(engine.open().await.signing_key(b"third").await.unwrap(), b"first");
}
