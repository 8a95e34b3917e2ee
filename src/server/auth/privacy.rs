//! What a tenant says of privacy: whose records doctors see, what holds without a Consent, and what programs may want data for.

use super::glass::silence;
use super::kept::{self, Entry, Kept};
use super::operations::{ALL, demand_administrator, parameters};
use super::roles::operations::demand_giving_purposes;
use crate::mail::EmailAddress;
use engine::{Answer, BasePolicy, Call, Clearance, Operation, PrivacySettings, check_purpose};
use fhir::json::Value;
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};
use store::Session;

/// The most programs whose purposes are kept.
const MOST_CLIENTS: usize = 1000;

impl Kept for PrivacySettings {
    const KIND: &'static str = PrivacySettings::LEDGER;
}

/// `$privacy-settings` and `$client-purposes`
pub fn operations() -> [Operation; 2] {
    let settings = Operation {
        definition: include_str!("../../../profiles/operations/privacy-settings.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(settings(call)),
    };
    let definition = include_str!("../../../profiles/operations/client-purposes.json");
    [settings, Operation { definition, run: |call| Box::pin(client_purposes(call)), ..settings }]
}

/// What the tenant says, as it was found: what is kept in its place must not lose what others said meanwhile.
async fn found(session: &dyn Session) -> Result<Option<Entry<PrivacySettings>>> {
    kept::find(session, PrivacySettings::LEDGER).await
}

fn said(found: Option<&Entry<PrivacySettings>>) -> PrivacySettings {
    found.map(|it| it.value.clone()).unwrap_or_default()
}

async fn client_purposes(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let found = found(session).await?;
    let mut settings = said(found.as_ref());
    let purposes: Vec<String> = call.arguments.texts("purpose").map(str::to_owned).collect();
    purposes.iter().try_for_each(|it| check_purpose(it))?;
    match call.arguments.text("client") {
        None if purposes.is_empty() => {}
        None => return Err(Failure::new(IssueType::Required, "Purposes are those of a client: name it.")),
        Some(client) => {
            let former = settings.client_purposes.get(client).into_iter().flatten();
            let all: Vec<String> = former.chain(&purposes).cloned().collect();
            demand_giving_purposes(&call, all).await?;
            match purposes.is_empty() {
                true => settings.client_purposes.remove(client),
                false => settings.client_purposes.insert(client.to_owned(), purposes),
            };
            if settings.client_purposes.len() > MOST_CLIENTS {
                let told = format!("Purposes are kept for {MOST_CLIENTS} clients at the most.");
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            kept::supersede(session, PrivacySettings::LEDGER, found, settings.clone()).await?;
            call.ctx.forget_limits();
        }
    }
    let told = settings.client_purposes.iter().map(|(client, purposes)| {
        let mut part = vec![json!({ "name": "name", "valueString": client })];
        part.extend(purposes.iter().map(|it| json!({ "name": "purpose", "valueCode": it })));
        json!({ "name": "client", "part": part })
    });
    Ok(parameters(&told.collect()))
}

async fn settings(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let found = found(session).await?;
    let former = said(found.as_ref());
    let mut settings = former.clone();
    let roles: Vec<String> = call.arguments.texts("limitedRole").map(str::to_owned).collect();
    match (roles.is_empty(), call.arguments.text("limitNobody")) {
        (false, Some("true")) => {
            let told = "Either roles are limited, by limitedRole, or nobody is, by limitNobody.";
            return Err(Failure::new(IssueType::Invalid, told));
        }
        (false, _) => settings.limited_roles = roles,
        (true, Some("true")) => settings.limited_roles.clear(),
        (true, _) => {}
    }
    match call.arguments.text("basePolicy") {
        None => {}
        Some("permit") => settings.base = BasePolicy::Permit,
        Some("deny") => settings.base = BasePolicy::Deny,
        Some(_) => return Err(Failure::new(IssueType::Value, "basePolicy is permit or deny.")),
    }
    match call.arguments.text("tieDays").map(str::parse) {
        None => {}
        Some(Ok(days)) => settings.tie_days = Some(days).filter(|it| *it > 0),
        Some(Err(_)) => return Err(Failure::new(IssueType::Value, "tieDays is a number of days; 0 is for ever.")),
    }
    let clearances = call.arguments.elements("clearance").map(clearance).collect::<Result<Vec<_>>>()?;
    if !clearances.is_empty() {
        // A label without roles is one that needs no clearance any more.
        settings.clearances.retain(|it| !clearances.iter().any(|new| is_same(it, new)));
        settings.clearances.extend(clearances.into_iter().filter(|it| !it.roles.is_empty()));
    }
    if let Some(officer) = call.arguments.text("officer") {
        let address: EmailAddress = officer.parse()?;
        settings.officer = Some(String::from(address));
    }
    if settings != former {
        kept::supersede(session, PrivacySettings::LEDGER, found, settings.clone()).await?;
        call.ctx.forget_limits();
    }
    let mut told: Vec<_> =
        settings.limited_roles.iter().map(|it| json!({ "name": "limitedRole", "valueCode": it })).collect();
    let base = if settings.base == BasePolicy::Deny { "deny" } else { "permit" };
    told.push(json!({ "name": "basePolicy", "valueCode": base }));
    told.extend(settings.tie_days.map(|it| json!({ "name": "tieDays", "valueUnsignedInt": it })));
    told.extend(settings.clearances.iter().map(told_clearance));
    told.extend(silence(&settings).map(|it| json!({ "name": "warning", "valueString": it })));
    told.extend(settings.officer.map(|it| json!({ "name": "officer", "valueString": it })));
    Ok(parameters(&told.into()))
}

/// A label and the roles that may see what has it.
fn clearance(parameter: Value<'_>) -> Result<Clearance> {
    let mut label = None;
    let mut roles = Vec::new();
    for part in parameter.get("part").into_iter().flat_map(Value::each) {
        match (part.str("name"), part.get("valueCoding"), part.str("valueCode")) {
            (Some("label"), Some(coding), _) => {
                label = coding.str("system").zip(coding.str("code"));
            }
            (Some("role"), _, Some(role)) => roles.push(role.to_owned()),
            _ => {
                return Err(Failure::new(
                    IssueType::Value,
                    "The parts of clearance are label (Coding) and role (code).",
                ));
            }
        }
    }
    let needed = || Failure::new(IssueType::Required, "A clearance is for a label, with system and code.");
    let (system, code) = label.ok_or_else(needed)?;
    Ok(Clearance { system: system.to_owned(), code: code.to_owned(), roles })
}

fn is_same(one: &Clearance, other: &Clearance) -> bool {
    (&one.system, &one.code) == (&other.system, &other.code)
}

fn told_clearance(it: &Clearance) -> Json {
    let mut parts = vec![json!({ "name": "label", "valueCoding": { "system": it.system, "code": it.code } })];
    parts.extend(it.roles.iter().map(|role| json!({ "name": "role", "valueCode": role })));
    json!({ "name": "clearance", "part": parts })
}
