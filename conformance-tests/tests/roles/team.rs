//! A tenant with a user for each role, who are all signed in.

use super::records::{self, Whose};
use super::table;
use crate::smart::place::Place;
use conformance_tests::Client;
use serde_json::json;
use std::collections::BTreeMap;

/// The tenant, and what each role's user holds.
pub struct Team {
    pub place: Place<'static>,
    pub members: BTreeMap<&'static str, Client>,
}

impl Team {
    /// Makes it; none when the cases run against another server.
    pub async fn gathered() -> Option<Team> {
        let place = Place::new()?;
        for whose in [Whose::Own, Whose::Other] {
            let patient = json!({ "resourceType": "Patient", "id": whose.patient(), "name": [{ "family": "Doe" }] });
            place.admin.put(&format!("Patient/{}", whose.patient()), &patient).await.expect(201);
            let visit = json!({
                "resourceType": "Encounter", "id": whose.patient(), "status": "finished", "class": { "code": "AMB" },
                "subject": { "reference": format!("Patient/{}", whose.patient()) },
            });
            place.admin.put(&format!("Encounter/{}", whose.patient()), &visit).await.expect(201);
        }
        let mut members = BTreeMap::new();
        for role in table::roles() {
            members.insert(role, member(&place, role).await);
            let all = records::all(role);
            let entries = all.iter().map(|it| conformance_tests::samples::entry("PUT", &it.path(), it.body()));
            place.admin.bundle("transaction", entries.collect()).await.expect(200);
        }
        Some(Team { place, members })
    }
}

async fn member(place: &Place<'_>, role: &str) -> Client {
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
