//! What of users and apps is done over FHIR. The operations are ours; R4 has none for it.

use super::account::{self, NewAccount};
use super::{appearance, brands, clinics, launch};
use engine::{Access, Answer, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde_json::json;

/// Every access to everything: a user may be given all of it.
pub const ALL: &[(Access, &str)] =
    &[(Access::Create, "*"), (Access::Read, "*"), (Access::Update, "*"), (Access::Delete, "*"), (Access::Search, "*")];

/// The operations.
pub fn operations() -> [Operation; 5] {
    [
        Operation {
            definition: include_str!("../../../profiles/operations/create-user.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(create_user(call)),
        },
        launch::operation(),
        appearance::operation(),
        brands::operation(),
        clinics::operation(),
    ]
}

/// Fails with 403 unless the caller administers the tenant.
pub fn demand_administrator(call: &Call<'_>) -> Result<()> {
    if call.ctx.caller().scopes.is_administrator() {
        return Ok(());
    }
    let told = "This is done with an administrator's token, of scope system/*.cruds.";
    Err(Failure::new(IssueType::Forbidden, told))
}

async fn create_user(call: Call<'_>) -> Result<Answer> {
    // A user could make one who is somebody else, and outlives whatever is taken from the maker.
    demand_administrator(&call)?;
    let text = |name: &str| call.arguments.text(name).unwrap_or_default().to_owned();
    let new = NewAccount {
        username: text("username"),
        password: text("password"),
        fhir_user: text("user"),
        scope: call.arguments.text("scope").map(str::to_owned),
    };
    let account = account::create(call.ctx.session(), new).await?;
    Ok(parameter("id", &account.id))
}

fn parameter(name: &str, value: &str) -> Answer {
    let parameters = json!([{ "name": name, "valueString": value }]);
    Answer::new(200, json!({ "resourceType": "Parameters", "parameter": parameters }).to_string())
}
