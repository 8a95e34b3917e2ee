//! What a Consent shares with another tenant (consent.html): what its provisions permit to whoever asks there, as they would
//! permit it to anybody here, if the root names that tenant among those who receive data, until a day.

use super::condition::{Of, RESOURCE_TYPES};
use super::consent::Rule;
use super::labels::Whose;
use super::provision::{Action, Code, Effect, Provision};
use super::role::Part;
use super::verdict::Asked;
use super::who::Who;
use fhir::json::Value;
use fhir::spec::r4;
use std::collections::BTreeSet;

/// A Consent that names a tenant.
pub struct Shared {
    /// The id of whose it is.
    pub patient: String,
    /// What it shares, or why it shares nothing.
    pub share: Result<Share, &'static str>,
}

/// What is shared, as far as it is told beforehand.
pub struct Share {
    /// The resource types; none: all that have records of patients, as far as something is permitted of them.
    pub types: Option<BTreeSet<String>>,
    /// The end of the Consent, as it is written there.
    pub until: String,
}

impl Shared {
    /// Reads an active Consent, for a tenant that asks for some purposes at a time, in microseconds. `None` if it does not say whose it
    /// is, denies, or names another.
    pub fn read(consent: Value<'_>, base: &str, tenant: &str, (purposes, now): (&[String], i64)) -> Option<Shared> {
        let rule = Rule::read(consent, base).filter(|it| it.identifier.is_none())?;
        let who = Who::of_tenant(tenant, purposes, now);
        let is_named = rule.root.actors.iter().any(|it| it.key.as_ref().and_then(|it| who.is(it)) == Some(true));
        if rule.root.effect == Effect::Deny || !is_named {
            return None;
        }
        let told = |types| {
            let until = consent.get("provision").and_then(|it| it.get("period")).and_then(|it| it.str("end"));
            Share { types, until: until.unwrap_or_default().to_owned() }
        };
        let share = permitted(&rule, &who).map(|()| told(types(&rule.root)));
        Some(Shared { patient: rule.patient.to_string(), share })
    }
}

/// Whether a provision, a Consent's root, shares anything with another tenant: it names it among those who receive data, and has
/// an end.
pub(super) fn shares_with(root: &Provision, who: &Who) -> bool {
    names(root, who) && has_end(root) && root.effect != Effect::Deny
}

fn names(root: &Provision, who: &Who) -> bool {
    let is_one = |part, key| part == Part::Receives && who.is(key) == Some(true);
    root.actors.iter().any(|it| it.key.as_ref().is_some_and(|key| is_one(it.part, key)))
}

fn has_end(root: &Provision) -> bool {
    root.period.is_some_and(|(_, end)| end < i64::MAX)
}

/// Fails with the reason if nothing is permitted.
fn permitted(rule: &Rule, who: &Who) -> Result<(), &'static str> {
    let root = &rule.root;
    let asked = Asked { who, action: Action::See, patient: &rule.patient, of: Of::Any, whose: Whose::Resource };
    let is_seen = root.actions.is_empty() || root.actions.contains(&Some(Action::See));
    for (is_so, reason) in [
        (!root.is_modified, "modifierExtension is not known."),
        (names(root, who), "provision.actor.role is none of who receives data."),
        (has_end(root), "provision.period has no end: what is shared with another tenant needs one."),
        (who.is_within(root.period), "provision.period does not hold now."),
        (
            who.wants(&root.purposes, true, &rule.patient) == Some(true),
            "provision.purpose has other purposes than the one asked with.",
        ),
        (is_seen, "provision.action does not permit access."),
        (
            asked.permitted(root).is_some(),
            "Nothing of what it permits is understood: see class, code, data, actor and provision.",
        ),
    ] {
        if !is_so {
            return Err(reason);
        }
    }
    Ok(())
}

/// The resource types of `provision.class`; none if it has something else.
fn types(root: &Provision) -> Option<BTreeSet<String>> {
    let of = |it: &Option<Code>| {
        let class = it.as_ref()?;
        let is_type =
            class.system.as_deref().is_none_or(|it| it == RESOURCE_TYPES) && r4().resource(&class.code).is_some();
        is_type.then(|| class.code.clone())
    };
    let types: Option<BTreeSet<String>> = root.classes.iter().map(of).collect();
    types.filter(|it| !it.is_empty())
}
