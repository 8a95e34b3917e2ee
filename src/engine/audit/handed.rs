//! What an operation handed out, told from its answer: operations are free in how they find things, and what a caller got
//! to see is what left.

use super::event::Event;
use super::{AUDIT_EVENT, asked};
use crate::{Answer, Context, Place, Request};
use fhir::json::{Doc, Limits, Value};
use fhir::spec::r4;
use memchr::memmem;
use store::Key;

/// The most patients that a request's own words are taken to be about.
const MOST_NAMED: usize = 100;

/// Fills in the event of an operation that answered.
pub(super) fn fill(event: &mut Event, ctx: &Context, at: &Place, request: &Request, answer: &Answer) {
    event.query = Some(asked(request));
    if let Place::Instance(key) | Place::Version { key, .. } = at {
        event.add_key(key);
    }
    for id in named_patients(request) {
        event.add_key(&Key::new("Patient", id));
    }
    // What this server made is within its own limits.
    let limits = Limits { depth: 256, values: usize::MAX };
    let Some(doc) = std::str::from_utf8(&answer.body).ok().and_then(|it| Doc::parse_within(it, &limits).ok()) else {
        return;
    };
    let root = doc.root();
    if root.str("resourceType") != Some("Bundle") {
        add(event, ctx, root);
        return;
    }
    for entry in root.get("entry").into_iter().flat_map(Value::each) {
        if let Some(resource) = entry.get("resource") {
            add(event, ctx, resource);
        }
    }
}

/// Adds a resource of an answer, if it is a stored one: those have versions.
fn add(event: &mut Event, ctx: &Context, resource: Value<'_>) {
    let version = resource.get("meta").and_then(|it| it.str("versionId")).and_then(|it| it.parse().ok());
    let (Some(of), Some(id), Some(version)) = (resource.str("resourceType"), resource.str("id"), version) else {
        return;
    };
    // Which events were handed out, the log itself tells: it has them in order.
    if r4().resource(of).is_some() && of != AUDIT_EVENT {
        event.add_body(ctx.base(), &Key::new(of, id), version, [resource.raw().as_bytes(), &[]]);
    }
}

/// The patients that a request names itself: in its parameters, as `Patient/1` or as the value of `patient`.
pub(super) fn named_patients(request: &Request) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
        let is_patient = name == "patient" && fhir::primitive::is_id(&value);
        ids.extend(is_patient.then(|| value.to_string()));
        patients_in(value.as_bytes(), &mut ids);
    }
    patients_in(request.path.as_bytes(), &mut ids);
    patients_in(&request.body, &mut ids);
    ids.sort();
    ids.dedup();
    ids.truncate(MOST_NAMED);
    ids
}

fn patients_in(text: &[u8], ids: &mut Vec<String>) {
    const HEAD: &[u8] = b"Patient/";
    for at in memmem::find_iter(text, HEAD).take(MOST_NAMED) {
        let rest = text.get(at + HEAD.len()..).unwrap_or_default();
        let is_of_id = |it: &&u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
        let id: String = rest.iter().take_while(is_of_id).map(|it| char::from(*it)).collect();
        ids.extend(fhir::primitive::is_id(&id).then_some(id));
    }
}
