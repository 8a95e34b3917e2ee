//! The audit log: what was written is found, in order, once, and known to be as it was written.

use super::{Engine, Ward, clock, is_conflict, put, tenant, ward};
use crate::{AuditEntry, AuditPlace, AuditQuery, AuditVerdict, Audited, Changes, Expect, Session};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// An event that can be found by keys.
pub(crate) fn event(id: &str, keys: &[&str]) -> AuditEntry {
    let keys = keys.iter().map(|it| (*it).to_owned()).collect();
    AuditEntry { id: id.to_owned(), at: clock(), keys, body: format!("{{\"id\":\"{id}\"}}").into_bytes() }
}

pub(super) fn query(keys: &[&[&str]], limit: usize) -> AuditQuery {
    let any = |it: &&[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    AuditQuery { keys: keys.iter().map(any).collect(), limit, ..AuditQuery::default() }
}

/// All events that a query finds, page by page.
pub(super) async fn all(ward: &Ward, mut query: AuditQuery) -> Vec<Audited> {
    let mut found = Vec::new();
    loop {
        let page = ward.session.audited(&query).await.unwrap();
        assert!(page.entries.len() <= query.limit);
        found.extend(page.entries);
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

pub(super) async fn ids(ward: &Ward, query: AuditQuery) -> Vec<String> {
    all(ward, query).await.into_iter().map(|it| it.id).collect()
}

/// Waits until nothing is left to be chained.
pub(crate) async fn chained(session: &dyn Session) -> AuditVerdict {
    for _ in 0..1200 {
        let verdict = session.verify_audit(&|_, _| ()).await.unwrap();
        if verdict.waiting == 0 {
            return verdict;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("events wait to be chained for too long");
}

/// Events come back as they were written, the newest first.
pub(crate) async fn newest_first(engine: &dyn Engine) {
    let ward = ward(engine).await;
    assert!(all(&ward, query(&[], 10)).await.is_empty());
    let (one, two) = (event("1", &["patient|1"]), event("2", &[]));
    ward.session.audit(vec![one.clone(), two]).await.unwrap();
    ward.session.audit(vec![event("3", &["patient|1"])]).await.unwrap();
    assert_eq!(ids(&ward, query(&[], 10)).await, ["3", "2", "1"]);
    let first = ward.session.audit_entry("1").await.unwrap().unwrap();
    assert_eq!((first.id, first.at, first.body.to_vec()), (one.id, one.at, one.body));
    assert!(ward.session.audit_entry("4").await.unwrap().is_none());
    let verdict = chained(&*ward.session).await;
    assert_eq!((verdict.head.events, verdict.dropped, verdict.faults), (3, 0, Vec::new()));
}

/// An event is found by an id that tells its time, in blocks and out of them, however many have the same time.
pub(crate) async fn by_telling_ids(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let id = |at: i64, i: usize| format!("{:08x}-{:04x}-7000-8000-{i:012x}", at >> 16, at & 0xffff);
    let of = |at: i64, i: usize| AuditEntry { id: id(at, i), at, ..event("", &["k"]) };
    let at = clock();
    for time in [at, at + 5] {
        ward.session.audit((0..2500).map(|i| of(time, i)).collect()).await.unwrap();
        chained(&*ward.session).await;
    }
    ward.session.audit(vec![of(at, 2500)]).await.unwrap();
    for i in [0, 1234, 2500] {
        let found = ward.session.audit_entry(&id(at, i)).await.unwrap().unwrap();
        assert_eq!((found.at, found.id), (at, id(at, i)));
    }
    for other in [id(at, 2501), id(at + 1, 0), id(at + 5, 2500), id(0, 0)] {
        assert!(ward.session.audit_entry(&other).await.unwrap().is_none(), "{other}");
    }
}

/// Each list of keys has one that the event has, and times are bounds.
pub(crate) async fn by_keys_and_times(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let events = vec![
        event("a", &["p|1", "read"]),
        event("b", &["p|2", "read"]),
        event("c", &["p|1", "write"]),
        event("d", &[]),
    ];
    let times: Vec<i64> = events.iter().map(|it| it.at).collect();
    for event in events {
        ward.session.audit(vec![event]).await.unwrap();
    }
    for (keys, expected) in [
        (&[&["p|1"][..]][..], &["c", "a"][..]),
        (&[&["p|1", "p|2"]], &["c", "b", "a"]),
        (&[&["p|1", "p|2"], &["read"]], &["b", "a"]),
        (&[&["p|3"]], &[]),
        (&[&["a"]], &[]),
    ] {
        assert_eq!(ids(&ward, query(keys, 10)).await, expected, "{keys:?}");
    }
    let between = AuditQuery { from: Some(times[1]), until: Some(times[2]), ..query(&[], 10) };
    assert_eq!(ids(&ward, between).await, ["c", "b"]);
}

/// A write's events are there if it is, and only then.
pub(crate) async fn with_what_they_tell_of(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let change = |id: &str| Changes {
        puts: vec![put(&*ward.session, "Patient", "p", Expect::Absent, "", &[])],
        audit: vec![event(id, &["p"])],
        ..Changes::default()
    };
    ward.session.commit(change("done")).await.unwrap();
    assert!(is_conflict(&ward.session.commit(change("refused")).await));
    let lone = Changes { audit: vec![event("lone", &["p"])], ..Changes::default() };
    ward.session.commit(lone).await.unwrap();
    assert_eq!(ids(&ward, query(&[&["p"]], 10)).await, ["lone", "done"]);
}

/// Many at once are each written once, and paged through without one missing or repeated, in blocks and out of them.
pub(crate) async fn many_at_once(engine: &dyn Engine) {
    const TASKS: usize = 8;
    const EACH: usize = 40;
    const LOT: usize = 20;
    let ward = ward(engine).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let session = Arc::clone(&ward.session);
            tokio::spawn(async move {
                for i in 0..EACH {
                    let of = |lot: usize| event(&format!("{task}-{i}-{lot}"), &["all", &format!("task|{task}")]);
                    session.audit((0..LOT).map(of).collect()).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let verdict = chained(&*ward.session).await;
    assert_eq!((verdict.head.events, verdict.faults), ((TASKS * EACH * LOT) as i64, Vec::new()));
    let found = all(&ward, query(&[&["all"]], 900)).await;
    assert!(found.windows(2).all(|it| it[0].place > it[1].place), "the newest come first");
    let ids: HashSet<&str> = found.iter().map(|it| it.id.as_str()).collect();
    assert_eq!((found.len(), ids.len()), (TASKS * EACH * LOT, TASKS * EACH * LOT));
    assert_eq!(all(&ward, query(&[&["task|3"]], 900)).await.len(), EACH * LOT);
    assert!(ward.session.audit_entry("0-0-0").await.unwrap().is_some());
    assert!(ward.session.audit_entry("0-0-99").await.unwrap().is_none());
}

/// A page goes on where it ended, whatever is written meanwhile.
pub(crate) async fn paging_while_writing(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let write = async |from: usize| {
        for i in from..from + 10 {
            ward.session.audit(vec![event(&i.to_string(), &["k"])]).await.unwrap();
        }
    };
    write(0).await;
    let page = ward.session.audited(&query(&[&["k"]], 4)).await.unwrap();
    write(10).await;
    let rest = AuditQuery { before: page.next, ..query(&[&["k"]], 4) };
    let mut seen: Vec<String> = page.entries.into_iter().map(|it| it.id).collect();
    seen.extend(ids(&ward, rest).await);
    let expected: Vec<String> = (0..10).rev().map(|it| it.to_string()).collect();
    assert_eq!(seen, expected);
    assert!(
        ward.session
            .audited(&AuditQuery { before: Some(AuditPlace(0)), ..query(&[], 4) })
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

/// One tenant's log is not another's.
pub(crate) async fn logs_of_two_tenants(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let other = ward.store.open(&tenant(&*ward.store, "other").await).await.unwrap();
    ward.session.audit(vec![event("1", &["k"])]).await.unwrap();
    other.audit(vec![event("2", &["k"])]).await.unwrap();
    assert_eq!(ids(&ward, query(&[&["k"]], 10)).await, ["1"]);
    assert!(other.audit_entry("1").await.unwrap().is_none());
    assert_eq!(other.drop_audit(i64::MAX).await.unwrap(), 0);
}
