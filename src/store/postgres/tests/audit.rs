//! The audit log of many nodes: chained by one of them, changed by nobody, and what is changed all the same is found.

use super::{Database, database, until};
use crate::contract::audit::{chained, event};
use crate::contract::{WARD, Ward, tenant, ward};
use crate::postgres::audit::CHAINER;
use crate::{AuditFault, AuditQuery, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::sync::Arc;
use std::time::Duration;

pub(super) const LONG: Duration = Duration::from_secs(20);

/// A log of so many rows of one event each.
pub(super) async fn written(database: &Database, rows: usize) -> Ward {
    let ward = ward(database).await;
    for row in 0..rows {
        ward.session.audit(vec![event(&row.to_string(), &["p"])]).await.unwrap();
        chained(&*ward.session).await;
    }
    head_at(database, rows as i64).await;
    ward
}

/// Waits until the directory knows that the log has come to a row.
async fn head_at(database: &Database, row: i64) {
    let mut owner = database.owner().await;
    let head = "SELECT max(number) FROM medisync.audit_head";
    until(&format!("the directory knows of row {row}"), async || {
        sqlx::query_scalar::<_, Option<i64>>(head).fetch_one(&mut owner).await.unwrap() == Some(row)
    })
    .await;
    owner.close().await.unwrap();
}

/// With all rights.
pub(super) async fn run(owner: &mut PgConnection, statement: &str) {
    let enter = "SET search_path = medisync_pool; SELECT set_config('medisync.tenant', '1', false); ";
    sqlx::raw_sql(AssertSqlSafe(format!("{enter}{statement}"))).execute(owner).await.unwrap();
}

pub(super) async fn faults(ward: &Ward) -> Vec<AuditFault> {
    ward.session.verify_audit(&|_, _| ()).await.unwrap().faults
}

#[tokio::test]
async fn nobody_who_serves_has_the_right_to_change_a_log() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    let rights = "SELECT c.relname::text, r.name, \
           has_table_privilege('medisync_data', c.oid, r.name) FROM pg_class c \
         CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS r(name) \
         WHERE c.relnamespace = 'medisync_pool'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'audit%'";
    let rights = sqlx::query(rights).fetch_all(&mut owner).await.unwrap();
    assert_eq!(rights.len(), 20);
    for right in rights {
        let (table, name, may): (String, String, bool) = (right.get(0), right.get(1), right.get(2));
        assert_eq!(may, ["SELECT", "INSERT"].contains(&name.as_str()), "{name} on {table}");
    }
    let ward = written(&database, 1).await;
    let clear = "SET ROLE medisync_data; SELECT audit_clear(NULL)";
    let refused = sqlx::raw_sql("SET search_path = medisync_pool; SELECT set_config('medisync.tenant', '1', false)");
    refused.execute(&mut owner).await.unwrap();
    let refused = sqlx::raw_sql(clear).execute(&mut owner).await.unwrap_err();
    assert!(refused.to_string().contains("stays"), "{refused}");
    assert_eq!(faults(&ward).await, []);
}

