//! Who gives which roles to whom.

use super::{call, member, role, soon};
use crate::smart::place::Place;
use conformance_tests::Client;
use serde_json::json;

async fn give(client: &Client, to: &str, roles: &[&str], status: u16) {
    let given: Vec<_> = std::iter::once(("username", json!(to))).chain(roles.iter().map(|it| role(it))).collect();
    call(client, "$user-roles", &given).await.expect(status);
}

/// Roles that are given and taken hold for tokens that are there already.
#[tokio::test]
async fn what_a_user_may_do_follows_the_roles() {
    let Some(place) = Place::new() else { return };
    let (owner, user) = (member(&place, &["owner"]).await.client, member(&place, &["nurse"]).await);
    user.client.get("MedicationRequest").await.expect(200);
    give(&owner, &user.name, &["receptionist"], 200).await;
    soon().await;
    user.client.get("MedicationRequest").await.expect_outcome(403..=403);
    give(&owner, &user.name, &["pharmacist", "billing"], 200).await;
    soon().await;
    user.client.get("MedicationRequest").await.expect(200);
    user.client.get("Invoice").await.expect(200);
    give(&owner, &user.name, &["astronaut"], 400).await;
    give(&owner, &user.name, &["super_admin"], 400).await;
}

/// Nobody gives what they may not, touches who may do more, or changes their own roles.
#[tokio::test]
async fn nobody_gives_what_they_may_not() {
    let Some(place) = Place::new() else { return };
    let (owner, admin) = (member(&place, &["owner"]).await, member(&place, &["admin"]).await);
    let user = member(&place, &["staff"]).await;
    give(&admin.client, &user.name, &["doctor"], 200).await;
    give(&admin.client, &user.name, &["admin"], 200).await;
    for beyond in ["owner", "billing"] {
        give(&admin.client, &user.name, &[beyond], 403).await;
    }
    give(&admin.client, &owner.name, &["staff"], 403).await;
    give(&admin.client, &admin.name, &["admin", "doctor"], 403).await;
    give(&owner.client, &owner.name, &["owner", "doctor"], 403).await;
    call(&admin.client, "$reset-factors", &[("username", json!(owner.name))]).await.expect(403);
    let wider = [("name", json!("x")), ("title", json!("X")), ("permission", json!("billing"))];
    call(&admin.client, "$role-define", &wider).await.expect(403);
    let own = [("name", json!("admin")), ("title", json!("Admin")), ("rule", json!("user/*.cruds"))];
    call(&admin.client, "$role-define", &own).await.expect(403);
    let id = place.admin.create(&json!({ "resourceType": "Practitioner" })).await;
    let new = |name: &str| {
        vec![
            ("username", json!(name)),
            ("password", json!("a long password")),
            ("user", json!(format!("Practitioner/{id}"))),
        ]
    };
    for (role, status) in [("owner", 403), ("doctor", 200)] {
        let given = [new(role), vec![super::role(role)]].concat();
        call(&admin.client, "$create-user", &given).await.expect(status);
    }
}

/// A tenant's last owner stays one; who is disabled is none.
#[tokio::test]
async fn the_last_owner_stays() {
    let Some(place) = Place::new() else { return };
    let (one, two) = (member(&place, &["owner"]).await, member(&place, &["owner"]).await);
    give(&one.client, &two.name, &["staff"], 200).await;
    give(&place.admin, &one.name, &["staff"], 409).await;
    give(&place.admin, &two.name, &["owner"], 200).await;
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &two.name]);
    give(&place.admin, &one.name, &["staff"], 409).await;
    give(&place.admin, &one.name, &["owner", "doctor"], 200).await;
}

/// Whoever has no role may do nothing, and a new Practitioner has none.
#[tokio::test]
async fn without_a_role_nothing_is_granted() {
    let Some(place) = Place::new() else { return };
    let id = place.admin.create(&json!({ "resourceType": "Practitioner" })).await;
    let person = place.person_with(&format!("Practitioner/{id}"), &[]);
    let scope = "openid user/*.cruds";
    let tokens = place.granted(&place.app(scope), &person, scope, None).await;
    assert_eq!(tokens["scope"], "openid");
    place.with(tokens["access_token"].as_str()).get("Patient").await.expect_outcome(403..=403);
}

/// Who keeps clients gives them the purposes that they may give, and takes no others.
#[tokio::test]
async fn purposes_of_programs_are_their_givers_to_give() {
    let Some(place) = Place::new() else { return };
    let owner = member(&place, &["owner"]).await.client;
    let mut clerk = vec![("name", json!("client_clerk")), ("title", json!("Keeps clients"))];
    clerk.extend([("permission", json!("clients")), ("purpose", json!("HOPERAT"))]);
    call(&owner, "$role-define", &clerk).await.expect(200);
    let clerk = member(&place, &["client_clerk"]).await.client;
    let given = async |by: &Client, purposes: &[&str], status: u16| {
        let mut given = vec![("client", json!("study"))];
        given.extend(purposes.iter().map(|it| ("purpose", json!(it))));
        call(by, "$client-purposes", &given).await.expect(status).text()
    };
    given(&clerk, &["HOPERAT", "PATADMIN"], 200).await;
    assert!(given(&clerk, &["HOPERAT", "TREAT"], 403).await.contains("TREAT"));
    // Whoever may give every rule may give every purpose, and what she gave stays hers to take.
    given(&owner, &["TREAT"], 200).await;
    given(&clerk, &[], 403).await;
    given(&clerk, &["HOPERAT"], 403).await;
    assert!(given(&owner, &[], 200).await.find("study").is_none());
}
