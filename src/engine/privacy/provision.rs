//! What a provision says (Consent.provision), in the words that [`super::verdict`] goes by.
//!
//! What this server does not understand stands as `None`: it is taken to hold where it denies, and not to hold where it
//! permits.

use super::consent::{local, period};
use super::purpose::ACT_REASON;
use super::role::Actor;
use fhir::json::Value;
use store::Key;

/// Exceptions within exceptions; what is deeper denies.
pub(super) const DEPTH: usize = 16;

/// What a provision does where it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Effect {
    Permit,
    Deny,
    /// Nothing by itself: it is what its exceptions are about.
    #[default]
    Nothing,
}

/// `Consent.provision`. An empty list says nothing; of a list one must hold.
#[derive(Debug, Default)]
pub(super) struct Provision {
    pub(super) effect: Effect,
    /// Whether it says something by an extension that changes what it means (extensibility.html#modifierExtension).
    pub(super) is_modified: bool,
    /// When it holds, in microseconds.
    pub(super) period: Option<(i64, i64)>,
    pub(super) actors: Vec<Actor>,
    pub(super) actions: Vec<Option<Action>>,
    pub(super) labels: Vec<Option<Code>>,
    pub(super) purposes: Vec<Option<String>>,
    pub(super) classes: Vec<Option<Code>>,
    pub(super) codes: Vec<Option<Code>>,
    /// When care was given, in microseconds.
    pub(super) care: Option<(i64, i64)>,
    pub(super) data: Vec<Option<Datum>>,
    pub(super) exceptions: Vec<Provision>,
}

/// A code, perhaps of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) system: Option<String>,
    pub(super) code: String,
}

/// What is done with data (consent-action).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Collect,
    /// `access`, `use` and `disclose`.
    See,
    Correct,
}

/// `Consent.provision.data`, as far as it is understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Datum {
    Instance(Key),
    Dependents(Key),
    AuthoredBy(Key),
}

impl Provision {
    pub(super) fn read(provision: Value<'_>, base: &str, depth: usize) -> Provision {
        if depth == 0 {
            return Provision { effect: Effect::Deny, ..Provision::default() };
        }
        let each = |name: &str| provision.get(name).into_iter().flat_map(Value::each);
        let effect = match provision.str("type") {
            Some("permit") => Effect::Permit,
            Some("deny") => Effect::Deny,
            _ => Effect::Nothing,
        };
        let exceptions = each("provision").map(|it| {
            let mut exception = Provision::read(it, base, depth - 1);
            if exception.effect == Effect::Nothing {
                // An exception has to say what it does.
                exception.effect = Effect::Deny;
            }
            exception
        });
        Provision {
            effect,
            is_modified: provision.get("modifierExtension").is_some(),
            period: provision.get("period").and_then(period),
            actors: each("actor").map(|it| Actor::read(it, base)).collect(),
            actions: each("action").flat_map(concept).map(|it| it.and_then(|it| action(&it.code))).collect(),
            labels: each("securityLabel").map(coding).collect(),
            purposes: each("purpose").map(|it| coding(it).and_then(purpose)).collect(),
            classes: each("class").map(coding).collect(),
            codes: each("code").flat_map(concept).collect(),
            care: provision.get("dataPeriod").and_then(period),
            data: each("data").map(|it| datum(it, base)).collect(),
            exceptions: exceptions.collect(),
        }
    }

    /// What a root does that has no type, which R4 does not want it to have: it is an exception to the policy that the
    /// consent is given to (Consent.provision, Consent.policyRule).
    pub(super) fn implied(&self, policy: &[&str]) -> Effect {
        let has = |start: &str| policy.iter().any(|it| it.starts_with(start));
        match (self.exceptions.is_empty(), self.is_narrowed()) {
            _ if has("OPTOUT") => Effect::Deny,
            (false, _) => Effect::Nothing,
            (true, true) => Effect::Deny,
            (true, false) if has("OPTIN") => Effect::Permit,
            (true, false) => Effect::Nothing,
        }
    }

    /// Whether it asks for labels, or one of its exceptions does.
    pub(super) fn asks_for_labels(&self) -> bool {
        !self.labels.is_empty() || self.exceptions.iter().any(Provision::asks_for_labels)
    }

    /// Whether it is about something less than all, at any time.
    fn is_narrowed(&self) -> bool {
        let lengths = [self.actors.len(), self.actions.len(), self.labels.len(), self.purposes.len()];
        let others = [self.classes.len(), self.codes.len(), self.data.len()];
        lengths.into_iter().chain(others).any(|it| it > 0) || self.care.is_some()
    }
}

fn coding(coding: Value<'_>) -> Option<Code> {
    Some(Code { system: coding.str("system").map(str::to_owned), code: coding.str("code")?.to_owned() })
}

/// The codings of a concept; one that is not understood where it has none.
fn concept(concept: Value<'_>) -> Vec<Option<Code>> {
    let codings: Vec<Option<Code>> = concept.get("coding").into_iter().flat_map(Value::each).map(coding).collect();
    if codings.is_empty() { vec![None] } else { codings }
}

fn action(code: &str) -> Option<Action> {
    match code {
        "collect" => Some(Action::Collect),
        "access" | "use" | "disclose" => Some(Action::See),
        "correct" => Some(Action::Correct),
        _ => None,
    }
}

fn purpose(coding: Code) -> Option<String> {
    coding.system.as_deref().is_none_or(|it| it == ACT_REASON).then_some(coding.code)
}

fn datum(data: Value<'_>, base: &str) -> Option<Datum> {
    if data.get("modifierExtension").is_some() {
        return None;
    }
    let key = local(data.get("reference")?, base)?;
    match data.str("meaning")? {
        "instance" => Some(Datum::Instance(key)),
        "dependents" => Some(Datum::Dependents(key)),
        "authoredby" => Some(Datum::AuthoredBy(key)),
        // What is related to it only the resource itself could tell.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    #[test]
    fn what_is_too_deep_denies() {
        let deep = (0..DEPTH).fold(r#"{"type":"permit"}"#.to_owned(), |inner, _| {
            format!(r#"{{"type":"permit","provision":[{inner}]}}"#)
        });
        let doc = Doc::parse(deep).unwrap();
        let mut at = &Provision::read(doc.root(), "", DEPTH);
        while let Some(inner) = at.exceptions.first() {
            at = inner;
        }
        assert_eq!(at.effect, Effect::Deny);
    }
}
