use super::*;
use std::fs::read_dir;
use std::path::Path;

/// Events, which the journal does not look into.
fn event(id: &str) -> Bytes {
    Bytes::from(format!("an event with the id {id}"))
}

fn of(tenant: &str, ids: &[&str]) -> Waiting {
    Waiting::from([(tenant.to_owned(), ids.iter().map(|it| event(it)).collect())])
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
    let mut kept = all_closed(&journal).await.remove(0).remove("north").unwrap();
    let mut all: Vec<Bytes> = ids.iter().map(|it| event(it)).collect();
    kept.sort();
    all.sort();
    assert_eq!(kept, all);
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

/// What the next process finds where one that was killed has left a segment of these bytes.
async fn left_behind(folder: &Path, bytes: &[u8]) -> Vec<Waiting> {
    std::fs::write(folder.join("one.lock"), []).unwrap();
    std::fs::write(folder.join("one-000000000001.events"), bytes).unwrap();
    all_closed(&Journal::new(folder.to_owned(), "two".into())).await
}

fn framed(id: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::write("north", &event(id), &mut frame).unwrap();
    frame
}

#[tokio::test]
async fn a_torn_frame_takes_no_other_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bytes, torn) = (framed("a"), framed("torn"));
    for end in 0..torn.len() {
        bytes.extend(&torn[..end]);
        let mut wrong = torn.clone();
        wrong[end] ^= 1;
        bytes.extend(wrong);
    }
    bytes.extend(framed("b"));
    assert_eq!(left_behind(folder.path(), &bytes).await, [of("north", &["a", "b"])]);
    assert!(with_extension(folder.path(), "damaged"), "what cannot be read is kept");
}

#[tokio::test]
async fn a_torn_end_is_no_damage() {
    let torn = framed("torn");
    for zeros in [0, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let bytes = [framed("a"), torn[..torn.len() - 1].to_vec(), vec![0; zeros]].concat();
        assert_eq!(left_behind(folder.path(), &bytes).await, [of("north", &["a"])]);
        assert!(!with_extension(folder.path(), "damaged"));
    }
}

/// A segment is used again, and nothing of what was in it comes back.
#[tokio::test]
async fn a_segment_is_emptied_and_written_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::new(folder.path().into(), "one".into());
    for ids in [&["a", "longer than the next ones"][..], &["b"], &["c", "d"]] {
        for id in ids {
            journal.keep("north", &event(id), false).await.unwrap();
        }
        assert_eq!(all_closed(&journal).await, [of("north", ids)]);
        journal.closed.lock().await.segments.remove(0).leave(&Waiting::new()).unwrap();
        assert!(!with_extension(folder.path(), "events"));
        let spare = std::fs::read(folder.path().join("one-0.spare")).unwrap();
        assert!(!spare.is_empty() && spare.iter().all(|it| *it == 0), "it is emptied");
    }
    // A process that is killed while it writes to one again leaves zeros behind its frames.
    journal.keep("north", &event("e"), false).await.unwrap();
    drop(journal);
    assert_eq!(taken_over(folder.path()).await, [of("north", &["e"])]);
    assert!(!with_extension(folder.path(), "damaged"));
}

/// What the next process takes over, as soon as the last one's writer has ended.
async fn taken_over(folder: &Path) -> Vec<Waiting> {
    loop {
        let found = all_closed(&Journal::new(folder.into(), "two".into())).await;
        if !found.is_empty() {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

fn with_extension(folder: &Path, extension: &str) -> bool {
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
