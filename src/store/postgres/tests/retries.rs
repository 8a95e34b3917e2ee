//! Serialisation failures and deadlocks: what the database undid is done again whole, and once.

use super::{Database, database};
use crate::contract::{WARD, put, ward};
use crate::{Changes, Error, Expect, Key};
use sqlx::AssertSqlSafe;

/// Failures at the beginning.
const FAILURES: u32 = 3;

/// Lets the first statements that change a table fail so. The count of a sequence is not undone.
async fn fail_first(database: &Database, table: &str, code: &str, role: &str) {
    let (schema, _) = table.split_once('.').unwrap();
    let trigger = format!(
        "CREATE SEQUENCE {schema}.tries; GRANT USAGE ON SEQUENCE {schema}.tries TO {role}; \
         CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           IF nextval('{schema}.tries') <= {FAILURES} THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF; RETURN NULL; END $$; \
         CREATE TRIGGER fail AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {schema}.fail()"
    );
    sqlx::raw_sql(AssertSqlSafe(trigger)).execute(&mut database.owner().await).await.unwrap();
}

/// How often it was tried.
async fn tries(database: &Database, schema: &str) -> i64 {
    let count = format!("SELECT last_value FROM {schema}.tries");
    sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut database.owner().await).await.unwrap()
}

const CODES: [&str; 2] = ["40001", "40P01"];

#[tokio::test]
async fn a_write_is_made_again() {
    for code in CODES {
        let Some(database) = database(1000).await else { return };
        let ward = ward(&database).await;
        fail_first(&database, "medisync_pool.change", code, "medisync_data").await;
        let puts = vec![put(&*ward.session, "Patient", "p", Expect::Absent, "", &[])];
        ward.session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
        assert_eq!(ward.session.read(&Key::new("Patient", "p")).await.unwrap().unwrap().version, 1);
        assert_eq!(tries(&database, "medisync_pool").await, i64::from(FAILURES) + 1);
    }
}

#[tokio::test]
async fn a_release_is_entered_again() {
    for code in CODES {
        let Some(database) = database(1000).await else { return };
        let ward = ward(&database).await;
        fail_first(&database, "medisync_pool.code_release", code, "medisync_data").await;
        let number = ward.session.begin_release("http://codes", "1", "").await.unwrap();
        assert!(ward.session.finish_release(number).await.unwrap());
        assert_eq!(ward.session.releases().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_change_of_the_directory_is_made_again() {
    for code in CODES {
        let Some(database) = database(1000).await else { return };
        let ward = ward(&database).await;
        fail_first(&database, "medisync.tenant", code, "medisync_directory").await;
        assert!(ward.store.rotate_data_key(WARD).await.unwrap() > 1);
        assert_eq!(tries(&database, "medisync").await, i64::from(FAILURES) + 1);
    }
}

#[tokio::test]
async fn encrypting_anew_goes_on() {
    for code in CODES {
        let Some(database) = database(1000).await else { return };
        let ward = ward(&database).await;
        ward.create("Patient", "p", &[]).await;
        ward.store.rotate_data_key(WARD).await.unwrap();
        fail_first(&database, "medisync_pool.resource", code, "medisync_data").await;
        assert_eq!(ward.store.reseal(WARD, &|_| ()).await.unwrap(), 1);
        assert_eq!(tries(&database, "medisync_pool").await, i64::from(FAILURES) + 1);
    }
}

/// What fails for ever is given up and told.
#[tokio::test]
async fn nothing_is_tried_for_ever() {
    let Some(database) = database(1000).await else { return };
    let ward = ward(&database).await;
    fail_first(&database, "medisync_pool.code_release", "40001", "medisync_data").await;
    let always = "ALTER SEQUENCE medisync_pool.tries INCREMENT -1 MINVALUE -1000";
    sqlx::raw_sql(always).execute(&mut database.owner().await).await.unwrap();
    assert!(matches!(ward.session.begin_release("http://codes", "1", "").await, Err(Error::Database(_))));
}
