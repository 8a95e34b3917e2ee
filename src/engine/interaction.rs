//! What a request asks for (http.html#summary): read from verb, path and query, before anything is looked up.

use crate::operation::Place;
use crate::{Request, Route, Verb};
use fhir::outcome::shown;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use store::{Key, Scope};

/// An interaction of the RESTful API.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Interaction {
    /// `GET metadata`
    Capabilities,
    /// `GET openapi.json`
    OpenApi,
    /// `GET [type]/[id]`
    Read { key: Key },
    /// `GET [type]/[id]/_history/[vid]`
    Vread { key: Key, version: i64 },
    /// `POST [type]`, with `If-None-Exist` conditional
    Create { of: String },
    /// `PUT [type]/[id]`
    Update { key: Key },
    /// `PUT [type]?…`
    UpdateWhere { of: String },
    /// `PATCH [type]/[id]`
    Patch { key: Key },
    /// `PATCH [type]?…`
    PatchWhere { of: String },
    /// `DELETE [type]/[id]`
    Delete { key: Key },
    /// `DELETE [type]?…`
    DeleteWhere { of: String },
    /// `GET …/_history`
    History { scope: Scope },
    /// `GET [type]?…`, `POST [type]/_search`, and the same on the base and in a compartment
    Search { of: Option<String>, compartment: Option<Key> },
    /// `…/$op` on the base, a type, an instance or a version of one
    Operation { at: Place, code: String },
    /// `POST [base]`: batch or transaction
    Bundle,
}

impl Interaction {
    /// Reads what a request asks for; fails for paths and verbs that R4 has not: those that [`Route`] does not have.
    pub fn parse(request: &Request) -> Result<Interaction> {
        let (verb, path) = (request.verb, request.path.as_str());
        let route = Route::of(path).ok_or_else(unknown_path)?;
        let step = |at: usize| path.split('/').nth(at).unwrap_or_default();
        let of = || known(step(0));
        let key = || key(step(0), step(1));
        let interaction = match route {
            Route::Base => on_base(verb),
            Route::Metadata => Interaction::Capabilities,
            Route::OpenApi => Interaction::OpenApi,
            Route::History => Interaction::History { scope: Scope::System },
            Route::Search => Interaction::Search { of: None, compartment: None },
            Route::Operation => operation(Place::System, step(0)),
            Route::Type => on_type(verb, of()?),
            Route::TypeSearch => Interaction::Search { of: Some(of()?), compartment: None },
            Route::TypeHistory => Interaction::History { scope: Scope::Type(of()?) },
            Route::TypeOperation => operation(Place::Type(of()?), step(1)),
            Route::Instance => on_instance(verb, key()?),
            Route::InstanceHistory => Interaction::History { scope: Scope::Instance(key()?) },
            Route::InstanceOperation => operation(Place::Instance(key()?), step(2)),
            Route::Compartment | Route::CompartmentSearch => compartment(key()?, step(2))?,
            Route::Version => Interaction::Vread { key: key()?, version: number(step(3))? },
            Route::VersionOperation => operation(Place::Version { key: key()?, version: number(step(3))? }, step(4)),
        };
        match route.takes(verb) {
            true => Ok(interaction),
            false => Err(not_allowed()),
        }
    }
}

/// The number of a version.
fn number(version: &str) -> Result<i64> {
    version.parse().map_err(|_| Failure::new(IssueType::NotFound, "There is no such version."))
}

fn unknown_path() -> Failure {
    Failure::new(IssueType::NotFound, "FHIR R4 has no such address; see http.html for those it has.")
}

fn not_allowed() -> Failure {
    Failure::new(IssueType::NotSupported, "This address does not take this method.").with_status(405)
}

fn on_base(verb: Verb) -> Interaction {
    match verb {
        Verb::Post => Interaction::Bundle,
        _ => Interaction::Search { of: None, compartment: None },
    }
}

