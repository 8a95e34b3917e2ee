//! What administrators do over FHIR about who becomes a user: invitations, and patients who registered themselves. The
//! operations are ours; R4 has none for it.

use super::invitation::{self, Invitation};
use super::kept::{self, Entry};
use super::operations::{ALL, demand_administrator, parameters};
use super::roles;
use super::sign_up::{self, Applicant};
use crate::clock;
use engine::{Answer, Call, Operation};
use fhir::Result;
use fhir::primitive::datetime;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// The most invitations, or people who wait, that are listed.
const LISTED: usize = 1_000;

/// The operations.
pub(super) fn operations() -> [Operation; 7] {
    [
        operation(include_str!("../../../profiles/operations/invite.json"), |call| Box::pin(invite(call))),
        operation(include_str!("../../../profiles/operations/invitations.json"), |call| Box::pin(invitations(call))),
        operation(include_str!("../../../profiles/operations/resend-invitation.json"), |call| Box::pin(resend(call))),
        operation(include_str!("../../../profiles/operations/revoke-invitation.json"), |call| Box::pin(revoke(call))),
        operation(include_str!("../../../profiles/operations/applicants.json"), |call| Box::pin(applicants(call))),
        operation(include_str!("../../../profiles/operations/approve-applicant.json"), |call| Box::pin(approve(call))),
        operation(include_str!("../../../profiles/operations/refuse-applicant.json"), |call| Box::pin(refuse(call))),
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
