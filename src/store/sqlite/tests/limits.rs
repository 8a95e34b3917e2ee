//! Time, files and connections: what must end ends, and what must be closed is.

use super::{folder, options};
use crate::contract::commits::{code, none_matches};
use crate::contract::{filters::plan, is_conflict, model::Entry, put, tenant, ward};
use crate::{Changes, Error, Expect, Key, Store};
use fhir::search::ParamId;
use sqlx::{ConnectOptions, Connection, Row};
use std::time::Duration;

/// Counts far beyond any patience.
const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let folder = folder(1000);
    let store = folder.store(Duration::from_millis(80)).await;
    let place = store.door(&tenant(&store, "t").await).place().await.unwrap();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let place = place.clone();
        all.spawn(async move { place.readers.fetch_all(sqlx::query(ENDLESS)).await.map(|_| ()) });
    }
    while let Some(result) = all.join_next().await {
        assert!(matches!(result.unwrap(), Err(Error::Timeout)));
    }
    // Every connection is free again.
    for _ in 0..20 {
        // On a busy machine anything may take too long.
        while let Err(error) = place.readers.fetch_one(sqlx::query("SELECT 1")).await {
            assert!(matches!(error, Error::Timeout), "{error}");
        }
    }
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_stopped() {
    let folder = folder(1000);
    let store = folder.store(Duration::from_secs(600)).await;
    let place = store.door(&tenant(&store, "t").await).place().await.unwrap();
    for _ in 0..20 {
        let abandoned = tokio::time::timeout(Duration::from_millis(5), place.readers.fetch_all(sqlx::query(ENDLESS)));
        assert!(abandoned.await.is_err());
    }
    assert!(place.readers.fetch_one(sqlx::query("SELECT 1")).await.is_ok());
    // Waits for all readers: returns only if none of them counts on.
    tokio::time::timeout(Duration::from_secs(120), store.close()).await.unwrap();
}

#[tokio::test]
async fn unused_places_are_closed_and_opened_again() {
    let folder = folder(1000);
    let store = folder.store(Duration::from_secs(20)).await;
    let mut sessions = Vec::new();
    for name in ["a", "b", "c", "d"] {
        sessions.push(store.open(&tenant(&store, name).await).await.unwrap());
    }
    let in_use = store.door(&tenant(&store, "a").await).place().await.unwrap();
    store.places.close_unused(10, 0).await;
    assert_eq!(store.places.count().await, 4, "none was unused for long");
    store.places.close_unused(2, 0).await;
    assert_eq!(store.places.count().await, 2, "the two unused for longest are closed");
    store.places.close_unused(0, i64::MAX).await;
    assert_eq!(store.places.count().await, 1, "one is in use");
    drop(in_use);
    store.places.close_unused(10, i64::MAX).await;
    assert_eq!(store.places.count().await, 0);

    for session in &sessions {
        let puts = vec![put(&**session, "Patient", "p", Expect::Absent, "", &[])];
        session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
        store.places.close_unused(0, i64::MAX).await;
        assert!(session.read(&Key::new("Patient", "p")).await.unwrap().is_some());
    }
    store.close().await;
    assert!(matches!(sessions[0].read(&Key::new("Patient", "p")).await, Err(Error::Closed)));
}

#[tokio::test]
async fn closing_leaves_no_log_behind() {
    let folder = folder(1000);
    let ward = ward(&folder).await;
    ward.create("Patient", "p", &[]).await;
    ward.session.read(&Key::new("Patient", "p")).await.unwrap();
    let file = folder.folder.path().join("tenants").join("ward.sqlite");
    assert!(file.with_extension("sqlite-wal").metadata().unwrap().len() > 0);
    ward.store.close().await;
    assert!(!file.with_extension("sqlite-wal").exists());
}

