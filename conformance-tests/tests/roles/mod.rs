//! What roles let people do: the matrix of routes, kinds of records and roles, and how roles are made, given and taken.

mod beside;
mod calls;
mod defining;
mod elevation;
mod giving;
mod inside;
mod links;
pub mod masks;
mod matrix;
mod operations;
mod places;
mod records;
pub mod table;
mod team;

use crate::smart::place::{Place, text};
use conformance_tests::{Answer, Client};
use serde_json::{Value, json};
use std::time::Duration;

/// A user with roles, who is signed in by an app that was granted everything.
pub struct Member {
    /// The name to sign in with.
    pub name: String,
    /// What the app holds.
    pub client: Client,
}

/// A Practitioner with these roles.
pub async fn member(place: &Place<'_>, roles: &[&str]) -> Member {
    let id = place.admin.create(&json!({ "resourceType": "Practitioner", "name": [{ "text": "Ana" }] })).await;
    let given: Vec<&str> = roles.iter().flat_map(|it| ["--role", it]).collect();
    let person = place.person_with(&format!("Practitioner/{id}"), &given);
    let tokens = place.granted(&place.app("user/*.cruds"), &person, "user/*.cruds", None).await;
    Member { client: place.with(Some(&text(&tokens, "access_token"))), name: person.name }
}

/// Calls an operation with these parameters: a text, or the parts of a role.
pub async fn call(client: &Client, operation: &str, given: &[(&str, Value)]) -> Answer {
    let parameter = |(name, value): &(&str, Value)| match value {
        Value::Array(part) => json!({ "name": name, "part": part }),
        Value::Number(number) => json!({ "name": name, "valuePositiveInt": number }),
        text if matches!(*name, "permission" | "purpose") => json!({ "name": name, "valueCode": text }),
        text => json!({ "name": name, "valueString": text }),
    };
    let parameters: Vec<Value> = given.iter().map(parameter).collect();
    client.post(operation, &json!({ "resourceType": "Parameters", "parameter": parameters })).await
}

/// A role as it is given.
pub fn role(name: &str) -> (&'static str, Value) {
    ("role", json!([{ "name": "name", "valueCode": name }]))
}

/// Until every node has looked once more at what a token may do.
pub async fn soon() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