#[tokio::test]
async fn each_change_of_a_log_is_found() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 3).await;
    let mut owner = database.owner().await;
    run(
        &mut owner,
        "CREATE TABLE public.kept AS SELECT * FROM audit_row; CREATE TABLE public.kept_head AS SELECT * FROM medisync.audit_head",
    )
    .await;
    for (change, expected) in [
        ("UPDATE audit_row SET total = total + 1 WHERE number = 2", AuditFault::Row(2)),
        ("UPDATE audit_row SET newest = newest + 1 WHERE number = 2", AuditFault::Row(2)),
        ("UPDATE audit_row SET low = low - 1 WHERE number = 2", AuditFault::Row(2)),
        ("UPDATE audit_row SET high = high + 1 WHERE number = 2", AuditFault::Row(2)),
        ("UPDATE audit_row SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1) WHERE number = 2", AuditFault::Row(2)),
        ("DELETE FROM audit_row WHERE number = 1", AuditFault::Missing(1, 1)),
        ("DELETE FROM audit_row WHERE number = 2", AuditFault::Missing(2, 2)),
        ("DELETE FROM audit_row WHERE number = 3", AuditFault::Cut(2, 3)),
        ("DELETE FROM audit_row", AuditFault::Cut(0, 3)),
        ("INSERT INTO audit_new VALUES (1, 5, '', '')", AuditFault::Waiting(5)),
        ("UPDATE medisync.audit_head SET number = 2", AuditFault::Unsigned),
        ("DELETE FROM medisync.audit_head", AuditFault::Unsigned),
    ] {
        let change = change.replace("''", "decode(repeat('00', 32), 'hex')");
        run(&mut owner, &change).await;
        let faults = faults(&ward).await;
        assert!(faults.contains(&expected), "{change}: {faults:?}");
        run(
            &mut owner,
            "DELETE FROM audit_new; DELETE FROM audit_row; INSERT INTO audit_row SELECT * FROM public.kept; \
            DELETE FROM medisync.audit_head; INSERT INTO medisync.audit_head SELECT * FROM public.kept_head",
        )
        .await;
    }
    assert_eq!(faults(&ward).await, []);
}

#[tokio::test]
async fn each_byte_of_what_was_written_is_bound() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 2).await;
    let mut owner = database.owner().await;
    let length = "SELECT octet_length(body) FROM medisync_pool.audit_row WHERE number = 1";
    let length: i32 = sqlx::query_scalar(length).fetch_one(&mut owner).await.unwrap();
    for at in 0..length {
        let change =
            format!("UPDATE audit_row SET body = set_byte(body, {at}, get_byte(body, {at}) # 32) WHERE number = 1");
        run(&mut owner, &change).await;
        assert!(faults(&ward).await.contains(&AuditFault::Row(1)), "byte {at}");
        run(&mut owner, &change).await;
    }
    assert_eq!(faults(&ward).await, []);
}

/// Each place of what a table keeps, a byte of each hash and body in so many, and each number: whatever is changed there is
/// found.
#[tokio::test]
async fn each_byte_of_each_table_is_bound() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 1).await;
    ward.session.audit((0..2500).map(|i| event(&format!("many-{i}"), &["p"])).collect()).await.unwrap();
    chained(&*ward.session).await;
    ward.session.audit(vec![event("behind", &["p"])]).await.unwrap();
    chained(&*ward.session).await;
    head_at(&database, 3).await;
    let mut owner = database.owner().await;
    for (table, numbers, bytes) in [
        ("audit_row", &["number", "total", "newest", "low", "high"][..], &["mac", "body"][..]),
        (
            "audit_block",
            &["number", "last", "earlier", "total", "oldest", "newest", "low", "high"],
            &["before", "mac", "seal", "body"],
        ),
        ("audit_key", &["hash", "block"], &[]),
        ("medisync.audit_head", &["number", "events", "at"], &["hash", "signature"]),
    ] {
        run(
            &mut owner,
            &format!("DROP TABLE IF EXISTS public.kept; CREATE TABLE public.kept AS SELECT * FROM {table}"),
        )
        .await;
        let mut changes = Vec::new();
        for number in numbers {
            changes.extend((0..63).step_by(9).map(|bit| format!("{number} = {number} # (1::bigint << {bit})")));
        }
        for column in bytes {
            let length: i32 =
                sqlx::query_scalar(AssertSqlSafe(format!("SELECT octet_length({column}) FROM public.kept")))
                    .fetch_one(&mut owner)
                    .await
                    .unwrap();
            let step = (length / 40).max(1) as usize;
            changes.extend((0..length).step_by(step).map(|at| {
                format!("{column} = set_byte({column}, {at}, get_byte({column}, {at}) # {})", 1 << (at % 8))
            }));
            changes.push(format!("{column} = substr({column}, 2)"));
            changes.push(format!("{column} = {column} || 'x'"));
        }
        for change in changes {
            let one = if table == "audit_key" { "WHERE hash = (SELECT min(hash) FROM audit_key)" } else { "" };
            run(&mut owner, &format!("UPDATE {table} SET {change} {one}")).await;
            assert!(!faults(&ward).await.is_empty(), "{table}: {change}");
            run(&mut owner, &format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM public.kept")).await;
        }
    }
    assert_eq!(faults(&ward).await, []);
}