/// After a crash the log is still there, and opening the file takes it in.
#[tokio::test]
async fn a_log_left_behind_is_read() {
    let (crashed, copy) = (folder(1000), folder(1000));
    let before = ward(&crashed).await;
    before.create("Patient", "p", &[]).await;
    std::fs::create_dir(copy.folder.path().join("tenants")).unwrap();
    for file in ["directory.sqlite", "directory.sqlite-wal", "tenants/ward.sqlite", "tenants/ward.sqlite-wal"] {
        std::fs::copy(crashed.folder.path().join(file), copy.folder.path().join(file)).unwrap();
    }
    let after = ward(&copy).await;
    assert_eq!(after.session.count(&plan("Patient", Vec::new(), Vec::new(), 1)).await.unwrap(), 1);
}

/// A group that the database refuses is written one by one, and only the one that is to blame fails.
#[tokio::test]
async fn neighbours_of_a_broken_change_are_written() {
    let folder = folder(1000);
    let ward = ward(&folder).await;
    // No REAL column takes this: it becomes NULL.
    let broken = [Entry::Number(ParamId::of("Patient", "n"), f64::NAN, f64::NAN)];
    let version = |id: &str, entries: &[Entry]| Changes {
        puts: vec![put(&*ward.session, "Patient", id, Expect::Absent, "", entries)],
        ..Changes::default()
    };
    let first = ward.session.commit(version("first", &[]));
    let (first, a, b, c) = tokio::join!(
        first,
        ward.session.commit(version("a", &[])),
        ward.session.commit(version("b", &broken)),
        ward.session.commit(version("c", &[])),
    );
    assert!(first.is_ok() && a.is_ok() && c.is_ok());
    assert!(b.is_err());
    for (id, is_there) in [("a", true), ("b", false), ("c", true)] {
        assert_eq!(ward.session.read(&Key::new("Patient", id)).await.unwrap().is_some(), is_there);
    }
    assert_eq!(ward.session.count(&plan("Patient", Vec::new(), Vec::new(), 1)).await.unwrap(), 3);
}

/// What a neighbour in the same group writes or takes away counts for a guard.
#[tokio::test]
async fn guards_see_the_same_group() {
    let folder = folder(1000);
    let ward = ward(&folder).await;
    ward.create("Patient", "old", &[Entry::Token(code(), None, "one")]).await;
    let change = |puts, value| Changes { puts, guards: vec![none_matches(value)], ..Changes::default() };
    let moved = put(&*ward.session, "Patient", "old", Expect::Version(1), "", &[Entry::Token(code(), None, "two")]);
    let fresh =
        |id: &str, value| put(&*ward.session, "Patient", id, Expect::Fresh, "", &[Entry::Token(code(), None, value)]);
    let (moved, one, two) = tokio::join!(
        ward.session.commit(change(vec![moved], "two")),
        ward.session.commit(change(vec![fresh("x", "one")], "one")),
        ward.session.commit(change(vec![fresh("y", "two")], "two")),
    );
    assert!(moved.is_ok() && one.is_ok());
    assert!(is_conflict(&two));
}

/// A file is written with the settings that durability and the size of the log rest on.
#[tokio::test]
async fn files_are_opened_as_meant() {
    let folder = folder(1000);
    let _ward = ward(&folder).await;
    let file = folder.folder.path().join("tenants").join("ward.sqlite");
    let mut connection = options(&file).connect().await.unwrap();
    for (pragma, expected) in [
        ("PRAGMA journal_mode", "wal"),
        ("PRAGMA synchronous", "2"),
        ("PRAGMA wal_autocheckpoint", "4096"),
        ("PRAGMA journal_size_limit", "67108864"),
        ("PRAGMA integrity_check", "ok"),
    ] {
        let row = sqlx::query(pragma).fetch_one(&mut connection).await.unwrap();
        let value: String = row.try_get(0).or_else(|_| row.try_get::<i64, _>(0).map(|it| it.to_string())).unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    connection.close().await.unwrap();
}

/// Records and keys are nobody else's to read.
#[cfg(unix)]
#[test]
fn a_new_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    crate::SqliteStore::make_folder(&folder.join("tenants")).unwrap();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}
