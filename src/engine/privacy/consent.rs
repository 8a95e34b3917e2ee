//! Consent resources (consent.html) as rules: whose they are, and what they say.

use fhir::json::Value;
use fhir::primitive::datetime;
use fhir::search::Target;
use fhir::{Failure, Issue, IssueType, Result};
use std::sync::Arc;
use store::Key;

use super::provision::{DEPTH, Effect, Provision};
use super::who::Identifier;

/// The resource type.
pub(crate) const CONSENT: &str = "Consent";
/// The system of tenants' names as identifiers of organizations.
pub const TENANTS: &str = "https://medisync.dev/fhir/tenant";
/// How ids begin that stand for other tenants: no stored resource has such a one.
pub(super) const TENANT: &str = "tenant|";

/// A patient's active consent on privacy.
#[derive(Debug)]
pub(super) struct Rule {
    /// The id of the patient who gave it; of one who is named by an identifier alone, one that no patient has.
    pub(super) patient: Arc<str>,
    /// The identifier of one who is named by it alone. Whoever may change identifiers could give one that of another, so
    /// such a consent opens nothing.
    pub(super) identifier: Option<Identifier>,
    /// What it says.
    pub(super) root: Arc<Provision>,
}

/// How a Consent names its patient.
enum Named<'a> {
    Id(&'a str),
    Identifier(Identifier),
}

/// Whether a Consent is one that access goes by.
pub(crate) fn is_in_force(consent: Value<'_>) -> bool {
    consent.str("status") == Some("active") && is_on_privacy(consent)
}

/// Whether a Consent is this patient's.
pub(crate) fn is_of_patient(consent: Value<'_>, id: &str, base: &str) -> bool {
    let reference = consent.get("patient").and_then(|it| it.str("reference"));
    reference.and_then(|it| patient(it, base)) == Some(id)
}

/// Fails with 422 for a Consent that is to be in force, and of whose patient nobody could tell who they are.
pub(crate) fn demand_enforceable(consent: Value<'_>, base: &str) -> Result<()> {
    if !is_in_force(consent) || named(consent, base).is_some() {
        return Ok(());
    }
    let told = "An active Consent on privacy names its patient, by a reference to a Patient here or by an identifier with a \
                value: whose records it is about could not be told otherwise, and it would not be held to.";
    Err(Failure::of(vec![Issue::error(IssueType::BusinessRule, told).at("Consent.patient")]))
}

/// The patient that a Consent names; `None` if that cannot be told.
fn named<'a>(consent: Value<'a>, base: &str) -> Option<Named<'a>> {
    let subject = consent.get("patient")?;
    if let Some(reference) = subject.str("reference") {
        return patient(reference, base).map(Named::Id);
    }
    let identifier = subject.get("identifier").filter(|_| subject.str("type").is_none_or(|it| it == "Patient"))?;
    let system = identifier.str("system").unwrap_or_default();
    Some(Named::Identifier((system.into(), identifier.str("value")?.into())))
}

fn is_on_privacy(consent: Value<'_>) -> bool {
    let mut codings = consent.get("scope").and_then(|it| it.get("coding")).into_iter().flat_map(Value::each);
    codings.any(|it| it.str("code") == Some("patient-privacy"))
}

impl Rule {
    /// Reads an active Consent; `None` if it is about something else than privacy, or about no patient of this server.
    pub(super) fn read(consent: Value<'_>, base: &str) -> Option<Rule> {
        if !is_on_privacy(consent) {
            return None;
        }
        let (patient, identifier) = match named(consent, base)? {
            Named::Id(id) => (id.into(), None),
            Named::Identifier(it) => (format!("|{}", consent.str("id").unwrap_or_default()).into(), Some(it)),
        };
        let policy = consent.get("policyRule").into_iter().flat_map(|it| it.get("coding")).flat_map(Value::each);
        let policy: Vec<&str> = policy.filter_map(|it| it.str("code")).collect();
        let mut root = consent.get("provision").map(|it| Provision::read(it, base, DEPTH)).unwrap_or_default();
        if root.effect == Effect::Nothing {
            root.effect = root.implied(&policy);
        }
        root.is_modified |= consent.get("modifierExtension").is_some();
        Some(Rule { patient, identifier, root: Arc::new(root) })
    }

