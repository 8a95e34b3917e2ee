//! The audit log: what is kept of it, for how long, and that each event is there once.

use super::audit::{all, chained, event, ids, query};
use super::{Engine, WARD, put, ward};
use crate::{AuditEntry, AuditFault, AuditRecords, Changes, Expect, Session};
use std::collections::HashSet;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Nothing of what events say shows to who has the database alone, from the moment they are written, and it is found all the same.
pub(crate) async fn nothing_shows(engine: &dyn Engine) {
    const MARKER: &[u8] = b"Zwiebelturm";
    let ward = ward(engine).await;
    let of = |id: String| AuditEntry { body: MARKER.to_vec(), ..event(&id, &["p"]) };
    let shows = |kept: &[Vec<u8>]| kept.iter().any(|it| it.windows(MARKER.len()).any(|it| it == MARKER));
    ward.session.audit(vec![of("first".into())]).await.unwrap();
    let kept = engine.kept_events(WARD).await;
    assert!(kept.len() == 1 && !shows(&kept));
    for many in 0..2 {
        ward.session.audit((0..2500).map(|i| of(format!("{many}-{i}"))).collect()).await.unwrap();
        chained(&*ward.session).await;
    }
    ward.session.audit(vec![of("last".into())]).await.unwrap();
    let kept = engine.kept_events(WARD).await;
    assert!(kept.len() > 1 && !shows(&kept), "{}", kept.len());
    for body in kept {
        let mut plain = Vec::new();
        assert!(flate2::read::ZlibDecoder::new(body.as_slice()).read_to_end(&mut plain).is_err());
    }
    assert_eq!(all(&ward, query(&[&["p"]], 100)).await.iter().filter(|it| it.body == MARKER).count(), 5002);
    assert_eq!(chained(&*ward.session).await.faults, []);
}

/// An event as it comes back that has waited elsewhere.
async fn waiting(session: &dyn Session, event: AuditEntry) -> AuditRecords {
    let aside = session.audit_aside(&[event]).await.unwrap();
    let opened = session.audit_opened(&[aside.into()]).await.unwrap();
    assert_eq!((opened.lots.len(), opened.broken), (1, 0));
    opened.lots.into_iter().next().unwrap()
}

/// What waited elsewhere stands where it was when it began to wait, each event once.
pub(crate) async fn what_waited(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let records = |id: &str| waiting(&*ward.session, event(id, &["p"]));
    let mut waited = records("1").await;
    ward.session.audit(vec![event("2", &["p"])]).await.unwrap();
    waited.add(records("3").await.as_bytes(), |it| Some(it.len())).unwrap();
    ward.session.audit(vec![event("4", &["p"])]).await.unwrap();
    let later = records("5").await;
    ward.session.audit_waited(waited.clone()).await.unwrap();
    assert_eq!(ids(&ward, query(&[&["p"]], 10)).await, ["4", "3", "2", "1"]);
    ward.session.audit_waited(later.without(&HashSet::from(["5".to_owned()]))).await.unwrap();
    ward.session.audit_waited(later).await.unwrap();
    assert_eq!(ids(&ward, query(&[&["p"]], 1)).await, ["5", "4", "3", "2", "1"], "event by event");
    assert_eq!(chained(&*ward.session).await.faults, []);
    ward.session.audit_waited(waited).await.unwrap();
    let faults = chained(&*ward.session).await.faults;
    assert!(matches!(faults[..], [AuditFault::Twice(_), AuditFault::Twice(_)]), "{faults:?}");
}

