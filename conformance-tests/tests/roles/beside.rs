//! What has addresses beside a tenant's base: the authorization server, apps' state, the server's own.

use super::records::Whose;
use super::table::{self, column, section};
use super::team::Team;
use crate::smart::place::{FORM, Place};
use conformance_tests::{Answer, Client};
use serde_json::json;

/// A role opens no address of the authorization server: each answers its user's token as it answers nobody. What tells of a
/// user asks for a token, and that of this tenant.
#[tokio::test]
async fn roles_open_nothing_of_the_authorization_server() {
    let (Some(team), Some(elsewhere)) = (Team::gathered().await, Place::new()) else { return };
    let (here, there) = (team.place.issuer(), elsewhere.issuer());
    for row in section("authorization") {
        let (method, path) = (row[0], row[1].trim_start_matches("[auth]/").replace("[provider]", "none"));
        let asked = async |client: &Client, issuer: &str| {
            let call = client.call(method, &format!("{issuer}/{path}"));
            if method == "POST" { call.body(FORM, "").send().await } else { call.send().await }
        };
        let stranger = asked(&team.place.with(None), &here).await;
        assert!(!matches!(stranger.status, 405 | 500..), "{row:?}: {}", stranger.status);
        // One of each kind: an address counts how often it is asked.
        for role in ["owner", "doctor", "patient", "super_admin"] {
            let member = &team.members[role];
            let (own, abroad) = (asked(member, &here).await, asked(member, &there).await);
            match row[2] {
                "granted" => {
                    assert_eq!((stranger.status, abroad.status), (401, 401), "{role}: {row:?}");
                    // Whoever comes by elevation is no user of this tenant.
                    let expected = if role == "super_admin" { 401..=401 } else { 200..=403 };
                    assert!(expected.contains(&own.status), "{role}: {row:?}: {}", own.text());
                }
                _ => {
                    assert_eq!(own.status, stranger.status, "{role}: {row:?}");
                    assert_eq!(abroad.status, stranger.status, "{role}: {row:?} elsewhere");
                }
            }
        }
    }
}

/// Carries out a row of app state, about somebody or nobody.
async fn kept(client: &Client, base: &str, row: &[&str], about: Option<&str>) -> Answer {
    let mut basic = json!({"resourceType": "Basic", "code": {"coding": [{"system": "urn:app", "code": "columns"}]}});
    if let Some(about) = about {
        basic["subject"] = json!({ "reference": about });
    }
    let made = client.post(&format!("{base}/Basic"), &basic).await;
    let (id, etag) = match made.status {
        201 => (made.id(), made.needed_header("etag").to_owned()),
        _ => ("none".to_owned(), "W/\"1\"".to_owned()),
    };
    let address = format!("{base}/Basic/{id}");
    basic["id"] = json!(id);
    match (row[0], row[1]) {
        ("POST", _) => made,
        ("GET", "[state]/Basic") => {
            let subject = about.map_or("subject:missing=true".to_owned(), |it| format!("subject={it}"));
            client.get(&format!("{base}/Basic?code=urn:app%7Ccolumns&{subject}")).await
        }
        ("GET", _) => client.get(&address).await,
        ("PUT", _) => client.call("PUT", &address).header("if-match", &etag).json(&basic).send().await,
        ("DELETE", _) => client.call("DELETE", &address).header("if-match", &etag).send().await,
        other => panic!("no request is known for {other:?}"),
    }
}

#[tokio::test]
async fn apps_of_each_role_keep_the_state_that_the_table_says() {
    let (Some(team), Some(elsewhere)) = (Team::gathered().await, Place::new()) else { return };
    let state = |place: &Place<'_>| format!("{}/state/{}", place.root, place.tenant);
    let (here, there) = (state(&team.place), state(&elsewhere));
    let other = format!("{}/Patient/{}", team.place.admin.base, Whose::Other.patient());
    for row in &section("state")[1..] {
        for role in table::roles() {
            let client = &team.members[role];
            let answer = kept(client, &here, row, None).await;
            let is_done = (200..300).contains(&answer.status);
            assert!(is_done || matches!(answer.status, 403 | 404 | 412), "{role}: {row:?}: {}", answer.text());
            assert_eq!(is_done, row[column(role, 2)] == "+", "{role}: {row:?}: {}", answer.text());
            kept(client, &here, row, Some(&other)).await.expect_in(403..=412);
            kept(client, &there, row, None).await.expect(401);
        }
        kept(&team.place.with(None), &here, row, None).await.expect(401);
    }
}

/// What is public is answered to everybody alike; what has a section of its own has nothing at its root.
#[tokio::test]
async fn the_servers_own_addresses_are_answered_to_everybody_alike() {
    let Some(team) = Team::gathered().await else { return };
    for row in section("server") {
        let path = row[1].replace("{name}", "page.css").replace("{tenant}", &team.place.tenant);
        let address = format!("{}{}", team.place.root, path.trim_end_matches("{*path}"));
        let stranger = team.place.with(None).get(&address).await;
        let expected = match row[2] {
            "public" => 200..=200,
            _ => 400..=404,
        };
        let stranger = stranger.expect_in(expected);
        for role in table::roles() {
            let told = team.members[role].get(&address).await.status;
            assert!(told == stranger.status || row[2] == "routes", "{role}: {row:?}: {told}");
        }
    }
}
