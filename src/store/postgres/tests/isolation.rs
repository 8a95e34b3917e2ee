//! Nobody sees another tenant's rows, whatever was asked, broken off or forgotten before.

use super::{database, database_of};
use crate::contract::{delete, put, tenant};
use crate::{Changes, Error, Expect, Key, Placement, Session, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

/// Every table of records, in every placement: its rows are guarded from its owner, too, nobody sees any without a tenant, and every
/// index leads with the tenant.
#[tokio::test]
async fn every_table_of_records_is_guarded() {
    for placement in [Placement::Pool, Placement::Schema, Placement::Database] {
        let Some(database) = database_of(placement).await else { return };
        let store = database.store(LONG).await;
        write(&*store.open(&tenant(&store, "north").await).await.unwrap(), "p", "").await;
        let (owner, schema) = database.place(placement, "north").await;
        every_table_is_guarded(owner, &schema).await;
    }
}

/// The one rule of every table, as the catalogue tells it.
const RULE: &str = "(tenant = ( SELECT (current_setting('medisync.tenant'::text))::integer AS current_setting))";

async fn every_table_is_guarded(mut owner: PgConnection, schema: &str) {
    let tables = sqlx::query(
        "SELECT c.relname::text, c.relkind IN ('r', 'p') AND c.relrowsecurity AND c.relforcerowsecurity, \
           (SELECT a.attname = 'tenant' AND a.attnotnull FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1), \
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid), \
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd = '*' AND p.polpermissive \
              AND p.polroles = '{0}' AND p.polwithcheck IS NULL AND pg_get_expr(p.polqual, c.oid) = $2), \
           (SELECT bool_and(i.indkey[0] = 1) FROM pg_index i WHERE i.indrelid = c.oid) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relname <> 'migration'",
    );
    let tables = tables.bind(schema).bind(RULE).fetch_all(&mut owner).await.unwrap();
    assert!(tables.len() > 10);
    fill(&mut owner, schema).await;
    let enter = format!("SET ROLE medisync_data; SET search_path = {schema}");
    sqlx::raw_sql(AssertSqlSafe(enter)).execute(&mut owner).await.unwrap();
    for table in tables {
        let name: String = table.get(0);
        assert!(table.get::<bool, _>(1), "{name} is a table with forced row-level security");
        assert!(table.get::<bool, _>(2), "{name} leads with the tenant");
        assert_eq!((table.get::<i64, _>(3), table.get::<i64, _>(4)), (1, 1), "{name} has the rule and no other");
        assert!(table.get::<bool, _>(5), "every index of {name} leads with the tenant");
        nothing_without_a_tenant(&mut owner, &name).await;
    }
}

/// Has a row in every table, whatever its columns are: where there is none, none is refused.
async fn fill(owner: &mut PgConnection, schema: &str) {
    let inserts = sqlx::query_scalar::<_, String>(
        "SELECT format('INSERT INTO %I.%I VALUES (%s) ON CONFLICT DO NOTHING', n.nspname, c.relname, \
           string_agg(CASE WHEN t.typcategory = 'A' THEN quote_literal('{}') WHEN t.typname = 'uuid' THEN quote_literal(gen_random_uuid()) \
             WHEN t.typname = 'pg_snapshot' THEN quote_literal('1:1:') ELSE quote_literal('1') END, \
             ', ' ORDER BY a.attnum)) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         JOIN pg_type t ON t.oid = a.atttypid \
         WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> 'migration' AND NOT a.attisdropped GROUP BY n.nspname, c.relname",
    );
    for insert in inserts.bind(schema).fetch_all(&mut *owner).await.unwrap() {
        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *owner).await.unwrap();
    }
}

/// Whoever has set no tenant gets an error.
async fn nothing_without_a_tenant(data: &mut PgConnection, table: &str) {
    for statement in ["SELECT FROM", "DELETE FROM", "TRUNCATE"] {
        let statement = format!("{statement} \"{table}\"");
        let refused = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *data).await;
        assert!(refused.is_err(), "{statement}");
    }
}

/// The role of records owns nothing and cannot pass the policies by; the directory's has no right to records, and the
/// other way round.
#[tokio::test]
async fn roles_have_no_more_rights_than_they_need() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    let count = |text: &'static str| sqlx::query_scalar::<_, i64>(text);
    for (why, query) in [
        (
            "owns something",
            "SELECT count(*) FROM pg_class WHERE relowner::regrole::text IN ('medisync_data', 'medisync_directory')",
        ),
        (
            "passes policies by",
            "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'medisync%' \
             AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin)",
        ),
        (
            "reads across",
            "SELECT count(*) FROM information_schema.table_privileges WHERE table_name <> 'migration' AND \
             (table_schema, grantee) IN (('medisync', 'medisync_data'), ('medisync_pool', 'medisync_directory'), \
              ('medisync', 'PUBLIC'), ('medisync_pool', 'PUBLIC'))",
        ),
    ] {
        assert_eq!(count(query).fetch_one(&mut owner).await.unwrap(), 0, "a role {why}");
    }
}

