//! What a Consent shares with another tenant (consent.html): its root provision permits, and has that tenant among its actors.

use super::Asked;
use fhir::json::Value;
use fhir::primitive::datetime;
use fhir::spec::r4;
use std::collections::BTreeSet;

/// The system of tenants' names as identifiers of organizations.
pub(super) const TENANTS: &str = "https://medisync.dev/fhir/tenant";

/// What provisions restrict that a view can't be held to: a Consent with one of these shares nothing.
const UNHELD: [(&str, &str); 4] = [
    ("dataPeriod", "provision.dataPeriod is not supported for sharing."),
    ("data", "provision.data is not supported for sharing."),
    ("provision", "provision.provision is not supported for sharing."),
    ("modifierExtension", "provision.modifierExtension is not known."),
];

/// A Consent that names the tenant.
pub(super) struct Consented {
    /// Its id.
    pub(super) consent: String,
    /// The id of whose it is.
    pub(super) patient: String,
    /// What it shares, or why it shares nothing.
    pub(super) share: Result<Share, &'static str>,
}

/// What is shared.
pub(super) struct Share {
    /// The resource types; none: all that have records of patients.
    pub(super) types: Option<BTreeSet<String>>,
    /// Codes that a record must have one of, `system|code`.
    pub(super) codes: Vec<String>,
    /// Security labels that a record must have one of, `system|code`.
    pub(super) labels: Vec<String>,
    /// The end of the Consent, as it is written there.
    pub(super) until: Option<String>,
}

impl Consented {
    /// Reads a Consent; `None` if it does not say whose it is or does not permit.
    pub(super) fn read(consent: Value<'_>, asked: &Asked<'_>) -> Option<Consented> {
        let patient = consent.get("patient")?.str("reference")?.rsplit('/').next()?.to_owned();
        let provision = consent.get("provision")?;
        let scope = codings(consent.get("scope").and_then(|it| it.get("coding")));
        scope.iter().any(|it| code_of(it) == "patient-privacy").then_some(())?;
        (provision.str("type") == Some("permit") && names(provision, asked.tenant)).then_some(())?;
        let share = if consent.get("modifierExtension").is_some() {
            Err("modifierExtension is not known.")
        } else {
            Share::read(provision, asked)
        };
        Some(Consented { consent: consent.str("id")?.to_owned(), patient, share })
    }
}

impl Share {
    fn read(provision: Value<'_>, asked: &Asked<'_>) -> Result<Share, &'static str> {
        if let Some((_, reason)) = UNHELD.iter().find(|(name, _)| provision.get(name).is_some()) {
            return Err(reason);
        }
        let until = in_force(provision, asked.now)?;
        let purposes = codings(provision.get("purpose"));
        if !purposes.is_empty() && !purposes.iter().any(|it| code_of(it) == asked.purpose) {
            return Err("provision.purpose has other purposes than the one asked with.");
        }
        let concepts = |name: &str| {
            let all = provision.get(name).into_iter().flat_map(Value::each);
            all.flat_map(|it| codings(it.get("coding"))).collect::<Vec<_>>()
        };
        // consentaction: to look at what is there is access; correct, use, disclose and collect are not.
        if provision.get("action").is_some() && !concepts("action").iter().any(|it| code_of(it) == "access") {
            return Err("provision.action does not permit access.");
        }
        let types =
            provision.get("class").map(|it| types(it).ok_or("provision.class has more than resource types of R4."));
        let codes = concepts("code");
        if provision.get("code").is_some() && codes.is_empty() {
            return Err("provision.code has no coding.");
        }
        let labels = codings(provision.get("securityLabel"));
        Ok(Share { types: types.transpose()?, codes, labels, until: Some(until) })
    }
}

/// Whether an actor is the organization that is this tenant.
fn names(provision: Value<'_>, tenant: &str) -> bool {
    provision.get("actor").into_iter().flat_map(Value::each).any(|actor| {
        let identifier = actor.get("reference").and_then(|it| it.get("identifier"));
        identifier.is_some_and(|it| it.str("system") == Some(TENANTS) && it.str("value") == Some(tenant))
    })
}

/// The end of a period that holds now: what is shared with others has one.
fn in_force(provision: Value<'_>, now: i64) -> Result<String, &'static str> {
    let period =
        provision.get("period").ok_or("provision.period has no end: what is shared with another tenant needs one.")?;
    let end = period.str("end").ok_or("provision.period has no end: what is shared with another tenant needs one.")?;
    let range = datetime::range(end).ok_or("provision.period.end is no date.")?;
    let start = match period.str("start") {
        Some(start) => datetime::range(start).ok_or("provision.period.start is no date.")?.low,
        None => i64::MIN,
    };
    if now < start || now > range.high { Err("provision.period does not hold now.") } else { Ok(end.to_owned()) }
}

/// Codings as `system|code`; one without a system is `|code`.
fn codings(of: Option<Value<'_>>) -> Vec<String> {
    let all = of.into_iter().flat_map(Value::each);
    all.filter_map(|it| Some(format!("{}|{}", it.str("system").unwrap_or_default(), it.str("code")?))).collect()
}

fn code_of(coding: &str) -> &str {
    coding.rsplit('|').next().unwrap_or_default()
}

/// The resource types of `provision.class`; `None` if it has something else.
fn types(class: Value<'_>) -> Option<BTreeSet<String>> {
    let one = |it: Value<'_>| {
        let is_type = it.str("system") == Some("http://hl7.org/fhir/resource-types");
        it.str("code").filter(|code| is_type && r4().resource(code).is_some()).map(str::to_owned)
    };
    class.each().map(one).collect()
}
