//! What an operation handed out, told from its answer: operations are free in how they find things, and what a caller got
//! to see is what left.

use super::entities::ELSEWHERE;
use super::event::Event;
use super::{AUDIT_EVENT, asked, each_patient};
use crate::{Answer, Context, Request};
use fhir::json::{Doc, Limits, Value};
use fhir::spec::r4;
use memchr::memmem;
use store::{Key, Stored};

/// The most patients that a request's own words are taken to be about.
const MOST_NAMED: usize = 100;

/// Fills in the event of an operation that answered, perhaps of one resource.
pub(super) fn fill(event: &mut Event, ctx: &Context, instance: Option<&Stored>, request: &Request, answer: &Answer) {
    event.query = Some(asked(request));
    if let Some(stored) = instance {
        event.add(ctx.base(), stored);
    }
    for id in named_patients(request) {
        event.add_key(&Key::new("Patient", id));
    }
    each_resource(answer, |of, value| match of {
        "Parameters" => {
            let mut ids = Vec::new();
            patients_in(value.raw().as_bytes(), usize::MAX, &mut ids);
            ids.iter().for_each(|it| _ = event.patient(it));
        }
        of => add(event, ctx, of, value),
    });
}

/// Fills in the event of an operation that answered with what is another tenant's: it is named as that, and no patient of this
/// tenant's is taken to be the one of whom it is.
pub(super) fn fill_elsewhere(
    event: &mut Event,
    (tenant, patient): (&str, Option<&str>),
    request: &Request,
    answer: &Answer,
) {
    event.query = Some(asked(request));
    let mut add =
        |of: &str, id: &str, version| event.entities.add(&format!("{ELSEWHERE}{tenant}/{of}"), id, version, &[]);
    if let Some(id) = patient.filter(|it| fhir::primitive::is_id(it)) {
        add("Patient", id, 0);
    }
    each_resource(answer, |of, resource| {
        let is_stored = r4().resource(of).is_some() && of != "Parameters";
        if let (Some(id), Some(version)) = (resource.str("id").filter(|_| is_stored), version(resource)) {
            add(of, id, version);
        }
    });
}

/// Calls `found` with the type and content of each resource that an answer hands out, and of Parameters around them.
fn each_resource(answer: &Answer, mut found: impl FnMut(&str, Value<'_>)) {
    // What this server made is within its own limits.
    let limits = Limits { depth: 256, values: usize::MAX };
    let Some(doc) = std::str::from_utf8(&answer.body).ok().and_then(|it| Doc::parse_within(it, &limits).ok()) else {
        return;
    };
    let mut left = vec![doc.root()];
    while let Some(value) = left.pop() {
        match value.str("resourceType") {
            Some("Bundle") => left.extend(value.get("entry").into_iter().flat_map(Value::each)),
            Some("Parameters") => {
                left.extend(value.get("parameter").into_iter().flat_map(Value::each));
                found("Parameters", value);
            }
            Some(of) => found(of, value),
            // An entry or a parameter.
            None => {
                left.extend(value.get("resource"));
                left.extend(value.get("part").into_iter().flat_map(Value::each));
            }
        }
    }
}

/// Adds a resource of an answer: a stored one, which has a version, as itself; of one that was made for the answer, whose it is.
fn add(event: &mut Event, ctx: &Context, of: &str, resource: Value<'_>) {
    // Which events were handed out, the log itself tells: it has them in order.
    if r4().resource(of).is_none() || of == AUDIT_EVENT {
        return;
    }
    let (id, body) = (resource.str("id").unwrap_or_default(), resource.raw().as_bytes());
    match version(resource) {
        Some(version) if !id.is_empty() => event.add_body(ctx.base(), &Key::new(of, id), version, [body, &[]]),
        _ => each_patient(of, "", body, ctx.base(), |it| {
            if !it.is_empty() {
                event.patient(it);
            }
        }),
    }
}

/// The version of a resource that is stored.
fn version(resource: Value<'_>) -> Option<i64> {
    resource.get("meta")?.str("versionId")?.parse().ok()
}

/// The patients that a request names itself: in its parameters, as `Patient/1` or as the value of `patient`.
pub(super) fn named_patients(request: &Request) -> Vec<String> {
    let mut ids = Vec::new();
    patients_asked(&request.query, &mut ids);
    patients_in(request.path.as_bytes(), MOST_NAMED, &mut ids);
    patients_in(&request.body, MOST_NAMED, &mut ids);
    ids.sort();
    ids.dedup();
    ids.truncate(MOST_NAMED);
    ids
}

/// Those that a query string names.
pub(super) fn patients_asked(query: &str, ids: &mut Vec<String>) {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_patient = name == "patient" && fhir::primitive::is_id(&value);
        ids.extend(is_patient.then(|| value.to_string()));
        patients_in(value.as_bytes(), MOST_NAMED, ids);
    }
}

fn patients_in(text: &[u8], most: usize, ids: &mut Vec<String>) {
    const HEAD: &[u8] = b"Patient/";
    for at in memmem::find_iter(text, HEAD).take(most) {
        let rest = text.get(at + HEAD.len()..).unwrap_or_default();
        let is_of_id = |it: &&u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
        let id: String = rest.iter().take_while(is_of_id).map(|it| char::from(*it)).collect();
        ids.extend(fhir::primitive::is_id(&id).then_some(id));
    }
}