fn on_type(verb: Verb, of: String) -> Interaction {
    match verb {
        Verb::Get | Verb::Head => Interaction::Search { of: Some(of), compartment: None },
        Verb::Post => Interaction::Create { of },
        Verb::Put => Interaction::UpdateWhere { of },
        Verb::Patch => Interaction::PatchWhere { of },
        Verb::Delete => Interaction::DeleteWhere { of },
    }
}

fn on_instance(verb: Verb, key: Key) -> Interaction {
    match verb {
        Verb::Put => Interaction::Update { key },
        Verb::Patch => Interaction::Patch { key },
        Verb::Delete => Interaction::Delete { key },
        _ => Interaction::Read { key },
    }
}

/// operations.html#executing: by GET or POST; whether by GET, its definition says.
fn operation(at: Place, op: &str) -> Interaction {
    Interaction::Operation { at, code: op.trim_start_matches('$').to_owned() }
}

fn compartment(owner: Key, member: &str) -> Result<Interaction> {
    let of = if member == "*" { None } else { Some(known(member)?) };
    Ok(Interaction::Search { of, compartment: Some(owner) })
}

/// The name of a resource type, or 404 (http.html#status-codes).
fn known(of: &str) -> Result<String> {
    match r4().resource(of) {
        Some(_) => Ok(of.to_owned()),
        None => {
            let told = format!("{} is not a resource type of R4.", shown(of));
            Err(Failure::new(IssueType::NotSupported, told).with_status(404))
        }
    }
}

fn key(of: &str, id: &str) -> Result<Key> {
    let of = known(of)?;
    if !fhir::primitive::is_id(id) {
        let told = "A resource's id has 1 to 64 letters, digits, '-' and '.' (datatypes.html#id).";
        return Err(Failure::new(IssueType::Value, told));
    }
    Ok(Key::new(of, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn parse(verb: Verb, path: &str) -> Result<Interaction> {
        let request =
            Request { verb, path: path.into(), query: String::new(), headers: Default::default(), body: Bytes::new() };
        Interaction::parse(&request)
    }

    #[test]
    fn paths_and_verbs_give_interactions() {
        let key = Key::new("Patient", "1");
        for (verb, path, expected) in [
            (Verb::Get, "Patient/1", Interaction::Read { key: key.clone() }),
            (Verb::Get, "Patient/1/_history/2", Interaction::Vread { key: key.clone(), version: 2 }),
            (Verb::Put, "Patient/1", Interaction::Update { key: key.clone() }),
            (Verb::Put, "Patient", Interaction::UpdateWhere { of: "Patient".into() }),
            (Verb::Post, "", Interaction::Bundle),
            (Verb::Post, "Patient/_search", Interaction::Search { of: Some("Patient".into()), compartment: None }),
            (Verb::Get, "Patient/1/*", Interaction::Search { of: None, compartment: Some(key.clone()) }),
            (
                Verb::Get,
                "Patient/1/$everything",
                Interaction::Operation { at: Place::Instance(key.clone()), code: "everything".into() },
            ),
            (
                Verb::Get,
                "Patient/1/_history/2/$meta",
                Interaction::Operation { at: Place::Version { key: key.clone(), version: 2 }, code: "meta".into() },
            ),
            (
                Verb::Get,
                "Patient/1/Observation",
                Interaction::Search { of: Some("Observation".into()), compartment: Some(key) },
            ),
        ] {
            assert_eq!(parse(verb, path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn what_r4_has_not_is_refused() {
        for (verb, path, status) in [
            (Verb::Get, "Patients", 404),
            (Verb::Get, "Patient/a_b", 400),
            (Verb::Post, "Patient/1", 405),
            (Verb::Delete, "", 405),
            (Verb::Get, "Patient/1/2/3/4", 404),
            (Verb::Get, "Patient/1/_history/x/$meta", 404),
            (Verb::Get, "Patient/1/_history/x", 404),
            (Verb::Get, "Nope/$everything", 404),
            (Verb::Put, "Patient/$everything", 405),
            (Verb::Get, "Patient/1/_history/$meta", 404),
        ] {
            assert_eq!(parse(verb, path).unwrap_err().status, status, "{path}");
        }
    }
}
