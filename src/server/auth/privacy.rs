//! What a tenant says of privacy: whose records doctors see, and what holds without a Consent.

use super::kept::{self, Kept};
use super::operations::{ALL, demand_administrator, parameters};
use crate::mail::EmailAddress;
use engine::{Answer, BasePolicy, Call, Clearance, Operation, PrivacySettings};
use fhir::json::Value;
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};

impl Kept for PrivacySettings {
    const KIND: &'static str = PrivacySettings::LEDGER;
}

/// `$privacy-settings`
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/privacy-settings.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(settings(call)),
    }
}

async fn settings(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let former = PrivacySettings::find(session).await?;
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
        kept::set(session, PrivacySettings::LEDGER, &settings).await?;
        call.ctx.forget_limits();
    }
    let mut told: Vec<_> =
        settings.limited_roles.iter().map(|it| json!({ "name": "limitedRole", "valueCode": it })).collect();
    let base = if settings.base == BasePolicy::Deny { "deny" } else { "permit" };
    told.push(json!({ "name": "basePolicy", "valueCode": base }));
    told.extend(settings.clearances.iter().map(told_clearance));
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
