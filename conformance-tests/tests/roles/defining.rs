//! A tenant's own roles.

use super::{call, member, role, soon};
use crate::smart::place::Place;
use conformance_tests::samples::patient;
use serde_json::{Value, json};

/// A role of the tenant's own, as it is defined.
fn clerk(rules: &[&str]) -> Vec<(&'static str, Value)> {
    let mut given = vec![("name", json!("ward_clerk")), ("title", json!("Ward clerk"))];
    given.extend(rules.iter().map(|it| ("rule", json!(it))));
    given
}

/// A role is made, changed for those who have it and hold tokens, and ended once nobody has it.
#[tokio::test]
async fn a_changed_role_holds_for_whoever_has_it() {
    let Some(place) = Place::new() else { return };
    place.admin.create(&patient("x")).await;
    let owner = member(&place, &["owner"]).await.client;
    call(&owner, "$role-define", &clerk(&["user/Patient.rs", "user/Location.rs"])).await.expect(200);
    let user = member(&place, &["ward_clerk"]).await;
    user.client.get("Patient").await.expect(200);
    user.client.post("Patient", &patient("y")).await.expect_outcome(403..=403);

    call(&owner, "$role-define", &clerk(&["user/Location.rs"])).await.expect(200);
    soon().await;
    user.client.get("Patient").await.expect_outcome(403..=403);
    user.client.get("Location").await.expect(200);
    call(&owner, "$role-define", &clerk(&["user/Patient.rs?gender=female"])).await.expect(200);
    soon().await;
    assert_eq!(user.client.get("Patient").await.expect(200).json()["total"], 0);

    let listed = owner.get("$role-list").await.expect(200).text();
    assert!(listed.contains("ward_clerk") && listed.contains("lab_technician") && !listed.contains("super_admin"));
    let named = [("name", json!("ward_clerk"))];
    call(&owner, "$role-delete", &named).await.expect_outcome(409..=409);
    call(&owner, "$user-roles", &[("username", json!(user.name))]).await.expect(200);
    call(&owner, "$role-delete", &named).await.expect(204);
    call(&owner, "$role-delete", &named).await.expect_outcome(404..=404);
    soon().await;
    user.client.get("Patient").await.expect_outcome(403..=403);
}

/// A shipped role is a tenant's to change, and is what it was where that ends; the owner's is not.
#[tokio::test]
async fn a_tenant_changes_a_shipped_role() {
    let Some(place) = Place::new() else { return };
    let owner = member(&place, &["owner"]).await.client;
    let nurse = member(&place, &["nurse"]).await.client;
    nurse.get("MedicationRequest").await.expect(200);
    let named =
        |name: &str| vec![("name", json!(name)), ("title", json!("Changed")), ("rule", json!("user/Patient.rs"))];
    call(&owner, "$role-define", &named("nurse")).await.expect(200);
    soon().await;
    nurse.get("MedicationRequest").await.expect_outcome(403..=403);
    call(&owner, "$role-delete", &[("name", json!("nurse"))]).await.expect(204);
    soon().await;
    nurse.get("MedicationRequest").await.expect(200);
    call(&owner, "$role-define", &named("owner")).await.expect_outcome(400..=400);
}

/// What is no rule, or no permission, is told; a role that needs a place gives nothing without one.
#[tokio::test]
async fn a_role_is_of_what_there_is() {
    let Some(place) = Place::new() else { return };
    for wrong in ["system/*.rs", "user/Nothing.rs", "user/Patient.x", "user/Patient.rs?nonsense=1"] {
        let told = call(&place.admin, "$role-define", &clerk(&[wrong])).await.expect_outcome(400..=400);
        assert!(told.to_string().contains("is no rule"), "{told}");
    }
    let mut given = clerk(&[]);
    given.push(("permission", json!("everything")));
    call(&place.admin, "$role-define", &given).await.expect_outcome(400..=400);
    call(&place.admin, "$role-define", &clerk(&["user/Location.rs", "user/Appointment.rs?actor={place}"]))
        .await
        .expect(200);
    let user = member(&place, &["ward_clerk"]).await.client;
    user.get("Location").await.expect(200);
    user.get("Appointment").await.expect_outcome(403..=403);
    call(&place.admin, "$user-roles", &[("username", json!("nobody")), role("nurse")]).await.expect_outcome(404..=404);
}
