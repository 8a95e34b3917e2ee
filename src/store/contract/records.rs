//! Single resources: what is written can be read, and only what was expected is overwritten.

use super::model::Entry;
use super::{Engine, delete, is_conflict, put, ward};
use crate::{Branch, Expect, Key, Method, Plan};
use fhir::search::{Clause, ParamId, Test};

pub(crate) async fn reads(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let key = Key::new("Patient", "p");
    assert!(ward.session.read(&key).await.unwrap().is_none());

    let first = ward.commit(vec![put(&*ward.session, "Patient", "p", Expect::Fresh, "one", &[])]).await.unwrap();
    let read = ward.session.read(&key).await.unwrap().unwrap();
    assert_eq!((read.version, read.method, read.updated), (1, Method::Post, first.updated));
    assert_eq!((&read.key, &read.body), (&key, &first.bodies[0]));
    assert!(ward.session.read(&Key::new("Patient", "q")).await.unwrap().is_none());
    assert!(ward.session.read(&Key::new("Person", "p")).await.unwrap().is_none());

    ward.update("Patient", "p", 1, &[]).await;
    ward.delete("Patient", "p", 2).await;
    let tombstone = ward.session.read(&key).await.unwrap().unwrap();
    assert_eq!((tombstone.version, tombstone.is_deleted(), tombstone.body.len()), (3, true, 0));

    for (version, method) in [(1, Method::Post), (2, Method::Put), (3, Method::Delete)] {
        let it = ward.session.read_version(&key, version).await.unwrap().unwrap();
        assert_eq!((it.version, it.method, it.key), (version, method, key.clone()));
    }
    let old = ward.session.read_version(&key, 1).await.unwrap().unwrap();
    assert_eq!((old.body, old.updated), (first.bodies[0].clone(), first.updated));
    assert!(ward.session.read_version(&key, 4).await.unwrap().is_none());
    assert!(ward.session.read_version(&key, 0).await.unwrap().is_none());
}

pub(crate) async fn reads_many(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for id in ["a", "b", "c"] {
        ward.create("Patient", id, &[]).await;
    }
    ward.update("Patient", "a", 1, &[]).await;
    ward.delete("Patient", "b", 1).await;
    let keys = ["a", "b", "c", "d", "a"].map(|id| Key::new("Patient", id));
    let mut found = ward.session.read_many(&keys).await.unwrap();
    found.sort_by(|a, b| a.key.cmp(&b.key));
    found.dedup_by(|a, b| a.key == b.key);
    let found: Vec<_> = found.iter().map(|it| (it.key.id.as_str(), it.version)).collect();
    assert_eq!(found, [("a", 2), ("c", 1)]);
    assert!(ward.session.read_many(&[]).await.unwrap().is_empty());
}

/// A version that is named, or the newest; of what was deleted the last one that was not.
pub(crate) async fn reads_what_lived(engine: &dyn Engine) {
    let ward = ward(engine).await;
    for id in ["a", "b", "c"] {
        ward.create("Patient", id, &[]).await;
    }
    ward.update("Patient", "a", 1, &[]).await;
    ward.update("Patient", "a", 2, &[]).await;
    ward.delete("Patient", "b", 1).await;
    ward.update("Patient", "b", 2, &[]).await;
    ward.update("Patient", "b", 3, &[]).await;
    ward.delete("Patient", "b", 4).await;
    let read = async |wanted: &[(&str, Option<i64>)]| {
        let wanted: Vec<_> = wanted.iter().map(|(id, version)| (Key::new("Patient", *id), *version)).collect();
        let lived = ward.session.lived(&wanted).await.unwrap();
        let (looked, mut found) = ward.session.lived_bodies(&lived, u64::MAX).await.unwrap();
        assert!(looked == lived.len() && found.iter().all(|it| !it.is_deleted() && !it.body.is_empty()));
        found.sort_by(|a, b| (&a.key, a.version).cmp(&(&b.key, b.version)));
        found.into_iter().map(|it| (it.key.id, it.version)).collect::<Vec<_>>()
    };
    let is = |expected: &[(&str, i64)]| expected.iter().map(|(id, it)| ((*id).to_owned(), *it)).collect::<Vec<_>>();
    assert_eq!(read(&[("a", None), ("b", None), ("c", None), ("d", None)]).await, is(&[("a", 3), ("b", 4), ("c", 1)]));
    assert_eq!(read(&[("a", Some(1)), ("a", Some(3)), ("a", Some(9))]).await, is(&[("a", 1), ("a", 3)]));
    assert_eq!(read(&[("b", Some(1)), ("b", Some(2)), ("b", Some(5))]).await, is(&[("b", 1), ("b", 4)]));
    assert_eq!(read(&[("c", Some(0))]).await, is(&[]));
    assert_eq!(read(&[]).await, is(&[]));
    let all: Vec<(Key, Option<i64>)> = (0..2000).map(|i| (Key::new("Patient", format!("p{i}")), Some(i))).collect();
    assert!(ward.session.lived(&all).await.unwrap().is_empty());
}

