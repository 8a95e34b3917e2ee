//! SQLite's plans of the statements that must stay cheap: the index each goes by, and no sorting where the order is
//! an index's own.

use super::{Folder, folder};
use crate::contract::clauses::{Parts, along, any, clauses, p, paired};
use crate::contract::{WARD, model::Entry, tenant, ward};
use crate::query::{self, Aim, Choice, Dialect, Sql, Walk, Way};
use crate::sqlite::place::Place;
use crate::sqlite::runner::{Reading, query as query_of};
use crate::{Branch, Plan, Position, Sort, SortBy, SortValue};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Shelf, Test, TokenTest};
use sqlx::Row;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// A place, and the folder that lasts as long.
async fn place() -> (Folder, Arc<Place>) {
    let folder = folder(1000);
    let store = folder.store(Duration::from_secs(20)).await;
    let place = store.door(&tenant(&store, "t").await).place().await.unwrap();
    (folder, place)
}

/// The steps of the plan, one a line.
async fn explain(place: &Place, statement: Sql) -> String {
    let mut sql = Sql::new("EXPLAIN QUERY PLAN ");
    sql.append(statement);
    let rows = place.readers.fetch_all(query_of(sql).unwrap()).await.unwrap();
    rows.iter().map(|it| it.get::<String, _>("detail") + "\n").collect()
}

fn plan_of(filter: Filter, sort: Vec<Sort>, after: Option<Position>) -> Plan {
    Plan { branches: vec![Branch { of: "Observation".into(), filter, sort }], after, limit: 20 }
}

fn behind(value: SortValue) -> Option<Position> {
    Some(Position { values: vec![value], row: 7, along: None })
}

/// A table read from end to end shows as `SCAN` without an index; subqueries and lists of the query's own may be.
fn scans(plan: &str) -> Vec<&str> {
    let tables = ["resource", "key", "reference", "string", "date", "number", "change", "history"];
    let names = ["r", "f", "h", "i", "k", "dx", "dxx", "c"];
    let is_table = |it: &str| tables.contains(&it) || names.contains(&it);
    plan.lines()
        .filter(|line| line.strip_prefix("SCAN ").is_some_and(|it| is_table(it.split(' ').next().unwrap_or(""))))
        .collect()
}

#[tokio::test]
async fn no_clause_reads_a_whole_table() {
    let (_folder, place) = place().await;
    let links = [p("subject"), ParamId::of("Patient", "link")];
    let logical = Parts { logical: links.into_iter().collect(), ..Parts::default() };
    for (parts, clause) in
        [Parts::default(), logical].iter().flat_map(|it| clauses().into_iter().map(move |clause| (it, clause)))
    {
        let filters = parts.filters(Dialect::Sqlite);
        for (filter, driven) in [
            (vec![clause.clone()], Some(0)),
            (vec![clause.clone()], None),
            (
                vec![Clause::None(match clause.clone() {
                    Clause::Any(it) | Clause::None(it) => it,
                })],
                None,
            ),
        ] {
            let plan = plan_of(filter, Vec::new(), behind(SortValue::Missing));
            let choice = Choice { clause: driven, walk: None };
            let steps = explain(&place, query::unsorted(&filters, &plan.branches[0], &choice, &plan, Way::On)).await;
            assert!(scans(&steps).is_empty(), "{clause:?}\n{steps}");
            assert!(!steps.contains("AUTOMATIC"), "{clause:?}\n{steps}");
        }
    }
}

/// The clause with the fewest rows drives, wherever it stands; the guards of conditional changes go by the same choice.
#[tokio::test]
async fn the_rarest_clause_drives() {
    let folder = folder(10);
    let ward = ward(&folder).await;
    for i in 0..30 {
        let code = |code| Entry::Token(p("code"), None, code);
        let entries = if i == 7 { vec![code("common"), code("rare")] } else { vec![code("common")] };
        ward.create("Observation", &format!("o{i}"), &entries).await;
    }
    let store = folder.store(Duration::from_secs(20)).await;
    let place = store.door(&tenant(&store, WARD).await).place().await.unwrap();
    let parts = Parts { hash: place.hash.clone(), ..Parts::default() };
    let filters = parts.filters(Dialect::Sqlite);
    let code = |it: &str| any(Test::Token(p("code"), TokenTest::Code(it.into())));
    for (filter, expected) in [
        (vec![code("common"), code("rare")], Some(1)),
        (vec![code("rare"), code("common")], Some(0)),
        (vec![code("common"), code("common"), code("absent")], Some(2)),
    ] {
        let branch = Branch { of: "Observation".into(), filter, sort: Vec::new() };
        let choice = query::choose(&mut Reading(&place), &filters, &branch, Aim::All).await.unwrap();
        assert_eq!(choice.clause, expected);
    }
}

