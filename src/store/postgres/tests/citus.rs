//! What can be tested of Citus' migration without Citus: which schemas it distributes, each once, and that these are as
//! `citus_schema_distribute` wants them. Its functions are stood in for by some that write down what they were asked.

use super::{Placement, database_of};
use crate::Store;
use crate::contract::tenant;
use sqlx::{AssertSqlSafe, Connection};
use std::time::Duration;

const MIGRATION: &str = include_str!("../../../../migrations/postgres/citus/0001_distribute.sql");
const STAND_IN: &str = "
CREATE TABLE public.asked (n serial, schema_name regnamespace);
CREATE VIEW public.citus_schemas AS SELECT DISTINCT schema_name FROM public.asked;
CREATE FUNCTION public.citus_schema_distribute(regnamespace) RETURNS void LANGUAGE sql AS
  'INSERT INTO public.asked (schema_name) VALUES ($1)'";

#[tokio::test]
async fn each_tenants_schema_is_distributed_once() {
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store(Duration::from_secs(20)).await;
    let mut owner = database.owner().await;
    sqlx::raw_sql(STAND_IN).execute(&mut owner).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(MIGRATION)).execute(&mut owner).await.unwrap();
    let mut schemas = Vec::new();
    for name in ["north", "south"] {
        store.open(&tenant(&store, name).await).await.unwrap();
        schemas.push(database.place(Placement::Schema, name).await.1);
        // Called again it goes on with what is new.
        sqlx::raw_sql("CALL medisync.distribute()").execute(&mut owner).await.unwrap();
    }
    let asked = sqlx::query_scalar::<_, String>("SELECT schema_name::text FROM public.asked ORDER BY n");
    assert_eq!(asked.fetch_all(&mut owner).await.unwrap(), schemas);
    owner.close().await.unwrap();
}

/// docs.citusdata.com, citus_schema_distribute: no foreign keys to other schemas, and no tables of a kind that cannot go.
#[tokio::test]
async fn a_tenants_schema_stands_alone() {
    let Some(database) = database_of(Placement::Schema).await else { return };
    let store = database.store(Duration::from_secs(20)).await;
    store.open(&tenant(&store, "north").await).await.unwrap();
    let (mut owner, schema) = database.place(Placement::Schema, "north").await;
    let others = sqlx::query_scalar::<_, String>(
        "SELECT c.conname::text FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class o ON o.oid = c.confrelid \
           WHERE t.relnamespace <> o.relnamespace AND $1::regnamespace IN (t.relnamespace, o.relnamespace) \
         UNION ALL SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace \
           AND relkind NOT IN ('r', 'i', 't') \
         UNION ALL SELECT tgname::text FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid \
           WHERE t.relnamespace = $1::regnamespace AND NOT tgisinternal",
    );
    assert_eq!(others.bind(schema).fetch_all(&mut owner).await.unwrap(), Vec::<String>::new());
    owner.close().await.unwrap();
}
