use super::*;
use bytes::BufMut;
use std::collections::HashSet;
use std::fs::{OpenOptions, read_dir};

/// An event as a log has it: place, time, id, no keys, what it says.
fn event(id: &str) -> AuditRecords {
    let mut bytes = Vec::new();
    bytes.put_i64_le(1);
    bytes.put_i64_le(1);
    bytes.put_u32_le(id.len() as u32);
    bytes.put_slice(id.as_bytes());
    bytes.put_u32_le(0);
    bytes.put_u32_le(2);
    bytes.put_slice(b"{}");
    AuditRecords::read(&bytes).unwrap()
}

fn of(tenant: &str, ids: &[&str]) -> Waiting {
    let mut all = AuditRecords::default();
    ids.iter().for_each(|it| all.append(&event(it)));
    Waiting::from([(tenant.to_owned(), vec![all])])
}

async fn all_closed(journal: &Journal) -> Vec<Waiting> {
    let mut closed = journal.closed.lock().await;
    journal.close(&mut closed).await.unwrap();
    closed.segments.iter().map(|it| it.read().unwrap()).collect()
}

#[tokio::test]
async fn events_wait_in_order_and_are_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().join("audit"), "one".into());
    assert!(all_closed(&journal).await.is_empty());
    journal.keep("north", &event("a"), false).await.unwrap();
    journal.keep("north", &event("b"), false).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"])]);
    // What comes meanwhile waits for its own turn, behind what is on its way.
    journal.keep("south", &event("c"), false).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"]), of("south", &["c"])]);
    let mut closed = journal.closed.lock().await;
    for segment in std::mem::take(&mut closed.segments) {
        segment.leave(&Waiting::new()).unwrap();
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
        let (journal, event) = (journal.clone(), event(id));
        tokio::spawn(async move { journal.keep("north", &event, false).await })
    };
    for done in ids.iter().map(keep).collect::<Vec<_>>() {
        done.await.unwrap().unwrap();
    }
    let kept = all_closed(&journal).await.remove(0).remove("north").unwrap().remove(0);
    let all = ids.iter().cloned().collect();
    assert!(!kept.is_empty() && kept.without(&all).is_empty(), "nothing else");
    for id in ids {
        assert_ne!(kept.without(&HashSet::from([id.clone()])), kept, "{id}");
    }
}

#[tokio::test]
async fn what_a_killed_process_left_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, living) =
        (Journal::new(folder.path().into(), "one".into()), Journal::new(folder.path().into(), "two".into()));
    killed.keep("north", &event("a"), false).await.unwrap();
    living.keep("north", &event("b"), false).await.unwrap();
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
async fn a_torn_frame_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    journal.keep("north", &event("a"), false).await.unwrap();
    let events = |it: &PathBuf| it.extension().is_some_and(|it| it == "events");
    let file = read_dir(folder.path()).unwrap().map(|it| it.unwrap().path()).find(events).unwrap();
    let mut torn = Vec::new();
    frame::write("north", &event("torn"), &mut torn).unwrap();
    for end in 0..torn.len() {
        OpenOptions::new().append(true).open(&file).unwrap().write_all(&torn[..end]).unwrap();
        let mut wrong = torn.clone();
        wrong[end] ^= 1;
        OpenOptions::new().append(true).open(&file).unwrap().write_all(&wrong).unwrap();
    }
    journal.keep("north", &event("b"), false).await.unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a", "b"])]);
    assert!(with_extension(folder.path(), "damaged"), "what cannot be read is kept");
}

#[tokio::test]
async fn a_torn_end_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    journal.keep("north", &event("a"), false).await.unwrap();
    let file = read_dir(folder.path()).unwrap().map(|it| it.unwrap().path());
    let file = file.into_iter().find(|it| it.extension().is_some_and(|it| it == "events")).unwrap();
    let mut torn = Vec::new();
    frame::write("north", &event("torn"), &mut torn).unwrap();
    OpenOptions::new().append(true).open(file).unwrap().write_all(&torn[..torn.len() - 1]).unwrap();
    assert_eq!(all_closed(&journal).await, [of("north", &["a"])]);
    assert!(!with_extension(folder.path(), "damaged"));
}

fn with_extension(folder: &std::path::Path, extension: &str) -> bool {
    read_dir(folder).unwrap().any(|it| it.unwrap().path().extension().is_some_and(|it| it == extension))
}

#[tokio::test]
async fn what_the_log_may_have_is_doubtful() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    for is_doubtful in [true, false] {
        journal.keep("north", &event("a"), is_doubtful).await.unwrap();
        all_closed(&journal).await;
        assert_eq!(journal.closed.lock().await.segments.pop().unwrap().is_doubtful, is_doubtful);
    }
}

#[tokio::test]
async fn a_segment_keeps_what_could_not_be_logged() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    for (tenant, id) in [("north", "a"), ("south", "b")] {
        journal.keep(tenant, &event(id), false).await.unwrap();
    }
    all_closed(&journal).await;
    journal.closed.lock().await.segments[0].leave(&of("south", &["b"])).unwrap();
    assert_eq!(all_closed(&journal).await, [of("south", &["b"])]);
}