/// Pages of ranges in row order are read no further than to their end.
#[tokio::test]
async fn ordered_ranges_are_not_sorted() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    let code = |it: &str| Test::Token(p("code"), TokenTest::Code(it.into()));
    let subject = |it: &str| Test::Local { param: p("subject"), of: "Patient".into(), id: it.into() };
    for (filter, index) in [
        (Vec::new(), "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
        (vec![any(code("a"))], "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
        (vec![Clause::Any(vec![code("a"), code("b"), code("c")])], "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
        (vec![any(code("a")), any(Test::Date(p("date"), vec![RangeTest::Above(3)]))], "key=? AND rid>?"),
        (vec![any(subject("a"))], "SEARCH reference USING PRIMARY KEY (param=? AND target=? AND rid>?)"),
        (
            vec![Clause::Any(vec![subject("a"), code("b")])],
            "SEARCH reference USING PRIMARY KEY (param=? AND target=? AND rid>?)",
        ),
    ] {
        let driven = if filter.is_empty() { None } else { Some(0) };
        let plan = plan_of(filter, Vec::new(), behind(SortValue::Missing));
        let choice = Choice { clause: driven, walk: None };
        for (way, index) in [(Way::On, index.to_owned()), (Way::Back, index.replace("rid>", "rid<"))] {
            let steps = explain(&place, query::unsorted(&filters, &plan.branches[0], &choice, &plan, way)).await;
            assert!(steps.contains(&index), "{steps}");
            assert!(!steps.contains("TEMP B-TREE FOR ORDER BY"), "{steps}");
        }
    }
}

/// A walk goes along one range from its position on, and looks the rest up for each of its rows in turn.
#[tokio::test]
async fn walks_keep_the_order_of_their_range() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    let code = |it: &str| Test::Token(p("code"), TokenTest::Code(it.into()));
    let filter = vec![
        any(code("a")),
        any(Test::Date(p("date"), vec![RangeTest::Above(3)])),
        any(Test::Chain { param: p("subject"), is_single: false, of: "Patient".into(), filter: vec![any(code("b"))] }),
        Clause::Any((0..20).map(|i| code(&format!("{i}"))).collect()),
    ];
    let plan = plan_of(filter, Vec::new(), behind(SortValue::Missing));
    for (clause, index) in [
        (Some(0), "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
        (Some(3), "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
        (None, "SEARCH key USING PRIMARY KEY (key=? AND rid>?)"),
    ] {
        for (way, index) in [(Way::On, index.to_owned()), (Way::Back, index.replace("rid>", "rid<"))] {
            let walk = Walk { clause, most: Some(9) };
            let steps = explain(&place, query::rows(&filters, &plan.branches[0], &walk, &plan, way)).await;
            assert!(steps.contains(&index), "{steps}");
            assert!(steps.starts_with("CO-ROUTINE d\n"), "{steps}");
            // Once the rows are in their order, whatever comes next is looked up by one of them.
            let (_, probes) = steps.split_once("SCAN d\n").unwrap();
            assert!(!probes.contains("SCAN ") && !steps.contains("TEMP B-TREE FOR ORDER BY"), "{steps}");
        }
    }
}

/// A walk seeks its position in the sort key's index and reads on from there.
#[tokio::test]
async fn walks_follow_the_index_of_their_key() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    for (by, value, index) in [
        (SortBy::Date(p("date")), SortValue::Int(3), "SEARCH d USING COVERING INDEX date_low (slot=? AND (low,rid)"),
        (
            SortBy::Number(p("n")),
            SortValue::Real(3.0),
            "SEARCH d USING COVERING INDEX number_low (slot=? AND (low,rid)",
        ),
        (
            SortBy::String(p("text")),
            SortValue::Text("x".into()),
            "SEARCH d USING COVERING INDEX string_norm (param=? AND (norm,rid)",
        ),
    ] {
        for descending in [false, true] {
            let key = Sort { by: by.clone(), descending, is_single: false };
            let plan =
                plan_of(vec![any(Test::Present(p("code"), Shelf::Key))], vec![key.clone()], behind(value.clone()));
            for way in [Way::On, Way::Back] {
                let walk = Walk { clause: None, most: Some(9) };
                let sql = query::values(&filters, &plan.branches[0], &key, &walk, &plan, way);
                let steps = explain(&place, sql).await;
                assert!(steps.contains(index), "{steps}");
                assert!(!steps.contains("TEMP B-TREE FOR ORDER BY") && scans(&steps).is_empty(), "{steps}");
            }
        }
    }
}

/// A filter by the sort key bounds the walk, which seeks the nearer end.
#[tokio::test]
async fn walks_stay_within_a_filter_on_their_key() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    let key = Sort { by: SortBy::Date(p("date")), descending: false, is_single: true };
    let plan = plan_of(vec![any(Test::Date(p("date"), vec![RangeTest::AtOrAbove(5, 6)]))], vec![key.clone()], None);
    let walk = Walk { clause: Some(0), most: Some(9) };
    let steps = explain(&place, query::values(&filters, &plan.branches[0], &key, &walk, &plan, Way::On)).await;
    assert!(steps.contains("SEARCH d USING COVERING INDEX date_low (slot=? AND low>?)"), "{steps}");
    assert!(!steps.contains("TEMP B-TREE FOR ORDER BY"), "{steps}");
}

/// What has a code comes by date from one range of one index, and with a patient from another one of the same.
#[tokio::test]
async fn pairs_keep_order_and_range() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    for (within, patient, descending) in [
        (None, None, false),
        (None, Some("a"), true),
        (Some(RangeTest::AtOrAbove(5, 6)), None, true),
        (Some(RangeTest::Within(5, 6)), Some("a"), false),
    ] {
        let key = Sort { by: SortBy::Date(p("date")), descending, is_single: true };
        let plan = plan_of(paired(within, patient), vec![key.clone()], behind(SortValue::Int(7)));
        let plan = query::paired(&filters, Cow::Owned(plan)).into_owned();
        let branch = &plan.branches[0];
        let aim = Aim::Sorted(20, query::bounds(&filters, branch, &key));
        let choice = query::choose(&mut Reading(&place), &filters, branch, aim).await.unwrap();
        let walk = choice.walk.unwrap();
        assert_eq!(walk.most, None, "it finds the page in any case");
        for way in [Way::On, Way::Back] {
            let steps = explain(&place, query::whole(&filters, branch, &key, walk.clause, &plan, way)).await;
            let ranges = steps.lines().filter(|it| it.contains("SEARCH d USING COVERING INDEX date_low (slot=? AND "));
            assert_eq!(ranges.count(), if within.is_none() && way == Way::On { 4 } else { 3 }, "{steps}");
            // The codes' clause is settled; the patient's is looked up.
            assert!(!steps.contains("SEARCH key"), "{steps}");
            assert_eq!(steps.contains("SEARCH reference"), patient.is_some(), "{steps}");
            assert!(scans(&steps).is_empty(), "{steps}");
        }
    }
}

