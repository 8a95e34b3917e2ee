//! Tenants never meet; what is written outlives the store that wrote it.

use super::filters::plan;
use super::model::Entry;
use super::{Engine, put, secrets, tenant, ward};
use crate::{CommitError, Error, Expect, History, Key, Scope};
use fhir::search::{Clause, ParamId, Test, TokenTest};
use std::sync::Arc;
use std::time::Duration;

/// The same ids, the same values, the same digests: each tenant has its own.
pub(crate) async fn never_meet(engine: &dyn Engine) {
    let store = engine.open().await;
    let code = ParamId::of("Patient", "code");
    let mut sessions = Vec::new();
    for name in ["north", "south"] {
        let session = store.open(&tenant(&*store, name).await).await.unwrap();
        let entries = [Entry::Token(code, None, "x")];
        let puts = vec![put(&*session, "Patient", "p", Expect::Absent, name, &entries)];
        session.commit(crate::Changes { puts, content: Some([1; 16]), ..Default::default() }).await.unwrap();
        let puts = vec![put(&*session, "Patient", name, Expect::Absent, name, &entries)];
        session.commit(crate::Changes { puts, ..Default::default() }).await.unwrap();
        sessions.push((name, session));
    }
    let by_code = vec![Clause::Any(vec![Test::Token(code, TokenTest::Code("x".into()))])];
    for (i, (name, session)) in sessions.iter().enumerate() {
        let other = sessions[1 - i].0;
        let said = |body: &[u8]| String::from_utf8_lossy(body).contains(&format!("\"note\":\"{name}\""));
        assert!(said(&session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().body));
        let others = Key::new("Patient", other);
        assert!(session.read(&others).await.unwrap().is_none());
        assert!(session.read_version(&others, 1).await.unwrap().is_none());
        assert!(session.read_many(&[others]).await.unwrap().is_empty());
        for filter in [Vec::new(), by_code.clone()] {
            let plan = plan("Patient", filter, Vec::new(), 10);
            let found = session.search(&plan).await.unwrap().found;
            assert!(found.len() == 2 && found.iter().all(|it| said(&it.body)));
            assert_eq!(session.count(&plan).await.unwrap(), 2);
        }
        let history = History { scope: Scope::System, since: None, at: None, before: None, limit: 10 };
        let history = session.history(&history).await.unwrap();
        assert!(history.total == 2 && history.versions.iter().all(|it| said(&it.body)));
    }
}

pub(crate) async fn names(engine: &dyn Engine) {
    let store = engine.open().await;
    assert!(store.tenant("north").await.unwrap().is_none());
    for name in ["north", "a-1"] {
        assert!(store.create_tenant(name, secrets(name), 5).await.unwrap().is_some());
    }
    assert!(store.create_tenant("north", secrets("other"), 6).await.unwrap().is_none(), "the name is taken");
    let north = store.tenant("north").await.unwrap().unwrap();
    assert_eq!((north.name(), north.secrets() == &secrets("north")), ("north", true));
    assert_eq!(store.tenants().await.unwrap(), ["a-1", "north"]);
    for name in ["", "../x", "a/b", "North", "a b", ".", "-a", "ä", &"a".repeat(64)] {
        let refused = store.create_tenant(name, secrets(name), 5).await;
        assert!(matches!(refused, Err(Error::TenantName)), "{name}");
        assert!(store.tenant(name).await.unwrap().is_none());
    }
}

pub(crate) async fn survive_reopening(engine: &dyn Engine) {
    let before = ward(engine).await;
    before.create("Patient", "a", &[]).await;
    before.update("Patient", "a", 1, &[]).await;
    before.create("Patient", "b", &[]).await;
    let last = before.session.read(&Key::new("Patient", "b")).await.unwrap().unwrap();
    before.store.close().await;

    let after = ward(engine).await;
    assert_eq!(after.store.tenants().await.unwrap(), [super::WARD]);
    let read = after.session.read(&Key::new("Patient", "a")).await.unwrap().unwrap();
    assert_eq!(read.version, 2);
    assert!(after.session.read_version(&Key::new("Patient", "a"), 1).await.unwrap().is_some());
    after.create("Patient", "c", &[]).await;
    let found = after.session.search(&plan("Patient", Vec::new(), Vec::new(), 5)).await.unwrap().found;
    let found: Vec<&str> = found.iter().map(|it| it.key.id.as_str()).collect();
    assert_eq!(found, ["a", "b", "c"]);
    let new = after.session.read(&Key::new("Patient", "c")).await.unwrap().unwrap();
    assert!(new.updated > last.updated);
}

/// Each commit under way when the store closes is either written or refused, and its answer says which.
pub(crate) async fn closing_finishes_writes(engine: &dyn Engine) {
    let before = ward(engine).await;
    let commits: Vec<_> = (0..300)
        .map(|i| {
            let session = Arc::clone(&before.session);
            tokio::spawn(async move {
                let puts = vec![put(&*session, "Patient", &format!("p{i}"), Expect::Absent, "", &[])];
                session.commit(crate::Changes { puts, ..Default::default() }).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(2)).await;
    before.store.close().await;
    let mut written = Vec::new();
    for (i, commit) in commits.into_iter().enumerate() {
        match commit.await.unwrap() {
            Ok(_) => written.push(format!("p{i}")),
            Err(CommitError::Store(Error::Closed)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let closed = before.session.read(&Key::new("Patient", "p0")).await;
    assert!(matches!(closed, Err(Error::Closed)), "{closed:?}");
    let after = ward(engine).await;
    let mut found: Vec<String> = {
        let all = plan("Patient", Vec::new(), Vec::new(), 500);
        after.session.search(&all).await.unwrap().found.into_iter().map(|it| it.key.id).collect()
    };
    found.sort();
    written.sort();
    assert_eq!(found, written);
}

/// A caller that goes away harms nobody: its change is written whole or not at all, and the next one is.
pub(crate) async fn abandoned_commits(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for i in 0..20 {
        let pair = ["a", "b"].map(|it| put(&*ward.session, "Patient", &format!("{it}{i}"), Expect::Absent, "", &[]));
        let _ = tokio::time::timeout(Duration::from_micros(i * 20), ward.commit(pair.into())).await;
    }
    ward.create("Patient", "last", &[]).await;
    for i in 0..20 {
        let [a, b] = ["a", "b"].map(|it| Key::new("Patient", format!("{it}{i}")));
        let both = (ward.session.read(&a).await.unwrap(), ward.session.read(&b).await.unwrap());
        assert_eq!(both.0.is_some(), both.1.is_some());
    }
}
