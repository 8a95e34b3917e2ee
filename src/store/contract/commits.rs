//! Commits: all or nothing, one winner, and time that rises.

use super::{Engine, delete, is_conflict, one_wins, put, ward};
use crate::{Changes, CommitError, Expect, Guard, Key};
use fhir::search::{Clause, ParamId, Test, TokenTest};
use std::sync::Arc;

pub(crate) fn code() -> ParamId {
    ParamId::of("Patient", "identifier")
}

fn has_code(value: &str) -> Vec<Clause> {
    vec![Clause::Any(vec![Test::Token(code(), TokenTest::Code(value.into()))])]
}

pub(crate) fn none_matches(value: &str) -> Guard {
    Guard::Matches { of: "Patient".into(), filter: has_code(value), ids: Vec::new() }
}

/// A hundred conditional creates with the same criteria make one resource (http.html#ccreate).
pub(crate) async fn one_of_many_racers_wins(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let racers = (0..100).map(|i| {
        let session = Arc::clone(&ward.session);
        tokio::spawn(async move {
            let entries = [super::Entry::Token(code(), None, "same")];
            let puts = vec![put(&*session, "Patient", &format!("p{i}"), Expect::Fresh, "", &entries)];
            session.commit(Changes { puts, guards: vec![none_matches("same")], ..Changes::default() }).await
        })
    });
    let racers: Vec<_> = racers.collect();
    one_wins(racers).await;
}

/// One conflict among several puts, and nothing of that change is written; its neighbours are.
pub(crate) async fn all_or_nothing(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "there", &[]).await;
    let absent = |id: &str| put(&*ward.session, "Patient", id, Expect::Absent, "", &[]);
    let (before, broken, after) = tokio::join!(
        ward.commit(vec![absent("before")]),
        ward.commit(vec![absent("x"), absent("there"), absent("y")]),
        ward.commit(vec![absent("after"), delete(&*ward.session, "Patient", "there", 1)]),
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(is_conflict(&broken));
    for (id, is_there) in [("before", true), ("x", false), ("y", false), ("after", true), ("there", true)] {
        assert_eq!(ward.session.read(&Key::new("Patient", id)).await.unwrap().is_some(), is_there, "{id}");
    }
    let guarded = Changes {
        puts: vec![absent("z")],
        guards: vec![Guard::Matches { of: "Patient".into(), filter: Vec::new(), ids: vec!["before".into()] }],
        content: Some([9; 16]),
        ..Changes::default()
    };
    assert!(is_conflict(&ward.session.commit(guarded).await));
    assert!(ward.session.read(&Key::new("Patient", "z")).await.unwrap().is_none());
    assert!(!ward.session.loaded(&[9; 16]).await.unwrap());
}

pub(crate) async fn content_once(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let load = |id: &str| Changes {
        puts: vec![put(&*ward.session, "Patient", id, Expect::Absent, "", &[])],
        content: Some([3; 16]),
        ..Changes::default()
    };
    assert!(!ward.session.loaded(&[3; 16]).await.unwrap());
    let (a, b) = tokio::join!(ward.session.commit(load("a")), ward.session.commit(load("b")));
    let (loaded, other) = if a.is_ok() { ("a", b) } else { ("b", a) };
    assert!(matches!(other, Err(CommitError::LoadedBefore)), "{other:?}");
    assert!(matches!(ward.session.commit(load("c")).await, Err(CommitError::LoadedBefore)));
    assert!(ward.session.loaded(&[3; 16]).await.unwrap());
    assert!(!ward.session.loaded(&[4; 16]).await.unwrap());
    for id in ["a", "b", "c"] {
        assert_eq!(ward.session.read(&Key::new("Patient", id)).await.unwrap().is_some(), id == loaded);
    }
}

/// `meta.lastUpdated` is the time of the commit, and a later commit has a later one.
pub(crate) async fn time_rises_with_commits(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let mut last = String::new();
    for i in 0..20 {
        let done = ward.commit(vec![
            put(&*ward.session, "Patient", &format!("a{i}"), Expect::Absent, "", &[]),
            put(&*ward.session, "Patient", &format!("b{i}"), Expect::Absent, "", &[]),
        ]);
        let done = done.await.unwrap();
        let stamp = fhir::primitive::datetime::instant(done.updated * 1000);
        for body in &done.bodies {
            let body = std::str::from_utf8(body).unwrap();
            assert!(body.contains(&format!("\"lastUpdated\":\"{stamp}\"")), "{body} {stamp}");
        }
        assert!(stamp > last, "{stamp} after {last}");
        assert_eq!(
            ward.session.read(&Key::new("Patient", format!("a{i}"))).await.unwrap().unwrap().updated,
            done.updated
        );
        last = stamp;
    }
}

/// What others wrote or took away counts for a guard.
pub(crate) async fn guards_see_what_came_before(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "old", &[super::Entry::Token(code(), None, "one")]).await;
    let change = |puts, value| Changes { puts, guards: vec![none_matches(value)], ..Changes::default() };
    let moved =
        put(&*ward.session, "Patient", "old", Expect::Version(1), "", &[super::Entry::Token(code(), None, "two")]);
    let fresh = |id: &str, value| {
        put(&*ward.session, "Patient", id, Expect::Fresh, "", &[super::Entry::Token(code(), None, value)])
    };
    assert!(ward.session.commit(change(vec![moved], "two")).await.is_ok());
    assert!(ward.session.commit(change(vec![fresh("x", "one")], "one")).await.is_ok());
    assert!(is_conflict(&ward.session.commit(change(vec![fresh("y", "two")], "two")).await));
    let matches = Guard::Matches { of: "Patient".into(), filter: has_code("two"), ids: vec!["old".into()] };
    let updated = vec![delete(&*ward.session, "Patient", "old", 2)];
    assert!(ward.session.commit(Changes { puts: updated, guards: vec![matches], ..Changes::default() }).await.is_ok());
}

/// Guards alone may be asked for.
pub(crate) async fn an_empty_change(engine: &dyn Engine) {
    let ward = ward(engine).await;
    assert!(ward.commit(Vec::new()).await.unwrap().bodies.is_empty());
    let guard = Changes { guards: vec![none_matches("x")], ..Changes::default() };
    assert!(ward.session.commit(guard).await.is_ok());
}