    /// Whether a patient with these identifiers is the one that it names by an identifier.
    pub(super) fn names(&self, identifiers: &[Identifier]) -> bool {
        let Some((system, value)) = &self.identifier else { return false };
        identifiers.iter().any(|(own, it)| it == value && (system.is_empty() || own == system))
    }

    /// The same of a patient whom it names.
    pub(super) fn of(&self, patient: &str) -> Rule {
        Rule { patient: patient.into(), identifier: self.identifier.clone(), root: self.root.clone() }
    }
}

/// A period in microseconds, open where it has no start or no end.
pub(super) fn period(period: Value<'_>) -> Option<(i64, i64)> {
    let end = |name: &str| period.str(name).and_then(datetime::range);
    Some((end("start").map_or(i64::MIN, |it| it.low), end("end").map_or(i64::MAX, |it| it.high)))
}

/// The resource that stands for another tenant.
pub fn of_tenant(name: &str) -> String {
    format!("Organization/{TENANT}{name}")
}

/// Who a reference to an actor leads to: a resource of this server, or another tenant, by its identifier.
pub(super) fn actor(reference: Value<'_>, base: &str) -> Option<Key> {
    let identifier = reference.get("identifier").filter(|it| it.str("system") == Some(TENANTS));
    let tenant = identifier.and_then(|it| it.str("value")).map(|it| Key::new("Organization", format!("{TENANT}{it}")));
    tenant.or_else(|| local(reference, base))
}

/// The resource of this server that a reference leads to.
pub(super) fn local(reference: Value<'_>, base: &str) -> Option<Key> {
    match Target::parse(reference.str("reference")?, base) {
        Target::Local { of, id } => Some(Key::new(of, id)),
        Target::Url(_) => None,
    }
}

/// The id of the patient that a reference leads to. A server has many addresses: whoever is called by another one than
/// that of this caller is taken to be the one of this id, too.
fn patient<'a>(reference: &'a str, base: &str) -> Option<&'a str> {
    match Target::parse(reference, base) {
        Target::Local { of, id } => (of == "Patient").then_some(id),
        Target::Url(url) => url.rsplit_once("/Patient/").map(|(_, id)| id.split('/').next().unwrap_or(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    fn effect(rest: &str) -> Option<Effect> {
        let consent = format!(
            r#"{{"scope":{{"coding":[{{"code":"patient-privacy"}}]}},"patient":{{"reference":"Patient/1"}}{rest}}}"#
        );
        Rule::read(Doc::parse(consent).unwrap().root(), "").map(|it| it.root.effect)
    }

    #[test]
    fn what_a_consent_does_is_told_by_its_type_or_policy() {
        let policy = |code: &str| format!(r#","policyRule":{{"coding":[{{"code":"{code}"}}]}}"#);
        let actor = r#""actor":[{"role":{"text":"r"},"reference":{"reference":"Practitioner/1"}}]"#;
        let exception = r#""provision":[{"type":"permit"}]"#;
        for (rest, told) in [
            (r#","provision":{"type":"permit"}"#.to_owned(), Effect::Permit),
            (r#","provision":{"type":"deny"}"#.to_owned(), Effect::Deny),
            (policy("OPTIN"), Effect::Permit),
            (policy("OPTOUT"), Effect::Deny),
            (String::new(), Effect::Nothing),
            // As in HL7's examples: consent is withheld from this one.
            (format!(r#"{},"provision":{{{actor}}}"#, policy("OPTIN")), Effect::Deny),
            (format!(r#"{},"provision":{{{actor},{exception}}}"#, policy("OPTIN")), Effect::Nothing),
            (format!(r#"{},"provision":{{{exception}}}"#, policy("OPTOUT")), Effect::Deny),
        ] {
            assert_eq!(effect(&rest), Some(told), "{rest}");
        }
    }

    #[test]
    fn what_is_not_about_the_privacy_of_a_patient_is_no_rule() {
        for consent in [
            r#"{"scope":{"coding":[{"code":"research"}]},"patient":{"reference":"Patient/1"}}"#,
            r#"{"scope":{"coding":[{"code":"patient-privacy"}]},"patient":{"display":"x"}}"#,
            r#"{"scope":{"coding":[{"code":"patient-privacy"}]}}"#,
        ] {
            assert!(Rule::read(Doc::parse(consent).unwrap().root(), "").is_none(), "{consent}");
        }
    }
}
