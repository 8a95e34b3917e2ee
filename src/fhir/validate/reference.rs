//! References: their format and what they may point to (references.html).

use super::References;
use super::rules::Place;
use super::walk::Walk;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::primitive::is_id;
use crate::spec::{Spec, TypeId};

/// What a reference's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Literal<'t> {
    /// `#id`: a contained resource; `#`: the resource that contains this one.
    Fragment(&'t str),
    /// `Type?criteria`.
    Conditional(TypeId),
    /// `Type/id` or `Type/id/_history/version`.
    Relative(TypeId),
    /// A URL of a server, perhaps of FHIR; a `urn:`.
    Absolute(Option<TypeId>),
}

impl<'t> Literal<'t> {
    fn parse(spec: &Spec, text: &'t str) -> Option<Literal<'t>> {
        if let Some(id) = text.strip_prefix('#') {
            return (id.is_empty() || is_id(id)).then_some(Literal::Fragment(id));
        }
        if let Some((scheme, rest)) = text.split_once(':').filter(|(it, _)| is_scheme(it)) {
            return absolute(spec, scheme, rest);
        }
        match text.split_once('?') {
            Some((name, criteria)) => spec.resource(name).filter(|_| !criteria.is_empty()).map(Literal::Conditional),
            None => restful(spec, text).map(Literal::Relative),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.'))
}

fn absolute<'t>(spec: &Spec, scheme: &str, rest: &str) -> Option<Literal<'t>> {
    let found = match scheme {
        "urn" => match rest.split_once(':')? {
            ("uuid", uuid) => is_uuid(uuid).then_some(None),
            (_, specific) => (!specific.is_empty()).then_some(None),
        },
        "http" | "https" => {
            let (host, path) = rest.strip_prefix("//")?.split_once('/')?;
            (!host.is_empty()).then(|| ends_restful(spec, path))
        }
        _ => (!rest.is_empty()).then_some(None),
    };
    found.map(Literal::Absolute)
}

/// Whether a text is a URL with a scheme.
pub(super) fn is_absolute(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}

/// Upper case is tolerated here, as senders' references within a Bundle must only agree with its `fullUrl`s.
fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

/// The type of `Type/id[/_history/version]`.
fn restful(spec: &Spec, text: &str) -> Option<TypeId> {
    let mut parts = text.split('/');
    let of = spec.resource(parts.next()?)?;
    parts.next().filter(|it| is_id(it))?;
    match (parts.next(), parts.next(), parts.next()) {
        (None, _, _) => Some(of),
        (Some("_history"), Some(version), None) if is_id(version) => Some(of),
        _ => None,
    }
}

/// The type of a path that ends like a FHIR server's.
pub(super) fn ends_restful(spec: &Spec, path: &str) -> Option<TypeId> {
    let path = path.split_once("/_history/").map_or(path, |(before, _)| before);
    let (before, id) = path.rsplit_once('/')?;
    let name = before.rsplit('/').next()?;
    spec.resource(name).filter(|_| is_id(id))
}

impl<'a, 's> Walk<'a, 's> {
    /// Checks a Reference beyond its elements.
    pub(super) fn reference(&mut self, place: Place<'a, 's>, value: Value<'a>) {
        let spec = self.validator.spec;
        let stated = value.str("type").and_then(|it| spec.resource(it));
        let literal = value.get("reference").and_then(|it| Some((it, it.as_str()?)));
        let Some((at, text)) = literal else {
            if let Some(stated) = stated {
                self.target(place, value, stated);
            }
            return;
        };
        let found = match Literal::parse(spec, text) {
            Some(Literal::Fragment("")) => None,
            Some(Literal::Fragment(id)) => match self.contained(id) {
                Some(resource) => resource.str("resourceType").and_then(|it| spec.resource(it)),
                None => {
                    self.report(IssueType::Value, at, "The reference must name a resource in contained by its id.");
                    None
                }
            },
            Some(Literal::Conditional(_)) if self.references == References::Literal => {
                self.report(IssueType::Value, at, "A conditional reference is allowed only in a transaction.");
                None
            }
            Some(Literal::Conditional(of)) => Some(of),
            Some(Literal::Relative(of)) => {
                self.stored(at, text);
                Some(of)
            }
            Some(Literal::Absolute(of)) => of.or_else(|| self.named_by_urn(at, text)),
            None => {
                let problem = "The reference must be Type/id with a resource type of R4, an absolute URL, a urn:uuid: or \
                               urn:oid:, or #id of a contained resource.";
                self.report(IssueType::Value, at, problem);
                None
            }
        };
        let Some(found) = found else {
            return;
        };
        self.target(place, at, found);
        if stated.is_some_and(|it| it != found) {
            self.report(IssueType::Value, value, "The reference's type must be the type of the resource it points to.");
        }
    }

    /// The type of what a `urn:` names: an entry of the Bundle around it.
    fn named_by_urn(&mut self, at: Value<'a>, text: &str) -> Option<TypeId> {
        if !text.starts_with("urn:") || self.root().str("resourceType") != Some("Bundle") {
            return None;
        }
        let found = self.bundled(text);
        if found.is_none() {
            // Only the Bundle could have what a urn names.
            self.warn(Severity::Warning, IssueType::NotFound, at, "The reference names nothing in the Bundle.");
        }
        found?.str("resourceType").and_then(|it| self.validator.spec.resource(it))
    }

    /// Tells a relative reference that leads nowhere on this server, where that is known.
    fn stored(&mut self, at: Value<'a>, text: &str) {
        let is_in_bundle = self.root().str("resourceType") == Some("Bundle") && self.bundled(text).is_some();
        if self.wants_warnings() && !is_in_bundle && self.conditions.services().is_stored(text) == Some(false) {
            let told = "What the reference points to is not on this server.";
            self.warn(Severity::Warning, IssueType::NotFound, at, told);
        }
    }

    /// Whether an element may point to a type.
    fn target(&mut self, place: Place<'a, 's>, at: Value<'a>, found: TypeId) {
        let spec = self.validator.spec;
        let targets = &place.element.targets;
        if !targets.is_empty() && !targets.iter().any(|it| spec.is_a(found, *it)) {
            let names: Vec<_> = targets.iter().map(|it| &*spec.of(*it).name).collect();
            let text = format!("{} must point to one of: {}.", place.name, names.join(", "));
            self.report(IssueType::Value, at, text);
        }
    }
}