/// Whether a patient has something with a code is one look-up, and not through all that the patient has.
#[tokio::test]
async fn pairs_tell_which_patient_has_a_code() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    let filters = parts.filters(Dialect::Sqlite);
    let has = Test::Has { of: "Observation".into(), param: p("patient"), filter: paired(None, None) };
    let branch = Branch { of: "Patient".into(), filter: vec![any(has)], sort: Vec::new() };
    let plan = Plan { branches: vec![branch], after: None, limit: 20 };
    let walk = Walk { clause: None, most: Some(9) };
    let steps = explain(&place, query::rows(&filters, &plan.branches[0], &walk, &plan, Way::On)).await;
    assert!(steps.contains("SEARCH dx USING COVERING INDEX date_low (slot>? AND slot<?)"), "{steps}");
    assert!(!steps.contains("reference") && scans(&steps).is_empty(), "{steps}");
}

/// Of what a chain leads through no more is read than the page needs, and of each of that only what comes first.
#[tokio::test]
async fn chains_are_gone_along_in_order() {
    let (_folder, place) = place().await;
    let parts = Parts::default();
    for way in [Way::On, Way::Back] {
        let steps = explain(&place, along(&parts.filters(Dialect::Sqlite), way)).await;
        let sign = if way == Way::On { '>' } else { '<' };
        let range = format!("(param=? AND target=? AND rid{sign}?)");
        let middle = format!("SEARCH reference USING PRIMARY KEY {range}");
        assert_eq!(steps.matches(&middle).count(), 2, "{steps}");
        assert!(steps.contains("SEARCH r USING INTEGER PRIMARY KEY (rowid=?)"), "{steps}");
        assert!(steps.contains(&format!("SEARCH d USING PRIMARY KEY {range}")), "{steps}");
        assert!(steps.starts_with("CO-ROUTINE m\n") && !steps.contains("TEMP B-TREE FOR ORDER BY"), "{steps}");
        assert!(scans(&steps).is_empty(), "{steps}");
    }
}

/// Taking back a version's index rows costs as much as it has rows.
#[tokio::test]
async fn superseding_finds_rows_by_resource() {
    let (_folder, place) = place().await;
    for statement in crate::sqlite::index::TAKE_BACK.into_iter().chain([crate::sqlite::batch::SUPERSEDE]) {
        let mut sql = Sql::new(statement);
        sql.bind("[1,2]".to_owned());
        let steps = explain(&place, sql).await;
        assert!(scans(&steps).is_empty(), "{statement}\n{steps}");
    }
    let steps = explain(&place, Sql::new("DELETE FROM key WHERE (key, rid) IN (VALUES (1, 2), (3, 4))")).await;
    assert!(steps.contains("SEARCH key USING PRIMARY KEY (key=? AND rid=?)"), "{steps}");
}
