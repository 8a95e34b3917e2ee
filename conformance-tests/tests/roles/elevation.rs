//! Users of the platform act in a tenant for a while, with a reason.

use super::{call, member, soon};
use crate::smart::place::Place;
use conformance_tests::samples::patient;
use conformance_tests::{Client, Program};
use serde_json::{Value, json};
use std::time::Duration;

/// The tenant `platform` of a server that has it.
pub fn platform<'p>(program: &'p Program, root: &str) -> Place<'p> {
    let base = format!("{root}/fhir/platform");
    let admin = Client::new(&base, Some(program.token("platform", "system/*.*")));
    Place { program, root: root.to_owned(), tenant: "platform".into(), admin }
}

fn asked(tenant: &str, reason: &str, minutes: u8) -> Vec<(&'static str, Value)> {
    vec![("tenant", json!(tenant)), ("reason", json!(reason)), ("minutes", json!(minutes))]
}

#[tokio::test]
async fn support_is_elevated_for_a_while_and_with_a_reason() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&[]);
    let root = server.base("x").replace("/fhir/x", "");
    program.create_tenant("platform");
    let (platform, north) = (platform(&program, &root), Place::of(&program, &root));
    let id = north.admin.create(&patient("x")).await;
    let support = member(&platform, &["support"]).await;
    let reason = "Ticket 17: a search finds nothing";

    // Nothing but an elevation leads into a tenant, and nothing is administered without one.
    let token = support.client.authorization().unwrap();
    let abroad = north.with(token.strip_prefix("Bearer "));
    abroad.get("Patient").await.expect(401);
    abroad.get("$users").await.expect(401);
    support.client.get("$users").await.expect_outcome(403..=403);
    support
        .client
        .post("Organization", &json!({ "resourceType": "Organization", "name": "A tenant" }))
        .await
        .expect(403);
    for wrong in [asked(&north.tenant, "short", 5), asked(&north.tenant, reason, 61)] {
        call(&support.client, "$elevate", &wrong).await.expect_outcome(400..=400);
    }
    call(&support.client, "$elevate", &asked("nowhere", reason, 5)).await.expect_outcome(404..=404);
    call(&platform.admin, "$elevate", &asked(&north.tenant, reason, 5)).await.expect_outcome(403..=403);
    call(&north.admin, "$elevate", &asked(&north.tenant, reason, 5)).await.expect_outcome(403..=403);

    let elevated = elevate(&support.client, &north, reason, 5).await;
    elevated.get(&format!("Patient/{id}")).await.expect(200);
    elevated.post("Patient", &patient("y")).await.expect_outcome(403..=403);
    elevated.post("$users", &json!({ "resourceType": "Parameters" })).await.expect_outcome(403..=403);
    // Both logs tell of it: the tenant's of why, the platform's of where.
    for (place, told) in [(&north, reason), (&platform, north.tenant.as_str())] {
        let events = place.admin.page("AuditEvent?subtype=110136").await;
        assert_eq!(events.ids().len(), 1);
        assert_eq!(events.matches()[0]["entity"][0]["name"], told);
    }
    // And the tenant's of what was done by it.
    let seen = north.admin.page(&format!("AuditEvent?patient={id}&subtype=read")).await;
    assert!(seen.matches()[0]["agent"][0]["altId"].as_str().unwrap().starts_with("platform:"), "{:?}", seen.matches());
    platform.with(elevated.authorization().unwrap().strip_prefix("Bearer ")).get("Organization").await.expect(401);

    // It ends with the role.
    program.succeed(&["user", "roles", "--tenant", "platform", &support.name]);
    soon().await;
    elevated.get(&format!("Patient/{id}")).await.expect(401);

    let admin = member(&platform, &["super_admin"]).await;
    let elevated = elevate(&admin.client, &north, reason, 5).await;
    elevated.post("Patient", &patient("y")).await.expect(201);
    elevated.get("$users").await.expect(200);
    program.succeed(&["user", "disable", "--tenant", "platform", &admin.name]);
    soon().await;
    elevated.get("Patient").await.expect(401);

    // Roles of the platform are no tenant's, nor a tenant's the platform's.
    for (place, role) in [(&platform, "doctor"), (&north, "support")] {
        let id = place.admin.create(&json!({ "resourceType": "Practitioner" })).await;
        let is = format!("Practitioner/{id}");
        let made = program.run(&["user", "create", "--tenant", &place.tenant, "--is", &is, "--role", role, "bo"]);
        assert!(!made.status.success(), "{role}");
    }
}

/// It ends at its time, whatever is going on by it.
#[tokio::test]
async fn an_elevation_ends_by_itself() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&[]);
    let root = server.base("x").replace("/fhir/x", "");
    program.create_tenant("platform");
    let (platform, north) = (platform(&program, &root), Place::of(&program, &root));
    for _ in 0..3 {
        north.admin.create(&patient("x")).await;
    }
    let support = member(&platform, &["support"]).await;
    let elevated = elevate(&support.client, &north, "Ticket 18: pages end too soon", 1).await;
    let mut links = Vec::new();
    for way in ["Patient?_sort=_id&_count=1", "Patient/_history?_count=1", "AuditEvent?_count=1"] {
        let link = elevated.page(way).await.link("next").expect("a next page").to_owned();
        elevated.get(&link).await.expect(200);
        links.push(link);
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    for link in links.iter().map(String::as_str).chain(["Patient"]) {
        elevated.get(link).await.expect(401);
    }
    // The user of the platform is still one.
    support.client.get("Organization").await.expect(200);
}

/// A client of a tenant, elevated from the platform.
pub async fn elevate(client: &Client, place: &Place<'_>, reason: &str, minutes: u8) -> Client {
    let answer = call(client, "$elevate", &asked(&place.tenant, reason, minutes)).await.expect(200).json();
    let parameters = answer["parameter"].as_array().unwrap();
    let token = parameters.iter().find(|it| it["name"] == "token").unwrap();
    place.with(token["valueString"].as_str())
}