/// With a tenant set, other tenants' rows are neither seen nor written.
#[tokio::test]
async fn other_tenants_rows_are_as_if_they_were_not() {
    let Some(database) = database(1000).await else { return };
    let store = database.store(LONG).await;
    for name in ["north", "south"] {
        let session = store.open(&tenant(&store, name).await).await.unwrap();
        write(&*session, "p", name).await;
    }
    let mut data = database.owner().await;
    sqlx::raw_sql("SET ROLE medisync_data; SET search_path = medisync_pool").execute(&mut data).await.unwrap();
    let tenants = "SELECT string_agg(DISTINCT tenant::text, ',') FROM resource";
    sqlx::raw_sql("BEGIN; SELECT set_config('medisync.tenant', '1', true)").execute(&mut data).await.unwrap();
    assert_eq!(sqlx::query_scalar::<_, String>(tenants).fetch_one(&mut data).await.unwrap(), "1");
    let foreign = sqlx::raw_sql("INSERT INTO loaded VALUES (2, 'x')").execute(&mut data).await;
    assert!(foreign.unwrap_err().to_string().contains("row-level security"));
    sqlx::raw_sql("ROLLBACK").execute(&mut data).await.unwrap();
    assert!(sqlx::query_scalar::<_, String>(tenants).fetch_one(&mut data).await.is_err(), "the setting is gone");
    data.close().await.unwrap();
}

/// A login whose rights reach past the policies is not served with.
#[tokio::test]
async fn a_role_that_owns_tables_is_refused() {
    let Some(database) = database(1000).await else { return };
    let mut owner = database.owner().await;
    sqlx::raw_sql("GRANT CREATE ON SCHEMA medisync_pool TO medisync_data; ALTER TABLE medisync_pool.loaded OWNER TO medisync_data")
        .execute(&mut owner)
        .await
        .unwrap();
    let store = database.store(LONG).await;
    let refused = store.open(&tenant(&store, "north").await).await;
    assert!(matches!(refused, Err(Error::Role)));
}

/// Two tenants on one connection each way, requests broken off at any moment, changes refused: what is found afterwards is
/// always one's own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_requests_leave_nothing_behind() {
    let Some(database) = database(1000).await else { return };
    let store = database.store_with(LONG, 2).await;
    let mut sessions = Vec::new();
    for name in ["north", "south"] {
        let session = store.open(&tenant(&store, name).await).await.unwrap();
        write(&*session, "p", name).await;
        sessions.push((name, session));
    }
    for round in 0..40_u64 {
        for (name, session) in &sessions {
            let patience = Duration::from_micros(round * 40);
            let _ = tokio::time::timeout(patience, session.read(&Key::new("Patient", "p"))).await;
            let id = format!("{name}-{round}");
            let changes = Changes {
                puts: vec![put(&**session, "Patient", &id, Expect::Absent, name, &[])],
                guards: vec![crate::contract::commits::none_matches(&id)],
                ..Changes::default()
            };
            let _ = tokio::time::timeout(patience, session.commit(changes)).await;
            let refused =
                session.commit(Changes { puts: vec![delete(&**session, "Patient", "p", 7)], ..Changes::default() });
            assert!(refused.await.is_err());
        }
        for (name, session) in &sessions {
            let found = session.read(&Key::new("Patient", "p")).await.unwrap().unwrap();
            assert!(String::from_utf8_lossy(&found.body).contains(name));
            let plan = crate::contract::filters::plan("Patient", Vec::new(), Vec::new(), 1000);
            for it in session.search(&plan).await.unwrap().found {
                assert!(it.key.id == "p" || it.key.id.starts_with(name), "{name} sees {}", it.key);
            }
        }
    }
}

async fn write(session: &dyn Session, id: &str, note: &str) {
    let puts = vec![put(session, "Patient", id, Expect::Absent, note, &[])];
    session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
}

/// What one node knows of a tenant is no other's.
#[tokio::test]
async fn nodes_see_each_others_writes_at_once() {
    let Some(database) = database(1000).await else { return };
    let (a, b) = (database.store(LONG).await, database.store(LONG).await);
    let here: Arc<dyn Session> = a.open(&tenant(&a, "north").await).await.unwrap();
    let there = b.open(&tenant(&b, "north").await).await.unwrap();
    write(&*here, "p", "").await;
    let next = |session: &dyn Session| Changes {
        puts: vec![put(session, "Patient", "p", Expect::Version(1), "", &[])],
        ..Changes::default()
    };
    let (one, other) = tokio::join!(here.commit(next(&*here)), there.commit(next(&*there)));
    assert!(one.is_ok() != other.is_ok(), "one of two updates wins");
    for session in [&here, &there] {
        assert_eq!(session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().version, 2);
    }
}
