//! `$create-user` and `$launch-context`: what of users and apps is done over FHIR. Both are ours; R4 has no operation for
//! it.

use super::account::{self, NewAccount};
use super::code::{LAUNCH, Launch};
use super::{kept, secret};
use crate::clock;
use engine::{Access, Answer, Call, Operation};
use fhir::json::Doc;
use fhir::{Failure, IssueType, Result};
use serde_json::json;
use store::Key;

/// Every access to everything: a user may be given all of it.
const ALL: &[(Access, &str)] =
    &[(Access::Create, "*"), (Access::Read, "*"), (Access::Update, "*"), (Access::Delete, "*"), (Access::Search, "*")];

/// The operations.
pub fn operations() -> [Operation; 2] {
    [
        Operation {
            definition: include_str!("../../../profiles/operations/create-user.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(create_user(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/launch-context.json"),
            demands: &[(Access::Read, "Patient"), (Access::Read, "Encounter")],
            extras: &[],
            run: |call| Box::pin(launch_context(call)),
        },
    ]
}

async fn create_user(call: Call<'_>) -> Result<Answer> {
    // A user could make one who is somebody else, and outlives whatever is taken from the maker.
    if !call.ctx.caller().scopes.is_administrator() {
        let told = "Users are made with an administrator's token, of scope system/*.cruds.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
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

async fn launch_context(call: Call<'_>) -> Result<Answer> {
    let Some(patient) = &call.instance else {
        return Err(Failure::new(IssueType::Required, "The operation is called on a Patient."));
    };
    let encounter = call.arguments.text("encounter").map(str::to_owned);
    if let Some(id) = &encounter
        && !is_of(&call, id, &patient.key.id).await?
    {
        return Err(Failure::new(IssueType::Value, "The patient has no such encounter."));
    }
    let intent = call.arguments.text("intent").map(str::to_owned);
    let (name, launch) = (secret::new()?, Launch { patient: patient.key.id.clone(), encounter, intent });
    let until = clock::now_ms() + LAUNCH;
    let change = kept::insert(secret::hash(&name), &launch, Some(until))?;
    kept::write(call.ctx.session(), vec![change]).await?;
    Ok(parameter("launch", &name))
}

/// Whether an encounter is the patient's.
async fn is_of(call: &Call<'_>, encounter: &str, patient: &str) -> Result<bool> {
    let stored = call.ctx.session().read(&Key::new("Encounter", encounter)).await?;
    let Some(stored) = stored.filter(|it| !it.is_deleted()) else { return Ok(false) };
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let subject = doc.root().get("subject").and_then(|it| it.str("reference"));
    Ok(subject.and_then(|it| it.strip_prefix("Patient/")) == Some(patient))
}

fn parameter(name: &str, value: &str) -> Answer {
    let parameters = json!([{ "name": name, "valueString": value }]);
    Answer::new(200, json!({ "resourceType": "Parameters", "parameter": parameters }).to_string())
}
