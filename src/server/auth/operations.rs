//! What of users and apps is done over FHIR. The operations are ours; R4 has none for it.

use super::account::{self, NewAccount};
use super::session_limits::SessionLimits;
use super::{
    admissions, appearance, brands, client_operations, clinics, factor, federation, glass, launch, privacy, roles,
};
use crate::{act, clock};
use engine::{Access, Answer, Call, Operation, Security, SecurityEvent};
use fhir::{Failure, IssueType, Result};
use serde_json::{Value, json};
use std::fmt;

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
        Operation {
            definition: include_str!("../../../profiles/operations/reset-factors.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(reset_factors(call)),
        },
        launch::operation(),
        appearance::operation(),
        brands::operation(),
        clinics::operation(),
    ];
    operations.extend(admissions::operations());
    operations.extend(client_operations::operations());
    operations.extend(glass::operations());
    operations.extend(privacy::operations());
    operations.extend(federation::operations());
    operations.extend(roles::operations::operations());
    operations
}

/// Fails with 403 unless the caller may call an operation that administers the tenant: by an administrator's token, or for
/// a user whose roles have the permission; with 401 if that user did not sign in recently.
pub async fn demand_administrator(call: &Call<'_>) -> Result<()> {
    // What was done before in the same Bundle has had its change.
    act::end();
    let caller = call.ctx.caller();
    if caller.scopes.is_administrator() {
        begin(call);
        return Ok(());
    }
    let Some(since) = caller.authenticated.filter(|_| caller.scopes.administers(call.code())) else {
        let told = "This is done with an administrator's token, of scope system/*.cruds, or for a user whose roles have the \
                    permission.";
        return Err(Failure::new(IssueType::Forbidden, told));
    };
    if !roles::operations::administers_all(call).await? {
        let told =
            "What administers the whole tenant is done by whom the permission is given in all of it, not in a place.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    let limits = SessionLimits::of(call.ctx.session()).await?;
    if limits.is_recent(since, clock::now_ms()) {
        begin(call);
        return Ok(());
    }
    Err(Stale { max_age: limits.recent / 1000 }.into())
}

/// From here on this is being done: its event goes with the change that it makes, whom it is about with it.
pub(super) fn begin(call: &Call<'_>) {
    if !call.engine.settings().audit {
        return;
    }
    let what = match call.code() {
        "user-roles" | "role-define" | "role-delete" => Security::Roles,
        "create-user" | "reset-factors" | "link-user" | "disable-user" | "enable-user" | "remove-user" => {
            Security::User
        }
        "invite" | "resend-invitation" | "revoke-invitation" | "approve-applicant" | "refuse-applicant" => {
            Security::User
        }
        _ => Security::Configuration,
    };
    let text = |name| call.arguments.text(name).map(str::to_owned);
    let event = SecurityEvent {
        what,
        status: 200,
        subject: call.ctx.caller().subject.clone(),
        origin: call.ctx.origin().clone(),
        about: text("username").or_else(|| text("name")).or_else(|| text("id")),
        asked: Some(format!("${}", call.code())),
        reason: None,
    };
    act::begin(call.ctx.session(), event);
}

/// A user signed in too long ago for what is asked (RFC 9470). It travels as the cause of a failure, which is told with it.
#[derive(Debug)]
pub struct Stale {
    /// How long ago it may be, in seconds.
    pub max_age: i64,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the user signed in more than {} s ago", self.max_age)
    }
}

impl std::error::Error for Stale {}

impl From<Stale> for Failure {
    fn from(stale: Stale) -> Failure {
        let told = format!("{stale}: have the user sign in again, by max_age at the authorization endpoint.");
        let mut failure = Failure::new(IssueType::Security, told).with_status(401);
        failure.cause = Some(Box::new(stale));
        failure
    }
}

async fn create_user(call: Call<'_>) -> Result<Answer> {
    // Other users could make one who is somebody else, and outlives whatever is taken from the maker.
    demand_administrator(&call).await?;
    let text = |name: &str| call.arguments.text(name).unwrap_or_default().to_owned();
    let given = roles::operations::given(&call).await?;
    let new = NewAccount {
        username: text("username"),
        fhir_user: text("user"),
        scope: call.arguments.text("scope").map(str::to_owned),
        roles: given,
        email: call.arguments.text("email").map(str::parse).transpose()?,
    };
    let account = account::create(call.ctx.session(), new, &text("password")).await?;
    Ok(parameter("id", &account.id))
}

async fn reset_factors(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let username = call.arguments.text("username").unwrap_or_default();
    let user = account::find(call.ctx.session(), username).await?;
    if let Some(user) = &user {
        roles::operations::demand_rank(&call, &user.value).await?;
    }
    factor::reset(call.ctx.session(), username).await?;
    // A name may be an address: what tokens call the user is told.
    let user = user.map(|it| it.value.id);
    let (tenant, by) = (call.ctx.tenant().name(), &call.ctx.caller().subject);
    tracing::info!(tenant, user, by, "a user's second factors were taken away");
    Ok(Answer::empty(204))
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
