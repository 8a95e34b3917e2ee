//! Each operation for each role: at each place where it may be called, by each method, for the own patient and another one, and
//! in another tenant.

use super::calls::{self, Caller, Row};
use super::records::{self, Record, Whose};
use super::table::{self, column, section};
use super::team::Team;
use crate::smart::place::Place;
use conformance_tests::samples::entry;
use conformance_tests::{Answer, Program};
use serde_json::{Value, json};
use std::ops::RangeInclusive;

/// The rows, each with its cells.
fn rows() -> Vec<(Row, Vec<&'static str>)> {
    let read = |row: Vec<&'static str>| (Row { methods: row[0], address: row[1] }, row);
    section("operations").into_iter().skip(1).map(read).collect()
}

/// What whoever is let in is answered.
fn answered(row: Row, method: &str) -> RangeInclusive<u16> {
    match (method, row.code()) {
        // The resource to look at is no matter for a query.
        ("GET", "validate") if !row.address.contains('{') => 400..=400,
        // A version that was is not changed (resource-operation-meta-add.html).
        (_, "meta-add" | "meta-delete") if row.address.contains("/_history/") => 405..=405,
        // Nobody has applied.
        (_, "approve-applicant" | "refuse-applicant") => 404..=404,
        _ => 200..=299,
    }
}

/// What is wrong with what an answer tells of the records that are made for a role: it tells what the role may read, and nothing
/// else.
fn wrongly_told(role: &str, row: Row, whose: Whose, answer: &Answer) -> Vec<String> {
    // The log names whatever was done in the tenant: whoever may have it handed out sees that.
    if row.code() == "export-audit" {
        return Vec::new();
    }
    let text = answer.text();
    let is_wrong = |record: &Record| {
        let reaches = |needs: &str| table::reaches(role, needs, record.kind, record.whose == Whose::Own);
        // The patient of a compartment is the one that it is asked of.
        let is_all =
            row.address == "Patient/{patient}/$everything" && record.kind != "patient" && record.whose == whose;
        match text.contains(&record.id) {
            true => !reaches("r"),
            false => answer.status == 200 && is_all && reaches("rs"),
        }
    };
    // What is the own patient's id is in any answer.
    let records = records::all(role).into_iter().filter(|it| !(it.kind == "patient" && it.whose == Whose::Own));
    records.filter(is_wrong).map(|it| format!("{} is told or left out", it.id)).collect()
}

/// What is wrong with the answers to one row for one role.
async fn wrong(caller: &Caller<'_>, role: &str, row: Row, cell: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for method in row.methods.split('|') {
        for whose in [Whose::Own, Whose::Other].into_iter().filter(|it| *it == Whose::Own || row.is_of_patient()) {
            let answer = caller.call(row, method, whose).await;
            let is_good = match cell == "+" || cell == "own" && whose == Whose::Own {
                true => answered(row, method).contains(&answer.status),
                // Whose record is hidden from the caller is as if it were not there.
                false => answer.status == 403 || answer.status == 404 && row.is_of_patient(),
            };
            let told = || format!("{role}: {method} {} {whose:?}: {}", row.address, answer.status);
            if !is_good {
                wrong.push(format!("{} {}", told(), answer.text()));
            }
            wrong.extend(wrongly_told(role, row, whose, &answer).into_iter().map(|it| format!("{}: {it}", told())));
        }
    }
    wrong
}

/// What operations are called on beside the records of the matrix.
async fn prepare(place: &Place<'_>, sharing: &Place<'_>) {
    let someone = json!({ "resourceType": "Practitioner", "id": "someone", "name": [{ "text": "Someone" }] });
    let all = [calls::definitions(), vec![someone]].concat();
    let path = |it: &Value| format!("{}/{}", it["resourceType"].as_str().unwrap(), it["id"].as_str().unwrap());
    place
        .admin
        .bundle("transaction", all.iter().map(|it| entry("PUT", &path(it), it.clone())).collect())
        .await
        .expect(200);
    let patient = json!({ "resourceType": "Patient", "id": "shared" });
    sharing.admin.put("Patient/shared", &patient).await.expect(201);
    let tenant = json!({ "identifier": { "system": "https://medisync.dev/fhir/tenant", "value": place.tenant } });
    let permit = json!({
        "type": "permit", "period": { "start": "2026-01-01", "end": "2099-01-01" },
        "actor": [{ "role": crate::privacy::receives(), "reference": tenant }],
    });
    sharing.admin.put("Consent/cshared", &crate::privacy::consent("shared", permit)).await.expect(201);
}

#[tokio::test]
async fn each_role_calls_the_operations_that_the_table_says() {
    let Some(program) = Program::fresh() else { return };
    let mails = format!("folder:{}", program.directory().join("mails").display());
    let server = program.serve(&["--mail", &mails]);
    program.create_tenant("platform");
    let (sharing, team) = (Place::of(&program, &server.root), Team::of(Place::of(&program, &server.root)).await);
    prepare(&team.place, &sharing).await;
    let mut all = Vec::new();
    for role in table::roles() {
        let caller = Caller::new(role, &team.members[role], &sharing.tenant);
        let abroad = sharing.with(team.members[role].authorization().unwrap().strip_prefix("Bearer "));
        for (row, cells) in rows() {
            all.extend(wrong(&caller, role, row, cells[column(role, 2)]).await);
            for method in row.methods.split('|') {
                caller.with(&abroad).call(row, method, Whose::Own).await.expect(401);
            }
        }
    }
    assert!(all.is_empty(), "{} answers are wrong: {all:#?}", all.len());
    let stranger = team.place.with(None);
    for (row, _) in rows() {
        for method in row.methods.split('|') {
            Caller::new("doctor", &stranger, &sharing.tenant).call(row, method, Whose::Own).await.expect(401);
        }
    }
}

/// What the CapabilityStatement lists has a row, and the table has no others.
#[tokio::test]
async fn every_operation_has_its_row() {
    let Some(place) = Place::new() else { return };
    let claims: Value = place.admin.get("metadata").await.expect(200).json();
    let rest = &claims["rest"][0];
    let of_types = rest["resource"].as_array().into_iter().flatten().flat_map(|it| it["operation"].as_array());
    let all = of_types.chain(rest["operation"].as_array()).flatten();
    let mut served: Vec<&str> = all.filter_map(|it| it["name"].as_str()).collect();
    let mut listed: Vec<&str> = rows().iter().map(|(row, _)| row.code()).collect();
    for list in [&mut served, &mut listed] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(listed, served);
}

/// The records by which answers are told apart are named so that none is part of another's name.
#[test]
fn no_record_is_named_like_part_of_another() {
    let all: Vec<Record> = table::roles().iter().flat_map(|it| records::all(it)).filter(|it| it.id.len() > 5).collect();
    for one in &all {
        assert_eq!(all.iter().filter(|it| it.id.contains(&one.id)).count(), 1, "{}", one.id);
    }
}
