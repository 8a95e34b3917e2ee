//! Each operation for each role, and each address of the authorization server.

use super::records::Whose;
use super::table::{self, column, section};
use super::team::Team;
use conformance_tests::Client;
use serde_json::json;

/// Whether a role gets past an operation's door, on the own patient's records or on another one's.
async fn is_let_in(client: &Client, row: &[&str], whose: Whose) -> bool {
    let id = whose.patient();
    let path = row[1].replace("{patient}", id).replace("{encounter}", id);
    // Without parameters an operation that needs some refuses the call once the caller is let in.
    let answer = match row[0] {
        "GET" => client.get(&path).await,
        _ => client.post(&path, &json!({ "resourceType": "Parameters" })).await,
    };
    assert!(answer.status < 500 && answer.status != 401, "{row:?}: {} {}", answer.status, answer.text());
    let is_hidden = answer.status == 404 && path.contains(id);
    answer.status != 403 && !is_hidden
}

#[tokio::test]
async fn each_role_calls_the_operations_that_the_table_says() {
    let Some(team) = Team::gathered().await else { return };
    let rows = section("operations");
    for role in table::roles() {
        let client = &team.members[role];
        for row in &rows[1..] {
            let cell = row[column(role, 2)];
            for whose in [Whose::Own, Whose::Other] {
                let is_allowed = cell == "+" || cell == "own" && whose == Whose::Own;
                assert_eq!(is_let_in(client, row, whose).await, is_allowed, "{role}: {row:?} {whose:?}");
            }
        }
    }
}

/// What the CapabilityStatement lists has a row, and the table has no others.
#[tokio::test]
async fn every_operation_has_its_row() {
    let Some(place) = crate::smart::place::Place::new() else { return };
    let claims: serde_json::Value = place.admin.get("metadata").await.expect(200).json();
    let rest = &claims["rest"][0];
    let of_types = rest["resource"].as_array().into_iter().flatten().flat_map(|it| it["operation"].as_array());
    let all = of_types.chain(rest["operation"].as_array()).flatten();
    let mut served: Vec<&str> = all.filter_map(|it| it["name"].as_str()).collect();
    let mut rows: Vec<&str> = section("operations")[1..].iter().filter_map(|row| row[1].split('$').nth(1)).collect();
    for list in [&mut served, &mut rows] {
        list.sort_unstable();
        list.dedup();
    }
    assert_eq!(rows, served);
}

/// A role opens no address of the authorization server: each answers its user's token as it answers nobody.
#[tokio::test]
async fn roles_open_nothing_of_the_authorization_server() {
    let Some(team) = Team::gathered().await else { return };
    let issuer = team.place.issuer();
    for row in section("authorization") {
        let address = format!("{issuer}/{}", row[0]);
        let answer = team.place.with(None).get(&address).await;
        for member in ["owner", "doctor", "patient"].map(|it| &team.members[it]) {
            assert_eq!(member.get(&address).await.status, answer.status, "{address}");
        }
    }
}
