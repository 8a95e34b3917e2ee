//! The ledger's values and the bodies of resources, encrypted by the tenant's data keys.

use super::{Engine, WARD, Ward, clock, put, tenant, ward};
use crate::keys::tests::{keeper, random};
use crate::{
    Branch, Changes, CommitError, Error, Expect, History, Keeper, Key, LedgerChange, LedgerEntry, LedgerStep, Plan,
    Scope, Sealing, Unwrapped,
};
use fhir::primitive::datetime::instant;
use std::sync::Arc;

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
    assert!(ward.store.rotate_data_key(WARD).await.unwrap() > 1);
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

/// A word that stands in bodies only.
const MARKER: &str = "Zwiebelturm";

async fn write(ward: &Ward, of: &str, id: &str, expect: Expect) {
    ward.commit(vec![put(&*ward.session, of, id, expect, MARKER, &[])]).await.unwrap();
}

/// How many bodies a tenant has, and how many of them show what they say.
async fn shown(engine: &dyn Engine, tenant: &str) -> (usize, usize) {
    let bodies = engine.kept_bodies(tenant).await;
    (bodies.len(), bodies.iter().filter(|it| String::from_utf8_lossy(it).contains(MARKER)).count())
}

/// Bodies are kept encrypted, and served as they were written, with the time that they have, whichever way they are read.
pub(crate) async fn bodies_are_encrypted(engine: &dyn Engine) {
    let ward = ward(engine).await;
    write(&ward, "Patient", "a", Expect::Absent).await;
    let committed =
        ward.commit(vec![put(&*ward.session, "Patient", "a", Expect::Version(1), MARKER, &[])]).await.unwrap();
    write(&ward, "Patient", "b", Expect::Absent).await;
    ward.delete("Patient", "b", 1).await;
    assert_eq!(shown(engine, WARD).await, (4, 0));

    let key = Key::new("Patient", "a");
    let read = ward.session.read(&key).await.unwrap().unwrap();
    assert_eq!(read.body, committed.bodies[0]);
    let text = String::from_utf8(read.body.to_vec()).unwrap();
    assert!(text.contains(MARKER) && text.contains(&instant(read.updated * 1000)), "{text}");
    let first = ward.session.read_version(&key, 1).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first.body).contains(&instant(first.updated * 1000)));
    assert!(ward.session.read(&Key::new("Patient", "b")).await.unwrap().unwrap().body.is_empty());
    let many = ward.session.read_many(std::slice::from_ref(&key)).await.unwrap();
    let walked = ward.session.walk(&["Patient".into()], 0, 10).await.unwrap().found;
    let branch = Branch { of: "Patient".into(), filter: Vec::new(), sort: Vec::new() };
    let plan = Plan { branches: vec![branch], after: None, limit: 10 };
    let searched = ward.session.search(&plan).await.unwrap().found;
    for found in [many, walked, searched] {
        assert_eq!(found.iter().map(|it| &it.body).collect::<Vec<_>>(), [&read.body]);
    }
    let history = History { scope: Scope::Instance(key), since: None, at: None, before: None, limit: 10 };
    let versions = ward.session.history(&history).await.unwrap().versions;
    assert_eq!(versions.iter().map(|it| &it.body).collect::<Vec<_>>(), [&read.body, &first.body]);
}

/// Where files alone are, the rest lies open until it is to be encrypted as well; then a pass encrypts what is there.
pub(crate) async fn files_or_all(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.store.set_sealing(WARD, Sealing::Files).await.unwrap();
    ward.store.close().await;
    let ward = super::ward(engine).await;
    write(&ward, "Binary", "a", Expect::Absent).await;
    write(&ward, "Patient", "a", Expect::Absent).await;
    write(&ward, "Patient", "a", Expect::Version(1)).await;
    assert_eq!(shown(engine, WARD).await, (3, 2));
    let before = ward.session.read(&Key::new("Patient", "a")).await.unwrap().unwrap();

    ward.store.set_sealing(WARD, Sealing::All).await.unwrap();
    assert_eq!(ward.store.reseal(WARD, &|_| ()).await.unwrap(), 2);
    assert_eq!(shown(engine, WARD).await, (3, 0));
    let after = ward.session.read(&Key::new("Patient", "a")).await.unwrap().unwrap();
    assert_eq!((after.body, after.version, after.updated), (before.body, before.version, before.updated));
}