/// However many numbers lead to a version, its body is read once, and no more of them at once than may be.
pub(crate) async fn reads_what_lived_in_portions(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let long = "x".repeat(100_000);
    for (id, note) in [("a", "short"), ("b", "short"), ("c", long.as_str()), ("d", "short")] {
        ward.commit(vec![put(&*ward.session, "Binary", id, Expect::Absent, note, &[])]).await.unwrap();
    }
    ward.update("Binary", "b", 1, &[]).await;
    let numbers = (1..=1000).map(Some).chain([None]);
    let wanted: Vec<_> = numbers.flat_map(|it| ["a", "b", "c", "d"].map(|id| (Key::new("Binary", id), it))).collect();
    let mut lived = ward.session.lived(&wanted).await.unwrap();
    lived.sort_by(|a, b| (&a.key, a.version).cmp(&(&b.key, b.version)));
    let is: Vec<_> = lived.iter().map(|it| (it.key.id.as_str(), it.version, it.length > 100_000)).collect();
    assert_eq!(is, [("a", 1, false), ("b", 1, false), ("b", 2, false), ("c", 1, true), ("d", 1, false)]);
    let two = lived.iter().take(2).map(|it| it.length).sum();
    let (mut portions, mut rest) = (Vec::new(), lived.as_slice());
    while !rest.is_empty() {
        let (looked, found) = ward.session.lived_bodies(rest, two).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|it| (it.key, it.version)).collect();
        found.sort();
        let first: Vec<_> = rest.iter().take(looked).map(|it| (it.key.clone(), it.version)).collect();
        assert_eq!(found, first);
        portions.push(looked);
        rest = rest.get(looked..).unwrap_or_default();
    }
    assert_eq!(portions, [2, 1, 1, 1]);
    // What was current when it was looked for is a former version now.
    ward.update("Binary", "a", 1, &[]).await;
    let (_, found) = ward.session.lived_bodies(&lived, 1).await.unwrap();
    assert_eq!(found.iter().map(|it| (it.key.id.as_str(), it.version)).collect::<Vec<_>>(), [("a", 1)]);
}

pub(crate) async fn expectations_hold(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let version = |expect| put(&*ward.session, "Patient", "p", expect, "", &[]);
    assert!(is_conflict(&ward.commit(vec![version(Expect::Version(1))]).await));
    assert!(ward.commit(vec![version(Expect::Absent)]).await.is_ok());
    assert!(is_conflict(&ward.commit(vec![version(Expect::Absent)]).await));
    assert!(is_conflict(&ward.commit(vec![version(Expect::Version(2))]).await));
    assert!(ward.commit(vec![version(Expect::Version(1))]).await.is_ok());
    assert!(is_conflict(&ward.commit(vec![version(Expect::Version(1))]).await));
    assert!(ward.commit(vec![delete(&*ward.session, "Patient", "p", 2)]).await.is_ok());
    assert!(is_conflict(&ward.commit(vec![version(Expect::Absent)]).await), "a deleted resource is there");
    assert!(ward.commit(vec![version(Expect::Version(3))]).await.is_ok());
    assert_eq!(ward.session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().version, 4);
}

/// More values than one statement has arms, parameters in a group, or levels of an expression.
pub(crate) async fn many_ids_at_once(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let param = ParamId::of("Patient", "name");
    let puts = (0..1500).map(|i| {
        let entries = [Entry::String(param, format!("name {i}")), Entry::Number(param, f64::from(i), f64::from(i))];
        put(&*ward.session, "Patient", &format!("p{i}"), Expect::Absent, "", &entries)
    });
    ward.commit(puts.collect()).await.unwrap();
    let ids: Vec<Test> = (0..3000).map(|i| Test::Id(format!("p{i}"))).collect();
    for filter in [vec![Clause::Any(ids.clone())], vec![Clause::None(ids[..1400].to_vec())]] {
        let expected = if matches!(filter[0], Clause::Any(_)) { 1500 } else { 100 };
        let branch = Branch { of: "Patient".into(), filter, sort: Vec::new() };
        let plan = Plan { branches: vec![branch], after: None, limit: 2000 };
        assert_eq!(ward.session.search(&plan).await.unwrap().found.len(), expected);
        assert_eq!(ward.session.count(&plan).await.unwrap(), expected as i64);
    }
    let keys: Vec<Key> = (0..3000).map(|i| Key::new("Patient", format!("p{i}"))).collect();
    assert_eq!(ward.session.read_many(&keys).await.unwrap().len(), 1500);
}
