//! A log in a file: whatever is changed in it is found.

use super::{Folder, folder};
use crate::contract::audit::{chained, event};
use crate::contract::{Ward, ward};
use crate::sqlite::options;
use crate::{AuditFault, AuditVerdict};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::PathBuf;

const ENOUGH: i64 = 1000;

fn file(folder: &Folder) -> PathBuf {
    folder.folder.path().join("tenants/ward.sqlite")
}

pub(super) async fn run(folder: &Folder, statement: &str) {
    let mut connection = options(&file(folder)).connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(super) async fn bytes(folder: &Folder, statement: &'static str) -> Vec<Vec<u8>> {
    let mut connection = options(&file(folder)).connect().await.unwrap();
    let found = sqlx::query_scalar(statement).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

/// A store that was closed after so many rows of two events each.
pub(super) async fn written(rows: usize) -> Folder {
    let folder = folder(ENOUGH);
    let ward = ward(&folder).await;
    for row in 0..rows {
        write(&ward, row).await;
    }
    ward.store.close().await;
    folder
}

pub(super) async fn write(ward: &Ward, row: usize) {
    let of = |i: usize| event(&format!("{row}-{i}"), &["p"]);
    ward.session.audit(vec![of(0), of(1)]).await.unwrap();
}

async fn verdict(folder: &Folder) -> AuditVerdict {
    let ward = ward(folder).await;
    let verdict = ward.session.verify_audit(&|_, _| ()).await.unwrap();
    ward.store.close().await;
    verdict
}

pub(super) async fn faults(folder: &Folder) -> Vec<AuditFault> {
    verdict(folder).await.faults
}

#[tokio::test]
async fn each_byte_of_a_row_that_is_changed_in_the_file_is_found() {
    let folder = written(2).await;
    assert_eq!(faults(&folder).await, []);
    run(&folder, "SELECT 1").await;
    let written = std::fs::read(file(&folder)).unwrap();
    let parts = bytes(&folder, "SELECT body FROM audit_row UNION ALL SELECT mac FROM audit_row").await;
    assert_eq!(parts.len(), 4);
    for part in parts {
        let start = written.windows(part.len()).position(|it| it == part).unwrap();
        for at in start..start + part.len() {
            let mut changed = written.clone();
            changed[at] ^= 0x20;
            std::fs::write(file(&folder), &changed).unwrap();
            assert!(!faults(&folder).await.is_empty(), "byte {}", at - start);
        }
    }
    std::fs::write(file(&folder), &written).unwrap();
    assert_eq!(faults(&folder).await, []);
}

#[tokio::test]
async fn each_change_of_rows_is_found() {
    for (change, expected) in [
        ("UPDATE audit_row SET total = total + 1 WHERE number = 3", AuditFault::Row(3)),
        ("UPDATE audit_row SET newest = newest + 1 WHERE number = 3", AuditFault::Row(3)),
        ("UPDATE audit_row SET low = low - 1 WHERE number = 3", AuditFault::Row(3)),
        ("UPDATE audit_row SET high = high + 1 WHERE number = 3", AuditFault::Row(3)),
        ("UPDATE audit_row SET number = 9 WHERE number = 5", AuditFault::Missing(5, 8)),
        ("DELETE FROM audit_row WHERE number = 1", AuditFault::Missing(1, 1)),
        ("DELETE FROM audit_row WHERE number IN (3, 4)", AuditFault::Missing(3, 4)),
        ("DELETE FROM audit_row WHERE number = 5", AuditFault::Cut(4, 5)),
        ("DELETE FROM audit_row", AuditFault::Cut(0, 5)),
        // Two change places.
        (
            "UPDATE audit_row SET number = -number WHERE number IN (2, 3); UPDATE audit_row SET number = 5 + number WHERE number < 0",
            AuditFault::Row(2),
        ),
        // The middle is taken out, and the rest moved up.
        (
            "DELETE FROM audit_row WHERE number = 2; UPDATE audit_row SET number = number - 1 WHERE number > 2",
            AuditFault::Row(2),
        ),
        (
            "INSERT INTO audit_row SELECT -1, total, newest, low, high, mac, body FROM audit_row WHERE number = 2",
            AuditFault::Stray(0),
        ),
        (
            "INSERT INTO audit_row SELECT 6, total, newest, low, high, mac, body FROM audit_row WHERE number = 5",
            AuditFault::Row(6),
        ),
    ] {
        let folder = written(5).await;
        run(&folder, change).await;
        let faults = faults(&folder).await;
        assert!(faults.contains(&expected), "{change}: {faults:?}");
    }
}

/// What was cut off is found later as well, when the log is as long again as it was.
#[tokio::test]
async fn an_older_copy_of_the_file_is_found_whatever_is_written_behind_it() {
    let folder = written(3).await;
    run(&folder, "SELECT 1").await;
    let older = std::fs::read(file(&folder)).unwrap();
    let again = ward(&folder).await;
    write(&again, 3).await;
    again.store.close().await;
    run(&folder, "SELECT 1").await;
    std::fs::write(file(&folder), &older).unwrap();
    assert_eq!(faults(&folder).await, [AuditFault::Cut(3, 4)]);
    let ward = ward(&folder).await;
    write(&ward, 4).await;
    write(&ward, 5).await;
    ward.store.close().await;
    assert_eq!(faults(&folder).await, [AuditFault::Head(4)]);
}

#[tokio::test]
async fn a_head_that_is_changed_or_gone_is_found() {
    for (change, expected) in [
        ("DELETE FROM audit_head", AuditFault::Unsigned),
        ("UPDATE audit_head SET row = 1", AuditFault::Unsigned),
        ("UPDATE audit_head SET events = events - 1", AuditFault::Unsigned),
        ("UPDATE audit_head SET hash = zeroblob(32)", AuditFault::Unsigned),
        ("UPDATE audit_head SET at = at + 1", AuditFault::Unsigned),
        ("UPDATE audit_head SET signature = zeroblob(32)", AuditFault::Unsigned),
    ] {
        let folder = written(2).await;
        let directory = folder.folder.path().join("directory.sqlite");
        let mut connection = options(&directory).connect().await.unwrap();
        sqlx::raw_sql(change).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        assert_eq!(faults(&folder).await, [expected], "{change}");
    }
}

/// A store with one block of 2500 events and a row behind it.
async fn sealed() -> Folder {
    let folder = folder(ENOUGH);
    let ward = ward(&folder).await;
    ward.session.audit((0..2500).map(|i| event(&format!("old-{i}"), &["k"])).collect()).await.unwrap();
    // What seals goes on beside the writer.
    for i in 0..3000 {
        ward.session.audit(vec![event(&format!("new-{i}"), &["k"])]).await.unwrap();
        if bytes(&folder, "SELECT seal FROM audit_block").await.len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(chained(&*ward.session).await.faults, []);
    ward.store.close().await;
    folder
}

#[tokio::test]
async fn each_change_of_a_block_is_found() {
    let folder = sealed().await;
    run(&folder, "CREATE TABLE kept AS SELECT * FROM audit_block; CREATE TABLE kept_key AS SELECT * FROM audit_key")
        .await;
    let columns = ["last", "earlier", "total", "oldest", "newest", "low", "high"].map(|it| format!("{it} = {it} + 1"));
    let hashes = ["before", "mac", "seal"].map(|it| format!("{it} = randomblob(32)"));
    let places = (1..8).map(|it| {
        let at = format!("length(body) * {it} / 8");
        let byte = format!("CASE substr(body, {at}, 1) WHEN x'00' THEN x'01' ELSE x'00' END");
        format!("body = CAST(substr(body, 1, {at} - 1) || {byte} || substr(body, {at} + 1) AS BLOB)")
    });
    for change in columns.into_iter().chain(hashes).chain(places).chain(["body = x''".to_owned()]) {
        run(&folder, &format!("UPDATE audit_block SET {change}")).await;
        let faults = faults(&folder).await;
        assert!(faults.iter().any(|it| matches!(it, AuditFault::Block(1, _))), "{change}: {faults:?}");
        run(&folder, "DELETE FROM audit_block; INSERT INTO audit_block SELECT * FROM kept").await;
    }
    for (change, expected) in [
        ("DELETE FROM audit_key WHERE hash = (SELECT max(hash) FROM audit_key)", AuditFault::Index(1)),
        ("UPDATE audit_block SET number = 2", AuditFault::Missing(1, 1)),
        ("DELETE FROM audit_block", AuditFault::Missing(1, 1)),
        (
            "INSERT INTO audit_row SELECT 1, total, newest, low, high, mac, body FROM audit_row LIMIT 1",
            AuditFault::Stray(1),
        ),
    ] {
        run(&folder, change).await;
        let faults = faults(&folder).await;
        assert!(faults.contains(&expected), "{change}: {faults:?}");
        run(&folder, "DELETE FROM audit_block; INSERT INTO audit_block SELECT * FROM kept; DELETE FROM audit_row WHERE number = 1; \
            DELETE FROM audit_key; INSERT INTO audit_key SELECT * FROM kept_key")
            .await;
    }
    assert_eq!(faults(&folder).await, []);
}

/// A command may write beside the server: the log is one.
#[tokio::test]
async fn two_processes_write_one_log() {
    let folder = folder(ENOUGH);
    let (server, command) = (ward(&folder).await, ward(&folder).await);
    for row in 0..4 {
        write(&server, 2 * row).await;
        write(&command, 2 * row + 1).await;
    }
    // What the command seals is no more where the server thinks it is.
    command.session.audit((0..2500).map(|i| event(&format!("many-{i}"), &["k"])).collect()).await.unwrap();
    for i in 0..200 {
        if bytes(&folder, "SELECT seal FROM audit_block").await.len() == 1 {
            break;
        }
        write(&command, 100 + i).await;
    }
    write(&server, 9).await;
    let verdict = server.session.verify_audit(&|_, _| ()).await.unwrap();
    assert!(verdict.head.events > 2500 && verdict.faults.is_empty(), "{verdict:?}");
}

/// What is taken away while a server runs is found, whatever it writes behind it.
#[tokio::test]
async fn a_cut_below_a_running_server_is_found() {
    let folder = folder(ENOUGH);
    let ward = ward(&folder).await;
    for row in 0..3 {
        write(&ward, row).await;
    }
    assert_eq!(chained(&*ward.session).await.faults, []);
    run(&folder, "DELETE FROM audit_row WHERE number = 3").await;
    write(&ward, 4).await;
    write(&ward, 5).await;
    assert_eq!(chained(&*ward.session).await.faults, [AuditFault::Head(3)]);
}

/// A row that was changed is sealed alone, and what is behind it becomes blocks as if nothing were.
#[tokio::test]
async fn a_changed_row_keeps_no_others_from_being_sealed() {
    let folder = folder(ENOUGH);
    let ward = ward(&folder).await;
    for row in 0..3 {
        write(&ward, row).await;
    }
    run(
        &folder,
        "UPDATE audit_row SET body = CAST(substr(body, 1, 20) || 'x' || substr(body, 22) AS BLOB) WHERE number = 2",
    )
    .await;
    ward.session.audit((0..2500).map(|i| event(&format!("many-{i}"), &["k"])).collect()).await.unwrap();
    for row in 10..3000 {
        write(&ward, row).await;
        if bytes(&folder, "SELECT seal FROM audit_block").await.len() == 3 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(chained(&*ward.session).await.faults, [AuditFault::Block(2, 2)]);
    let found = ward.session.audit_entry("0-0").await.unwrap().is_some();
    assert!(found && ward.session.audit_entry("2-1").await.unwrap().is_some());
    assert!(ward.session.audit_entry("many-7").await.unwrap().is_some());
    // What is not what was written outlives the time for which it is kept.
    assert!(ward.session.drop_audit(i64::MAX).await.unwrap() >= 2500);
    assert_eq!(chained(&*ward.session).await.faults, [AuditFault::Block(2, 2)]);
}

/// Each number of each table in several bits, and of each hash and body a byte in so many: whatever is changed there is found.
#[tokio::test]
async fn each_byte_of_each_table_is_bound() {
    let folder = sealed().await;
    let tables = [
        ("audit_row", &["number", "total", "newest", "low", "high"][..], &["mac", "body"][..]),
        (
            "audit_block",
            &["number", "last", "earlier", "total", "oldest", "newest", "low", "high"],
            &["before", "mac", "seal", "body"],
        ),
        ("audit_key", &["hash", "block"], &[]),
    ];
    for (table, numbers, blobs) in tables {
        run(&folder, &format!("DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM {table}")).await;
        let mut changes = Vec::new();
        for number in numbers {
            let flipped = |bit| format!("({number} | (1 << {bit})) - ({number} & (1 << {bit}))");
            // Not to the number of another one.
            let first = if *number == "number" { 9 } else { 0 };
            changes.extend((first..63).step_by(9).map(|bit| format!("{number} = {}", flipped(bit))));
        }
        for column in blobs {
            for eighth in 0..12 {
                let at = format!("1 + length({column}) * {eighth} / 12");
                let byte = format!("CASE substr({column}, {at}, 1) WHEN x'00' THEN x'01' ELSE x'00' END");
                let (before, behind) =
                    (format!("substr({column}, 1, {at} - 1)"), format!("substr({column}, {at} + 1)"));
                changes.push(format!("{column} = CAST({before} || {byte} || {behind} AS BLOB)"));
            }
            changes.push(format!("{column} = CAST(substr({column}, 2) AS BLOB)"));
            changes.push(format!("{column} = CAST({column} || x'00' AS BLOB)"));
        }
        let key = match table {
            "audit_key" => "hash = (SELECT min(hash) FROM audit_key)".to_owned(),
            _ => format!("number = (SELECT max(number) FROM {table})"),
        };
        for change in changes {
            run(&folder, &format!("UPDATE {table} SET {change} WHERE {key}")).await;
            assert!(!faults(&folder).await.is_empty(), "{table}: {change}");
            run(&folder, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept")).await;
        }
    }
    assert_eq!(faults(&folder).await, []);
}