/// What waits to be chained is bound as well, and to its place.
#[tokio::test]
async fn each_byte_of_what_waits_is_bound() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 1).await;
    let mut owner = database.owner().await;
    run(&mut owner, &format!("SELECT pg_advisory_lock({CHAINER}, 1)")).await;
    ward.session.audit(vec![event("waits", &["p"])]).await.unwrap();
    let find = "SELECT octet_length(body), place FROM medisync_pool.audit_new";
    let (length, place): (i32, i64) = sqlx::query_as(find).fetch_one(&mut owner).await.unwrap();
    let of = |column: &str, length: i32| -> Vec<String> {
        (0..length).map(|at| format!("{column} = set_byte({column}, {at}, get_byte({column}, {at}) # 4)")).collect()
    };
    for change in of("body", length).into_iter().chain(of("mac", 32)) {
        run(&mut owner, &format!("UPDATE audit_new SET {change}")).await;
        assert_eq!(faults(&ward).await, [AuditFault::Waiting(place)], "{change}");
        run(&mut owner, &format!("UPDATE audit_new SET {change}")).await;
    }
    run(&mut owner, "UPDATE audit_new SET place = place + 1").await;
    assert_eq!(faults(&ward).await, [AuditFault::Waiting(place + 1)]);
    run(&mut owner, "UPDATE audit_new SET place = place - 1").await;
    assert_eq!(faults(&ward).await, []);
}

/// What was cut off is found later as well, when others have written behind it.
#[tokio::test]
async fn what_was_cut_off_is_not_forgotten() {
    let Some(database) = database(1000).await else { return };
    let ward = written(&database, 3).await;
    let mut owner = database.owner().await;
    run(&mut owner, "DELETE FROM audit_row WHERE number > 1").await;
    for i in 0..3 {
        ward.session.audit(vec![event(&format!("later-{i}"), &["p"])]).await.unwrap();
        chained(&*ward.session).await;
    }
    assert_eq!(faults(&ward).await, [AuditFault::Head(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_nodes_write_at_once_is_one_log() {
    const EACH: usize = 150;
    let Some(database) = database(1000).await else { return };
    let (a, b) = (database.store(LONG).await, database.store(LONG).await);
    let here = a.open(&tenant(&a, WARD).await).await.unwrap();
    let there = b.open(&tenant(&b, WARD).await).await.unwrap();
    let writers: Vec<_> = [(0, &here), (1, &there), (2, &here), (3, &there)]
        .into_iter()
        .map(|(writer, session)| {
            let session = Arc::clone(session);
            tokio::spawn(async move {
                for i in 0..EACH {
                    session.audit(vec![event(&format!("{writer}-{i}"), &["k"])]).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let ward = Ward { store: Arc::new(a), session: here };
    let verdict = chained(&*ward.session).await;
    assert_eq!((verdict.head.events, verdict.faults), ((4 * EACH) as i64, Vec::new()));
    let query = AuditQuery { keys: vec![vec!["k".into()]], limit: 10_000, ..AuditQuery::default() };
    let mut ids: Vec<String> = there.audited(&query).await.unwrap().entries.into_iter().map(|it| it.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4 * EACH);
}

/// A node that dies leaves what it wrote to be chained by the next one.
#[tokio::test]
async fn what_a_dead_node_wrote_is_chained() {
    let Some(database) = database(1000).await else { return };
    {
        let store = database.store(LONG).await;
        let session = store.open(&tenant(&store, WARD).await).await.unwrap();
        session.audit(vec![event("1", &["k"])]).await.unwrap();
        // Its connections are gone at once, so that nothing more is done.
        store.close().await;
    }
    let ward = ward(&database).await;
    let verdict = chained(&*ward.session).await;
    assert_eq!((verdict.head.events, verdict.faults), (1, Vec::new()));
    assert!(ward.session.audit_entry("1").await.unwrap().is_some());
}
