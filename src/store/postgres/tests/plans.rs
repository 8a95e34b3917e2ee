//! PostgreSQL's plans of the statements that must stay cheap: what is looked up is looked up by an index, however little
//! the planner knows of the tables, and ranges in the order of a page are not sorted.

use super::{Database, database};
use crate::contract::clauses::{Parts, along, any, clauses, p, paired};
use crate::contract::tenant;
use crate::postgres::records::Records;
use crate::postgres::runner::query as query_of;
use crate::postgres::statement::{self, Shape};
use crate::query::{self, Choice, Dialect, Sql, Way};
use crate::{Branch, Plan, Position, Sort, SortBy, SortValue};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Test, TokenTest};
use sqlx::{AssertSqlSafe, Execute, Row};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A tenant's records, and the database that lasts as long.
async fn records() -> Option<(Database, Arc<Records>)> {
    let database = database(1000).await?;
    let store = database.store(Duration::from_secs(20)).await;
    let records = store.homes.records(&store.homes.of(&tenant(&store, "t").await.name)).await.unwrap();
    Some((database, records))
}

/// The steps of the plan of a statement with any values, one a line.
async fn explain(records: &Records, types: &str, text: &str) -> String {
    let mut taken = records.place.reads.take().await.unwrap();
    let prepare = format!("PREPARE it{types} AS {text}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut taken.connection).await.unwrap();
    let count =
        text.split(|it: char| !it.is_ascii_digit() && it != '$').filter_map(|it| it.strip_prefix('$')?.parse().ok());
    let nulls = vec!["NULL"; count.max().unwrap_or(0_usize)].join(", ");
    let explain = format!("EXPLAIN EXECUTE it ({nulls})");
    let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut taken.connection).await.unwrap();
    sqlx::raw_sql("DEALLOCATE it").execute(&mut taken.connection).await.unwrap();
    taken.give_back();
    rows.iter().map(|it| it.get::<String, _>(0) + "\n").collect()
}

async fn explain_search(records: &Records, sql: Sql) -> String {
    let typed = typed(&sql);
    explain(records, "", query_of(&records.tenancy.number, typed).unwrap().sql().as_str()).await
}

/// The statement with the types of its values said, as the driver says them.
fn typed(sql: &Sql) -> Sql {
    let mut out = Sql::default();
    for (i, piece) in sql.text.split('?').enumerate() {
        if i > 0 {
            let kind = match sql.binds[i - 1] {
                query::Bind::Int(_) => "bigint",
                query::Bind::Real(_) => "float8",
                query::Bind::Text(_) => "text",
                query::Bind::Bytes(_) => "bytea",
                query::Bind::Ints(_) => "bigint[]",
            };
            out.push(&format!("?::{kind}")).binds.push(sql.binds[i - 1].clone());
        }
        out.push(piece);
    }
    out
}

/// Tables that have one row of a tenant at the most.
const SINGLE: [&str; 2] = [" on closed ", " on leaving "];

/// Lines that tell of a table read from end to end, or of all rows of the tenant.
fn scans(plan: &str) -> Vec<&str> {
    let is_tenant_alone =
        |it: &str| it.trim().strip_prefix("Index Cond: (tenant = ").is_some_and(|it| !it.contains(" AND "));
    let is_single = |it: &str| SINGLE.iter().any(|table| it.contains(table));
    let pairs = std::iter::once("").chain(plan.lines()).zip(plan.lines());
    let scans = pairs.filter(|(before, it)| it.contains("Seq Scan") || is_tenant_alone(it) && !is_single(before));
    scans.map(|(_, it)| it).collect()
}

fn plan_of(filter: Filter, sort: Vec<Sort>, after: Option<Position>) -> Plan {
    Plan { branches: vec![Branch { of: "Observation".into(), filter, sort }], after, limit: 20 }
}

fn none_of(clause: &Clause) -> Clause {
    match clause.clone() {
        Clause::Any(it) | Clause::None(it) => Clause::None(it),
    }
}

#[tokio::test]
async fn no_clause_reads_a_whole_table() {
    let Some((_database, records)) = records().await else { return };
    let links = [p("subject"), ParamId::of("Patient", "link")];
    let logical = Parts { logical: links.into_iter().collect(), ..Parts::default() };
    for parts in [Parts::default(), logical] {
        let filters = parts.filters(Dialect::Postgres);
        for clause in clauses() {
            for (filter, driven) in
                [(vec![clause.clone()], Some(0)), (vec![clause.clone()], None), (vec![none_of(&clause)], None)]
            {
                let after = Some(Position { values: vec![SortValue::Missing], row: 7, along: None });
                let plan = plan_of(filter, Vec::new(), after);
                let choice = Choice { clause: driven, walk: None };
                let sql = query::unsorted(&filters, &plan.branches[0], &choice, &plan, Way::On);
                let steps = explain_search(&records, sql).await;
                assert!(scans(&steps).is_empty(), "{clause:?}\n{steps}");
            }
        }
    }
}

