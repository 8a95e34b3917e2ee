//! Page links do not outlive what their caller may do: a token that is revoked, a role that is taken, an elevation that ends.

use super::{member, soon};
use crate::smart::place::{Place, text};
use conformance_tests::Client;
use conformance_tests::samples::{observation, patient, with};
use serde_json::json;

/// The second page of each way to see much by pages.
async fn links(client: &Client, ways: &[String]) -> Vec<String> {
    let mut links = Vec::new();
    for way in ways {
        let next = client.page(way).await.link("next").unwrap_or_else(|| panic!("{way} has no next page")).to_owned();
        client.get(&next).await.expect(200);
        links.push(next);
    }
    links
}

async fn lead_nowhere(client: &Client, links: &[String], status: u16) {
    for link in links {
        client.get(link).await.expect_outcome(status..=status);
    }
}

/// Patients with observations; the ways to see them.
async fn ways(place: &Place<'_>) -> Vec<String> {
    let mut last = String::new();
    for _ in 0..3 {
        last = place.admin.create(&patient("x")).await;
        let subject = json!({ "subject": { "reference": format!("Patient/{last}") } });
        place.admin.create(&with(observation("x"), subject)).await;
    }
    vec![
        "Patient?_sort=_id&_count=1".into(),
        "Observation?code=x&_count=1".into(),
        "Patient/_history?_count=1".into(),
        "Observation/_history?_count=1".into(),
        format!("Patient/{last}/$everything?_count=1"),
    ]
}

#[tokio::test]
async fn links_end_with_a_role() {
    let Some(place) = Place::new() else { return };
    let ways = ways(&place).await;
    let (doctor, admin) = (member(&place, &["doctor"]).await, member(&place, &["admin"]).await);
    let seen = links(&doctor.client, &ways).await;
    let export = links(&admin.client, &["$export-audit?_count=1".into(), "AuditEvent?_count=1".into()]).await;
    // They are their caller's.
    let other = member(&place, &["doctor", "admin"]).await;
    lead_nowhere(&other.client, &seen, 400).await;
    lead_nowhere(&other.client, &export, 400).await;
    for name in [&doctor.name, &admin.name] {
        place.program.succeed(&["user", "roles", "--tenant", &place.tenant, name, "--role", "manager"]);
    }
    soon().await;
    lead_nowhere(&doctor.client, &seen, 403).await;
    lead_nowhere(&admin.client, &export, 403).await;
}

#[tokio::test]
async fn links_end_with_a_token() {
    let Some(place) = Place::new() else { return };
    let mut ways = ways(&place).await;
    ways.extend(["$export-audit?_count=1".into(), "AuditEvent?_count=1".into()]);
    let id = place.admin.create(&json!({ "resourceType": "Practitioner" })).await;
    let person = place.person_with(&format!("Practitioner/{id}"), &["--role", "doctor", "--role", "admin"]);
    let app = place.app("user/*.cruds");
    let tokens = place.granted(&app, &person, "user/*.cruds", None).await;
    let token = text(&tokens, "access_token");
    let client = place.with(Some(&token));
    let seen = links(&client, &ways).await;
    place.post("revoke", &[("client_id", &app), ("token", &token)]).await.expect(200);
    soon().await;
    lead_nowhere(&client, &seen, 401).await;
    // Another token of the same user goes on: the links are the user's.
    let tokens = place.granted(&app, &person, "user/*.cruds", None).await;
    let again = place.with(Some(&text(&tokens, "access_token")));
    for link in &seen {
        again.get(link).await.expect(200);
    }
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &person.name]);
    soon().await;
    lead_nowhere(&again, &seen, 401).await;
}

/// What administers a tenant ends alike.
#[tokio::test]
async fn an_office_ends_with_its_role() {
    let Some(place) = Place::new() else { return };
    let admin = member(&place, &["admin"]).await;
    admin.client.get("$users").await.expect(200);
    place.program.succeed(&["user", "roles", "--tenant", &place.tenant, &admin.name, "--role", "staff"]);
    soon().await;
    admin.client.get("$users").await.expect_outcome(403..=403);
}