/// A new data key encrypts all bodies anew while they are written and read.
pub(crate) async fn bodies_encrypted_anew(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for id in 0..60 {
        write(&ward, "Patient", &format!("p{id}"), Expect::Absent).await;
    }
    let session = ward.session.clone();
    let clinic = tokio::spawn(async move {
        for version in 1..40 {
            let key = Key::new("Patient", format!("p{version}"));
            let next = || vec![put(&*session, "Patient", &key.id, Expect::Version(1), MARKER, &[])];
            // One that was encrypted by the former key is made again.
            while let Err(error) = session.commit(Changes { puts: next(), ..Changes::default() }).await {
                assert!(matches!(error, CommitError::Outdated), "{error}");
            }
            let read = session.read(&key).await.unwrap().unwrap();
            assert!(read.version == 2 && String::from_utf8_lossy(&read.body).contains(MARKER));
        }
    });
    let number = ward.store.rotate_data_key(WARD).await.unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let done = ward.store.reseal(WARD, &|done| told.lock().unwrap().push(done)).await.unwrap();
    let told = told.into_inner().unwrap();
    assert!(done >= 60 && told.last() == Some(&done) && told.is_sorted(), "{done} {told:?}");
    clinic.await.unwrap();
    ward.store.reseal(WARD, &|_| ()).await.unwrap();
    for body in engine.kept_bodies(WARD).await {
        assert_eq!(body.get(6..10), Some(&number.to_be_bytes()[..]), "the data key's number");
    }
    let first = ward.session.read_version(&Key::new("Patient", "p1"), 1).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first.body).contains(MARKER));
}

/// What was changed in the database, or put in the place of another, is not handed out.
pub(crate) async fn damaged(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for id in ["a", "b"] {
        write(&ward, "Patient", id, Expect::Absent).await;
    }
    engine
        .change_bodies(
            WARD,
            "UPDATE resource SET body = (SELECT s.body FROM resource s WHERE s.id = 'b') WHERE id = 'a'",
        )
        .await;
    let error = ward.session.read(&Key::new("Patient", "a")).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { of, version: 1, .. } if of == "Patient"), "{error}");
    let told = error.to_string();
    assert!(ward.session.read(&Key::new("Patient", "b")).await.is_ok());
    let history = History { scope: Scope::System, since: None, at: None, before: None, limit: 10 };
    let error = ward.session.history(&history).await.unwrap_err();
    assert_eq!(error.to_string(), told, "by the same row");
    let walked = ward.session.walk(&["Patient".into()], 0, 10).await.unwrap();
    let ids: Vec<&str> = walked.found.iter().map(|it| it.key.id.as_str()).collect();
    assert_eq!((ids, walked.damaged, walked.is_end), (vec!["b"], 1, true), "a walk passes it by");
    engine.change_bodies(WARD, "UPDATE resource SET version = 2 WHERE id = 'b'").await;
    assert!(matches!(ward.session.read(&Key::new("Patient", "b")).await, Err(Error::Damaged { .. })));
}

/// A copy from before a tenant was erased shows nothing of its bodies to who has the database and the master key.
pub(crate) async fn erased_in_copies(engine: &dyn Engine) {
    let ward = ward(engine).await;
    write(&ward, "Patient", "a", Expect::Absent).await;
    let copy = engine.kept_bodies(WARD).await;
    ward.store.close().await;
    let store = engine.open().await;
    store.destroy_keys(WARD, "because").await.unwrap();
    assert!(store.tenant(WARD).await.unwrap().is_none(), "no key is left to open it by");
    assert!(copy.len() == 1 && !String::from_utf8_lossy(&copy[0]).contains(MARKER));
}

/// Without a master key nothing is encrypted, as the key would lie beside it.
pub(crate) async fn nothing_without_a_master_key(engine: &dyn Engine) {
    let bare = Arc::new(Keeper::new(Arc::new(Unwrapped), random));
    let store = engine.open_with(clock, bare).await;
    let session = store.open(&tenant(&*store, WARD).await).await.unwrap();
    let ward = Ward { store, session };
    write(&ward, "Patient", "a", Expect::Absent).await;
    assert_eq!(shown(engine, WARD).await, (1, 1));
    let refused = ward.store.set_sealing(WARD, Sealing::All).await.unwrap_err();
    assert!(refused.to_string().contains("--master-key"), "{refused}");
}
