//! What administrators do over FHIR about who becomes a user and who stays one: invitations, patients who registered
//! themselves, accounts that are disabled or taken away. The operations are ours; R4 has none for it.

use super::account::{self, Account};
use super::invitation::{self, Invitation};
use super::kept::{self, Entry};
use super::operations::{ALL, demand_administrator, parameters};
use super::roles::{self, owners};
use super::sign_up::{self, Applicant};
use super::{leaving, logout, sign_ins};
use crate::clock;
use engine::{Answer, Call, Operation};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// The most invitations, or people who wait, that are listed.
const LISTED: usize = 1_000;

/// The operations.
pub(super) fn operations() -> [Operation; 10] {
    [
        operation(include_str!("../../../profiles/operations/invite.json"), |call| Box::pin(invite(call))),
        operation(include_str!("../../../profiles/operations/invitations.json"), |call| Box::pin(invitations(call))),
        operation(include_str!("../../../profiles/operations/resend-invitation.json"), |call| Box::pin(resend(call))),
        operation(include_str!("../../../profiles/operations/revoke-invitation.json"), |call| Box::pin(revoke(call))),
        operation(include_str!("../../../profiles/operations/applicants.json"), |call| Box::pin(applicants(call))),
        operation(include_str!("../../../profiles/operations/approve-applicant.json"), |call| Box::pin(approve(call))),
        operation(include_str!("../../../profiles/operations/refuse-applicant.json"), |call| Box::pin(refuse(call))),
        operation(include_str!("../../../profiles/operations/disable-user.json"), |call| Box::pin(disable(call))),
        operation(include_str!("../../../profiles/operations/enable-user.json"), |call| Box::pin(enable(call))),
        operation(include_str!("../../../profiles/operations/remove-user.json"), |call| Box::pin(remove(call))),
    ]
}

fn operation(definition: &'static str, run: fn(Call<'_>) -> BoxFuture<'_, Result<Answer>>) -> Operation {
    Operation { definition, demands: ALL, extras: &[], run }
}

async fn invite(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let who = (text(&call, "user"), roles::operations::given(&call).await?, call.arguments.text("scope"));
    let email = text(&call, "email").parse()?;
    let (session, tenant) = (call.ctx.session(), call.ctx.tenant().name());
    let (id, expires) = invitation::invite(session, tenant, email, who, clock::now_ms()).await?;
    Ok(parameters(&json!([{ "name": "id", "valueString": id }, instant("expires", expires)])))
}

async fn invitations(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let all: Vec<Entry<Invitation>> = kept::list(call.ctx.session(), LISTED).await?;
    let shown = |Entry { key, value, .. }: &Entry<Invitation>| {
        let mut part = vec![string("id", key), string("email", value.email.as_str()), string("user", &value.fhir_user)];
        part.extend(value.roles.iter().map(roles::operations::assignment_told));
        if !value.scope.is_empty() {
            part.push(string("scope", &value.scope));
        }
        part.extend([instant("sent", value.sent), instant("expires", value.expires)]);
        json!({ "name": "invitation", "part": part })
    };
    Ok(parameters(&all.iter().map(shown).collect()))
}

async fn resend(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, tenant) = (call.ctx.session(), call.ctx.tenant().name());
    let expires = invitation::resend(session, tenant, text(&call, "id"), clock::now_ms()).await?;
    Ok(parameters(&json!([instant("expires", expires)])))
}

async fn revoke(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let id = text(&call, "id");
    invitation::revoke(call.ctx.session(), id).await?;
    Ok(parameters(&json!([string("id", id)])))
}

async fn applicants(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let all: Vec<Entry<Applicant>> = kept::list(call.ctx.session(), LISTED).await?;
    let shown = |Entry { key, value, .. }: &Entry<Applicant>| {
        let part = [
            string("username", key),
            string("email", value.email.as_str()),
            string("name", &value.name),
            json!({ "name": "birthDate", "valueDate": value.birth_date }),
            instant("registered", value.registered),
        ];
        json!({ "name": "applicant", "part": part })
    };
    Ok(parameters(&all.iter().map(shown).collect()))
}

async fn approve(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, tenant) = (call.ctx.session(), call.ctx.tenant().name());
    let (username, patient) = (text(&call, "username"), text(&call, "patient"));
    roles::operations::demand_giving_all(&call, &roles::usual("Patient"), None).await?;
    sign_up::approve(session, tenant, username, patient, clock::now_ms()).await?;
    Ok(parameters(&json!([string("username", username)])))
}

async fn refuse(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let username = text(&call, "username");
    sign_up::refuse(call.ctx.session(), username).await?;
    Ok(parameters(&json!([string("username", username)])))
}

/// The user whom a call names. Fails with 403 if that is the caller, or somebody who may do what the caller may not give.
async fn subordinate(call: &Call<'_>) -> Result<Entry<Account>> {
    demand_administrator(call).await?;
    let none = || Failure::new(IssueType::NotFound, "There is no such user.");
    let user = account::find(call.ctx.session(), text(call, "username")).await?.ok_or_else(none)?;
    if user.value.id == call.ctx.caller().subject {
        return Err(Failure::new(IssueType::Forbidden, "Nobody does this to themselves."));
    }
    roles::operations::demand_rank(call, &user.value).await?;
    Ok(user)
}

async fn disable(call: Call<'_>) -> Result<Answer> {
    let (session, mut user) = (call.ctx.session(), subordinate(&call).await?);
    let mut changes = sign_ins::end_all(session, &user.key).await?;
    if user.value.is_enabled {
        changes.extend(owners::change(session, &user.key, &user.value.roles, &[]).await?);
    }
    (user.value.is_enabled, user.value.signed_out) = (false, clock::now_ms());
    changes.push(user.replace()?);
    kept::decided(kept::write(session, changes).await?)?;
    logout::wake(call.ctx.tenant().name());
    noted(&call, &user.value, "a user is disabled")
}

async fn enable(call: Call<'_>) -> Result<Answer> {
    let mut user = subordinate(&call).await?;
    user.value.is_enabled = true;
    kept::decided(kept::write(call.ctx.session(), vec![user.replace()?]).await?)?;
    noted(&call, &user.value, "a user is enabled")
}

async fn remove(call: Call<'_>) -> Result<Answer> {
    let (session, user) = (call.ctx.session(), subordinate(&call).await?);
    if user.value.is_enabled {
        // Before the account goes, so that two who take each other away do not both succeed.
        if let Some(loss) = owners::change(session, &user.key, &user.value.roles, &[]).await? {
            kept::decided(kept::write(session, vec![loss]).await?)?;
        }
    }
    leaving::user(session, &user.key).await?;
    logout::wake(call.ctx.tenant().name());
    noted(&call, &user.value, "a user is taken away")
}

fn noted(call: &Call<'_>, user: &Account, what: &'static str) -> Result<Answer> {
    let (tenant, by) = (call.ctx.tenant().name(), &call.ctx.caller().subject);
    tracing::info!(tenant, user = user.id, by, "{what}");
    Ok(Answer::empty(204))
}

/// A parameter that the definition demands.
fn text<'c>(call: &'c Call<'_>, name: &str) -> &'c str {
    call.arguments.text(name).unwrap_or_default()
}

fn string(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueString": value })
}

/// A parameter that is a time, given in milliseconds since the epoch.
fn instant(name: &str, time: i64) -> Value {
    json!({ "name": name, "valueInstant": datetime::instant(time.saturating_mul(1000)) })
}
