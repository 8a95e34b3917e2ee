//! A tenant with a user for each role, who are all signed in.

use super::records::{self, Whose};
use super::table;
use super::{elevation, member};
use crate::smart::place::Place;
use conformance_tests::Client;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The roles of those who run the platform.
const OF_PLATFORM: [&str; 2] = ["super_admin", "support"];

/// The tenant, and what each role's user holds.
pub struct Team<'p> {
    pub place: Place<'p>,
    pub members: BTreeMap<&'static str, Client>,
}

impl Team<'static> {
    /// Makes it on the shared server; none when the cases run against another server.
    pub async fn gathered() -> Option<Team<'static>> {
        static PLATFORM: OnceLock<()> = OnceLock::new();
        let place = Place::new()?;
        PLATFORM.get_or_init(|| place.program.create_tenant("platform"));
        Some(Team::of(place).await)
    }
}

impl<'p> Team<'p> {
    /// Makes it of a new tenant of a server that has the tenant `platform`.
    pub async fn of(place: Place<'p>) -> Team<'p> {
        for whose in [Whose::Own, Whose::Other] {
            let patient = json!({ "resourceType": "Patient", "id": whose.patient(), "name": [{ "family": "Doe" }],
                "identifier": [{ "system": "urn:people", "value": whose.patient() }] });
            place.admin.put(&format!("Patient/{}", whose.patient()), &patient).await.expect(201);
            let visit = json!({
                "resourceType": "Encounter", "id": whose.patient(), "status": "finished", "class": { "code": "AMB" },
                "subject": { "reference": format!("Patient/{}", whose.patient()) },
            });
            place.admin.put(&format!("Encounter/{}", whose.patient()), &visit).await.expect(201);
        }
        let mut members = BTreeMap::new();
        for role in table::roles() {
            members.insert(role, signed_in(&place, role).await);
            let all = records::all(role);
            let entries = all.iter().map(|it| conformance_tests::samples::entry("PUT", &it.path(), it.body()));
            place.admin.bundle("transaction", entries.collect()).await.expect(200);
        }
        Team { place, members }
    }
}

async fn signed_in(place: &Place<'_>, role: &str) -> Client {
    if OF_PLATFORM.contains(&role) {
        let platform = elevation::platform(place.program, &place.root);
        let reason = "Ticket 19: who may do what is looked through";
        return elevation::elevate(&member(&platform, &[role]).await.client, place, reason, 60).await;
    }
    let (is, scope) = match role {
        "patient" => (format!("Patient/{}", Whose::Own.patient()), "patient/*.cruds user/*.cruds"),
        _ => {
            let id = place.admin.create(&json!({ "resourceType": "Practitioner", "name": [{ "text": role }] })).await;
            (format!("Practitioner/{id}"), "user/*.cruds")
        }
    };
    let person = place.person_with(&is, &["--role", role]);
    let app = place.app(scope);
    let tokens = place.granted(&app, &person, scope, None).await;
    place.with(tokens["access_token"].as_str())
}
