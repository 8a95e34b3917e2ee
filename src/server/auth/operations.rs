//! What of users and apps is done over FHIR. The operations are ours; R4 has none for it.

use super::account::{self, NewAccount};
use super::{admissions, appearance, brands, clinics, federation, launch};
use engine::{Access, Answer, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde_json::{Value, json};

/// Every access to everything: a user may be given all of it.
pub const ALL: &[(Access, &str)] =
    &[(Access::Create, "*"), (Access::Read, "*"), (Access::Update, "*"), (Access::Delete, "*"), (Access::Search, "*")];

/// The operations.
pub fn operations() -> Vec<Operation> {
    let mut operations = vec![
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
    ];
    operations.extend(admissions::operations());
    operations.extend(federation::operations());
    operations
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
        fhir_user: text("user"),
        scope: call.arguments.text("scope").map(str::to_owned),
        email: call.arguments.text("email").map(str::parse).transpose()?,
    };
    let account = account::create(call.ctx.session(), new, &text("password")).await?;
    Ok(parameter("id", &account.id))
}

fn parameter(name: &str, value: &str) -> Answer {
    parameters(&json!([{ "name": name, "valueString": value }]))
}

/// An answer of these parameters, if there are any: an array in FHIR is not empty.
pub(super) fn parameters(parameters: &Value) -> Answer {
    let mut answer = json!({ "resourceType": "Parameters" });
    if parameters.get(0).is_some() {
        answer["parameter"] = parameters.clone();
    }
    Answer::new(200, answer.to_string())
}