/// Pages of ranges in row order are read no further than to their end.
#[tokio::test]
async fn ordered_ranges_are_not_sorted() {
    let Some((_database, records)) = records().await else { return };
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Postgres);
    let code = Test::Token(p("code"), TokenTest::Code("a".into()));
    let subject = Test::Local { param: p("subject"), of: "Patient".into(), id: "a".into() };
    for (filter, index) in [
        (Vec::new(), "using key_pkey"),
        (vec![any(code.clone())], "using key_pkey"),
        (vec![any(code), any(Test::Date(p("date"), vec![RangeTest::Above(3)]))], "using key_pkey"),
        (vec![any(subject)], "using reference_pkey"),
    ] {
        let driven = if filter.is_empty() { None } else { Some(0) };
        let plan = plan_of(filter, Vec::new(), None);
        let choice = Choice { clause: driven, walk: None };
        for way in [Way::On, Way::Back] {
            let sql = query::unsorted(&filters, &plan.branches[0], &choice, &plan, way);
            let steps = explain_search(&records, sql).await;
            assert!(steps.contains(index) && !steps.contains("Sort"), "{steps}");
        }
    }
}

/// A walk along the index of the sort key reads it in its order.
#[tokio::test]
async fn walks_follow_the_index_of_their_key() {
    let Some((_database, records)) = records().await else { return };
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Postgres);
    for (by, value, index) in [
        (SortBy::Date(p("date")), SortValue::Int(3), "date_low"),
        (SortBy::Number(p("n")), SortValue::Real(3.0), "number_low"),
        (SortBy::String(p("text")), SortValue::Text("x".into()), "string_norm"),
    ] {
        for descending in [false, true] {
            let key = Sort { by: by.clone(), descending, is_single: false };
            let after = Some(Position { values: vec![value.clone()], row: 7, along: None });
            let plan = plan_of(Vec::new(), vec![key.clone()], after);
            let walk = query::Walk { clause: None, most: Some(100) };
            for way in [Way::On, Way::Back] {
                let sql = query::values(&filters, &plan.branches[0], &key, &walk, &plan, way);
                let steps = explain_search(&records, sql).await;
                assert!(steps.contains(index) && scans(&steps).is_empty(), "{steps}");
            }
        }
    }
}

/// What has a code comes by date from one range of one index, and with a patient from another one of the same.
#[tokio::test]
async fn pairs_keep_order_and_range() {
    let Some((_database, records)) = records().await else { return };
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Postgres);
    for (within, patient, descending) in
        [(None, None, false), (None, Some("a"), true), (Some(RangeTest::AtOrAbove(5, 6)), Some("a"), true)]
    {
        let key = Sort { by: SortBy::Date(p("date")), descending, is_single: true };
        let plan = plan_of(paired(within, patient), vec![key.clone()], None);
        let plan = query::paired(&filters, Cow::Owned(plan)).into_owned();
        let bounds = query::bounds(&filters, &plan.branches[0], &key);
        for way in [Way::On, Way::Back] {
            let sql = query::whole(&filters, &plan.branches[0], &key, bounds, &plan, way);
            let steps = explain_search(&records, sql).await;
            let ranges = steps.lines().filter(|it| it.contains("using date_low on date"));
            assert_eq!(ranges.count(), if within.is_none() { 4 } else { 3 }, "{steps}");
            assert!(!steps.contains("on key"), "{steps}");
            assert_eq!(steps.contains("on reference"), patient.is_some(), "{steps}");
            assert!(scans(&steps).is_empty(), "{steps}");
        }
    }
}

/// Whether a patient has something with a code is one look-up, and not through all that the patient has.
#[tokio::test]
async fn pairs_tell_which_patient_has_a_code() {
    let Some((_database, records)) = records().await else { return };
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Postgres);
    let has = Test::Has { of: "Observation".into(), param: p("patient"), filter: paired(None, None) };
    let branch = Branch { of: "Patient".into(), filter: vec![any(has)], sort: Vec::new() };
    let plan = Plan { branches: vec![branch], after: None, limit: 20 };
    let walk = query::Walk { clause: None, most: Some(9) };
    let sql = query::rows(&filters, &plan.branches[0], &walk, &plan, Way::On);
    let steps = explain_search(&records, sql).await;
    assert!(steps.contains("using date_low on date"), "{steps}");
    assert!(!steps.contains("on reference") && scans(&steps).is_empty(), "{steps}");
}

/// Of what a chain leads through no more is read than the page needs, and of each of that only what comes first.
#[tokio::test]
async fn chains_are_gone_along_in_order() {
    let Some((_database, records)) = records().await else { return };
    let parts = Parts::default();
    for way in [Way::On, Way::Back] {
        let steps = explain_search(&records, along(&parts.filters(Dialect::Postgres), way)).await;
        let direction = if way == Way::On { "" } else { " Backward" };
        let ranges = format!("Index Only Scan{direction} using reference_pkey on reference");
        // The encounters of two patients, and what refers to them.
        assert_eq!(steps.matches(&ranges).count(), 3, "{steps}");
        assert!(steps.contains("Merge Append") && !steps.contains("->  Sort"), "{steps}");
        assert!(scans(&steps).is_empty(), "{steps}");
    }
}

/// What a write costs depends on what it writes.
#[tokio::test]
async fn writes_look_rows_up() {
    let Some((_database, records)) = records().await else { return };
    let types = [
        vec!["text", "bigint"],
        vec!["bigint[]"; 5],
        vec!["smallint[]", "text[]", "text[]", "int[]", "int[]", "bytea[]"],
        vec!["bigint[]"; 6],
        vec!["text[]"; 2],
        vec!["bigint[]"; 6],
        vec!["float8[]"; 2],
        vec!["bigint[]", "bigint", "text", "bigint", "bytea[]"],
    ];
    let types = format!("({})", types.concat().join(", "));
    for shape in [Shape::Create, Shape::Change, Shape::Reindex] {
        let steps = explain(&records, &types, &statement::text(shape, true, true)).await;
        assert!(scans(&steps).is_empty(), "{shape:?}\n{steps}");
    }
}