/// Two nodes, or one whose clock was set back, may have given two events the same place: neither is lost, nor told to be a copy.
pub(crate) async fn at_one_place(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let one = waiting(&*ward.session, event("one", &["p"])).await;
    let at: Vec<usize> = one.as_bytes().windows(3).enumerate().filter(|it| it.1 == b"one").map(|it| it.0).collect();
    let mut other = one.as_bytes().to_vec();
    at.into_iter().for_each(|it| other[it..it + 3].copy_from_slice(b"two"));
    let mut two = AuditRecords::default();
    two.add(&other, |it| Some(it.len())).unwrap();
    ward.session.audit(vec![event("first", &["p"])]).await.unwrap();
    ward.session.audit_waited(one).await.unwrap();
    ward.session.audit_waited(two).await.unwrap();
    ward.session.audit(vec![event("last", &["p"])]).await.unwrap();
    for _ in 0..2 {
        let (mut query, mut found) = (query(&[&["p"]], 1), Vec::new());
        loop {
            let page = ward.session.audited(&query).await.unwrap();
            found.extend(page.entries.into_iter().map(|it| it.id));
            query.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(found, ["last", "first", "two", "one"]);
        let verdict = chained(&*ward.session).await;
        assert_eq!((verdict.head.events, verdict.faults), (4, Vec::new()));
    }
}

/// The log goes on where it ended when the store is opened again.
pub(crate) async fn goes_on_after_reopening(engine: &dyn Engine) {
    for round in 1..4 {
        let ward = ward(engine).await;
        ward.session.audit(vec![event(&round.to_string(), &["k"])]).await.unwrap();
        assert_eq!(all(&ward, query(&[&["k"]], 10)).await.len(), round);
        let verdict = chained(&*ward.session).await;
        assert_eq!((verdict.head.events, verdict.faults), (round as i64, Vec::new()));
        ward.store.close().await;
    }
}

/// Old blocks are dropped whole; how many events they had is still known, and the log is still whole.
pub(crate) async fn what_is_old_is_dropped(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let old: Vec<AuditEntry> = (0..2500).map(|i| event(&format!("old-{i}"), &["k", "old"])).collect();
    let last = old.last().unwrap().at;
    ward.session.audit(old).await.unwrap();
    chained(&*ward.session).await;
    // What seals goes on beside the writer.
    let mut dropped = 0;
    for i in 0..1200 {
        ward.session.audit(vec![event(&format!("new-{i}"), &["k"])]).await.unwrap();
        chained(&*ward.session).await;
        dropped = ward.session.drop_audit(last + 1).await.unwrap();
        if dropped > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(dropped, 2500);
    assert_eq!(ward.session.drop_audit(last + 1).await.unwrap(), 0);
    assert!(ward.session.audit_entry("old-7").await.unwrap().is_none());
    assert!(all(&ward, query(&[&["old"]], 10)).await.is_empty());
    assert!(ids(&ward, query(&[&["k"]], 1000)).await.iter().all(|it| it.starts_with("new-")));
    let verdict = chained(&*ward.session).await;
    assert_eq!((verdict.dropped, verdict.faults), (2500, Vec::new()));
    assert!(verdict.head.events > 2500);
}

/// What was acknowledged before a process died is there, and once; what was under way may be.
pub(crate) async fn acknowledged_events_outlive_a_crash(engine: &dyn Engine) {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let told = acknowledged.clone();
    // A runtime of its own, all of whose tasks end in the middle of whatever they do.
    let live = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let ward = ward(engine).await;
            let mut writers = tokio::task::JoinSet::new();
            for writer in 0..6 {
                writers.spawn(write_on(Arc::clone(&ward.session), writer, told.clone()));
            }
            let is_used = async {
                while told.lock().unwrap().len() < 100 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                ended = writers.join_next() => panic!("they write for ever: {ended:?}"),
                used = tokio::time::timeout(Duration::from_secs(120), is_used) => used.expect("something is written"),
            }
        });
        runtime.shutdown_background();
    };
    tokio::task::block_in_place(|| std::thread::scope(|scope| scope.spawn(live).join().unwrap()));
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
    let ward = ward(engine).await;
    ward.session.audit(vec![event("after", &["k"])]).await.unwrap();
    assert_eq!(chained(&*ward.session).await.faults, []);
    let found = ids(&ward, query(&[&["k"]], 1000)).await;
    let once: HashSet<&String> = found.iter().collect();
    assert_eq!(once.len(), found.len(), "none is there twice");
    for id in &acknowledged {
        assert!(once.contains(id), "{id} is there");
    }
}

/// Writes events alone and with resources, one after the other, for ever.
async fn write_on(session: Arc<dyn Session>, writer: usize, acknowledged: Arc<Mutex<Vec<String>>>) {
    for i in 0.. {
        let id = format!("{writer}-{i}");
        let audit = vec![event(&id, &["k"])];
        if writer.is_multiple_of(2) {
            session.audit(audit).await.unwrap();
        } else {
            let puts = vec![put(&*session, "Patient", &id, Expect::Absent, "", &[])];
            session.commit(Changes { puts, audit, ..Changes::default() }).await.unwrap();
        }
        acknowledged.lock().unwrap().push(id);
    }
}

/// An event that is there twice, by its id, is a fault: none is added twice by who serves.
pub(crate) async fn an_event_twice_is_a_fault(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.session.audit(vec![event("once", &["k"]), event("twice", &["k"])]).await.unwrap();
    assert_eq!(chained(&*ward.session).await.faults, []);
    ward.session.audit(vec![event("twice", &["k"])]).await.unwrap();
    let faults = chained(&*ward.session).await.faults;
    assert!(matches!(faults.as_slice(), [AuditFault::Twice(_)]), "{faults:?}");
}
