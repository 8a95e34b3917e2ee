use super::*;
use std::collections::BTreeMap;
use std::fs::{OpenOptions, read_dir};

fn entry(id: &str) -> AuditEntry {
    AuditEntry { id: id.into(), at: 1, keys: vec!["patient|1".into()], body: br#"{"a":"b"}"#.to_vec() }
}

fn of(tenant: &str, ids: &[&str]) -> BTreeMap<String, Vec<AuditEntry>> {
    BTreeMap::from([(tenant.to_owned(), ids.iter().map(|it| entry(it)).collect())])
}

async fn all_closed(journal: &Journal) -> Vec<BTreeMap<String, Vec<AuditEntry>>> {
    let mut closed = journal.closed.lock().await;
    journal.close(&mut closed).await.unwrap();
    closed.segments.iter().map(|it| it.read().unwrap()).collect()
}

#[tokio::test]
async fn events_wait_in_order_and_are_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().join("audit"), "one".into());
    assert!(all_closed(&journal).await.is_empty());
    journal.keep("north", &[entry("a")]).await.unwrap();
    journal.keep("north", &[entry("b")]).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"])]);
    // What comes meanwhile waits for its own turn, behind what is on its way.
    journal.keep("south", &[entry("c")]).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"]), of("south", &["c"])]);
    let mut closed = journal.closed.lock().await;
    for segment in std::mem::take(&mut closed.segments) {
        segment.leave(&BTreeMap::new()).unwrap();
    }
    drop(closed);
    assert!(all_closed(&journal).await.is_empty());
}

#[tokio::test]
async fn what_comes_at_once_is_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let journal = std::sync::Arc::new(Journal::new(folder.path().to_owned(), "one".into()));
    let ids: Vec<String> = (0..200).map(|it| it.to_string()).collect();
    let keep = |id: &String| {
        let (journal, entry) = (journal.clone(), entry(id));
        tokio::spawn(async move { journal.keep("north", &[entry]).await })
    };
    for done in ids.iter().map(keep).collect::<Vec<_>>() {
        done.await.unwrap().unwrap();
    }
    let kept = all_closed(&journal).await.remove(0).remove("north").unwrap();
    let mut kept: Vec<usize> = kept.iter().map(|it| it.id.parse().unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_killed_process_left_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, living) =
        (Journal::new(folder.path().into(), "one".into()), Journal::new(folder.path().into(), "two".into()));
    killed.keep("north", &[entry("a")]).await.unwrap();
    living.keep("north", &[entry("b")]).await.unwrap();
    // As long as it lives it keeps its own.
    let third = Journal::new(folder.path().into(), "three".into());
    assert!(all_closed(&third).await.is_empty());
    drop(killed);
    // The writer ends when nobody can tell it anything any more, and its lock with it.
    let next = loop {
        let next = Journal::new(folder.path().into(), "four".into());
        let mut closed = next.closed.lock().await;
        next.close(&mut closed).await.unwrap();
        if !closed.segments.is_empty() {
            drop(closed);
            break next;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert!(next.closed.lock().await.segments[0].is_doubtful);
    assert_eq!(all_closed(&next).await, [of("north", &["a"])]);
}

#[tokio::test]
async fn a_torn_line_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    journal.keep("north", &[entry("a")]).await.unwrap();
    let events = |it: &PathBuf| it.extension().is_some_and(|it| it == "events");
    let file = read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).find(events).unwrap();
    OpenOptions::new()
        .append(true)
        .open(file)
        .unwrap()
        .write_all("{\"id\":\"torn ü".as_bytes().split_last().unwrap().1)
        .unwrap();
    journal.keep("north", &[entry("b")]).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"])]);
}

#[tokio::test]
async fn a_segment_keeps_what_could_not_be_logged() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    for (tenant, id) in [("north", "a"), ("south", "b")] {
        journal.keep(tenant, &[entry(id)]).await.unwrap();
    }
    all_closed(&journal).await;
    journal.closed.lock().await.segments[0].leave(&of("south", &["b"])).unwrap();
    assert_eq!(all_closed(&journal).await, [of("south", &["b"])]);
}
