//! Each route with each kind of record, for each role: of the own patient, of another one, of none, and in another tenant.

use super::records::{self, Record, Whose};
use super::table::{self, section};
use super::team::Team;
use conformance_tests::{Answer, Client};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::task::JoinSet;

/// A row of the routes.
#[derive(Clone, Copy, Debug)]
struct Route {
    method: &'static str,
    pattern: &'static str,
    needs: &'static str,
}

fn routes() -> Vec<Route> {
    let read = |row: Vec<&'static str>| Route { method: row[0], pattern: row[1], needs: row[2] };
    section("routes").into_iter().map(read).collect()
}

/// Whether the table lets a role do what a route needs with a record.
fn is_allowed(role: &str, route: Route, record: &Record) -> bool {
    table::reaches(role, route.needs, record.kind, record.whose == Whose::Own)
}

/// The request for a route and a record.
async fn sent(client: &Client, route: Route, record: &Record) -> Answer {
    let Record { id, .. } = record;
    let (of, path) = (record.of(), record.path());
    let patient = record.whose.patient();
    let patch = |path: &str| {
        let steps = json!([{ "op": "add", "path": "/language", "value": "en" }]);
        client.call("PATCH", path).body("application/json-patch+json", steps.to_string())
    };
    let form = |path: &str, form: String| client.call("POST", path).body("application/x-www-form-urlencoded", form);
    match (route.method, route.pattern) {
        ("GET", "[base]") => client.get(&format!("?_type={of}&_id={id}")).await,
        ("POST", "[base]") => {
            let entry = json!({ "request": { "method": "GET", "url": path } });
            client.bundle("batch", vec![entry]).await
        }
        ("POST", "[base]/_search") => form("_search", format!("_type={of}&_id={id}")).send().await,
        ("GET", "[base]/_history") => client.get("_history?_count=1000").await,
        ("GET", "[base]/[type]") => client.get(&format!("{of}?_id={id}")).await,
        ("POST", "[base]/[type]") => client.post(of, &record.new_body()).await,
        ("PUT", "[base]/[type]") => client.put(&format!("{of}?_id={id}"), &record.body()).await,
        ("PATCH", "[base]/[type]") => patch(&format!("{of}?_id={id}")).send().await,
        ("DELETE", "[base]/[type]") => client.delete(&format!("{of}?_id={id}")).await,
        ("POST", "[base]/[type]/_search") => form(&format!("{of}/_search"), format!("_id={id}")).send().await,
        ("GET", "[base]/[type]/_history") => client.get(&format!("{of}/_history?_count=1000")).await,
        ("GET", "[base]/[type]/[id]") => client.get(&path).await,
        ("PUT", "[base]/[type]/[id]") => client.put(&path, &record.body()).await,
        ("PATCH", "[base]/[type]/[id]") => patch(&path).send().await,
        ("DELETE", "[base]/[type]/[id]") => client.delete(&path).await,
        ("GET", "[base]/[type]/[id]/_history") => client.get(&format!("{path}/_history")).await,
        ("GET", "[base]/[type]/[id]/_history/[vid]") => client.get(&format!("{path}/_history/1")).await,
        ("GET", "[base]/[type]/[id]/[type]") => client.get(&format!("Patient/{patient}/{of}?_id={id}")).await,
        ("POST", "[base]/[type]/[id]/[type]/_search") => {
            form(&format!("Patient/{patient}/{of}/_search"), format!("_id={id}")).send().await
        }
        other => panic!("no request is known for {other:?}"),
    }
}

/// Whether an answer lets the caller do it, or shows the record.
fn is_done(answer: &Answer, route: Route, record: &Record) -> bool {
    let is_good = (200..300).contains(&answer.status);
    assert!(is_good || matches!(answer.status, 403 | 404), "{route:?} {record:?}: {} {}", answer.status, answer.text());
    let shows = |bundle: &Value| {
        let entries = bundle["entry"].as_array().into_iter().flatten();
        entries.filter(|it| it["resource"]["resourceType"] == record.of()).any(|it| it["resource"]["id"] == *record.id)
    };
    match (route.method, route.pattern) {
        (_, "[base]") | ("GET", _) if is_good && answer.json()["resourceType"] == "Bundle" => shows(&answer.json()),
        (_, pattern) if is_good && pattern.ends_with("_search") => shows(&answer.json()),
        _ => is_good,
    }
}

/// Whether a route is about this record at all.
fn is_about(route: Route, role: &str, record: &Record) -> bool {
    let is_in_compartment = route.pattern.starts_with("[base]/[type]/[id]/[type]");
    match record.whose {
        Whose::Nobody => !is_in_compartment,
        // A patient is the compartment, and others in it are linked ones.
        _ if record.kind == "patient" && is_in_compartment => false,
        // The patient who is a user stays.
        Whose::Own if record.kind == "patient" && route.method == "DELETE" => role == "patient",
        _ => true,
    }
}

async fn check(team: Arc<Team<'static>>, role: &'static str) {
    let client = &team.members[role];
    let by_letters = |it: &Route| !matches!(it.needs, "public" | "operation");
    for route in routes().into_iter().filter(by_letters) {
        for record in records::all(role).iter().filter(|it| is_about(route, role, it)) {
            let answer = sent(client, route, record).await;
            let (is_done, is_allowed) = (is_done(&answer, route, record), is_allowed(role, route, record));
            assert_eq!(is_done, is_allowed, "{role}: {route:?} {record:?}: {} {}", answer.status, answer.text());
            if route.method == "DELETE" && is_done {
                team.place.admin.put(&record.path(), &record.body()).await.expect(201);
            }
        }
    }
}

#[tokio::test]
async fn each_role_may_do_with_each_record_what_the_table_says() {
    let Some(team) = Team::gathered().await else { return };
    let team = Arc::new(team);
    let mut all: JoinSet<()> = table::roles().into_iter().map(|it| check(team.clone(), it)).collect();
    while let Some(checked) = all.join_next().await {
        checked.unwrap();
    }
}

/// A token is good in its own tenant, and what is not public is nobody's without one.
#[tokio::test]
async fn no_role_is_let_in_elsewhere() {
    let (Some(team), Some(elsewhere)) = (Team::gathered().await, crate::smart::place::Place::new()) else { return };
    for (role, member) in &team.members {
        let token = member.authorization().expect("a member's token");
        let abroad = elsewhere.with(token.strip_prefix("Bearer "));
        let stranger = elsewhere.with(None);
        let record = &records::all(role)[0];
        for route in routes() {
            match route.needs {
                "public" => {
                    let path = route.pattern.trim_start_matches("[base]/");
                    stranger.get(path).await.expect(200);
                    abroad.get(path).await.expect_in(200..=401);
                }
                // They have rows of their own.
                "operation" => {}
                _ => {
                    sent(&abroad, route, record).await.expect(401);
                    sent(&stranger, route, record).await.expect(401);
                }
            }
        }
    }
}

/// No kind of record is in the table alone, or in these cases alone.
#[test]
fn every_kind_of_record_has_its_row() {
    let rows: Vec<&str> = section("records")[1..].iter().map(|row| row[0]).collect();
    assert_eq!(rows, records::kinds().collect::<Vec<_>>());
    for row in section("records") {
        assert_eq!(row.len(), table::roles().len() + 1, "{row:?}");
    }
}
