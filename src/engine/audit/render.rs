//! From an event to the AuditEvent that it is (auditevent.html), in the patterns of IHE's Basic Audit Log Patterns (BALP
//! 1.1): the user and the app as agents, the patient, the data and the query as entities.

use super::entities::{ELSEWHERE, Entity};
use super::event::{Agent, Event};
use super::keys::outcome_of;
use super::patients::PATIENT;
use super::security::{DCM, Security};
use super::sight::Told;
use crate::privacy::{TENANTS, is_purpose};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fhir::primitive::datetime;
use fhir::spec::r4;
use serde_json::{Value as Json, json};

const SUBSETTED: (&str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED");
const EVENT_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
const INTERACTION: &str = "http://hl7.org/fhir/restful-interaction";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const OBJECT_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const SOURCE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
const PURPOSE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const BALP_ENTITY: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";

/// An event as somebody may see it.
pub(super) struct Shown<'a> {
    pub(super) id: &'a str,
    /// When it was kept, in milliseconds since the epoch.
    pub(super) at: i64,
    /// The tenant.
    pub(super) site: &'a str,
    pub(super) event: &'a Event,
    /// The only patients whose records may be told of, where that is so.
    pub(super) only: Option<&'a Told>,
}

fn coding((system, code, display): (&str, &str, &str)) -> Json {
    json!({ "system": system, "code": code, "display": display })
}

impl Shown<'_> {
    /// The AuditEvent.
    pub(super) fn resource(&self) -> Json {
        let (event, time) = (self.event, datetime::instant(self.at * 1000));
        let mut out = json!({
            "resourceType": "AuditEvent",
            "id": self.id,
            "meta": { "versionId": "1", "lastUpdated": time },
        });
        if self.only.is_some() {
            out["meta"]["tag"] = json!([{ "system": SUBSETTED.0, "code": SUBSETTED.1 }]);
        }
        match Security::of(&event.what) {
            Some(security) => {
                out["type"] = coding(security.kind());
                out["subtype"] = json!([coding(security.detail())]);
            }
            None => {
                out["type"] = coding((EVENT_TYPE, "rest", "RESTful Operation"));
                let codes = event.within.iter().chain([&event.what]).filter(|it| !it.is_empty());
                let codes: Vec<Json> =
                    codes.map(|it| json!({ "system": INTERACTION, "code": it, "display": it })).collect();
                if !codes.is_empty() {
                    out["subtype"] = codes.into();
                }
            }
        }
        out["action"] = event.action.to_string().into();
        out["recorded"] = time.into();
        out["outcome"] = outcome_of(event.status).into();
        if event.status >= 400 {
            out["outcomeDesc"] = format!("HTTP {}", event.status).into();
        }
        let purposes = &event.agent.origin.purposes;
        if !purposes.is_empty() {
            out["purposeOfEvent"] = purposes.iter().map(|it| purpose(it)).collect();
        }
        out["agent"] = agents(&event.agent).into();
        out["source"] = json!({
            "site": self.site,
            "observer": { "identifier": { "value": "medisync" }, "display": "MediSync" },
            "type": [coding((SOURCE_TYPE, "4", "Application Server"))],
        });
        let entities = self.entities();
        if !entities.is_empty() {
            out["entity"] = entities.into();
        }
        out
    }

    fn entities(&self) -> Vec<Json> {
        let event = self.event;
        let may_tell = |id: &str| self.only.is_none_or(|it| it.contains(id));
        let patients = event.patients.iter().filter(|it| may_tell(it)).map(|id| {
            json!({
                "what": { "reference": format!("{PATIENT}/{id}") },
                "type": coding((ENTITY_TYPE, "1", "Person")),
                "role": coding((OBJECT_ROLE, "1", "Patient")),
            })
        });
        let mut all: Vec<Json> = patients.collect();
        all.extend(event.entities.iter().filter(|it| self.may_tell_of(it)).filter_map(|it| self.entity(&it)));
        // What was asked for may name others.
        if let Some(query) = event.query.as_ref().filter(|_| self.only.is_none()) {
            all.push(json!({
                "type": coding((ENTITY_TYPE, "2", "System Object")),
                "role": coding((OBJECT_ROLE, "24", "Query")),
                "query": STANDARD.encode(query),
            }));
        }
        if let (Some(untold), None) = (event.untold, self.only) {
            all.push(json!({
                "type": coding((ENTITY_TYPE, "4", "Other")),
                "description": format!("Of {untold} references to records it is not told here whose these are."),
            }));
        }
        if let (Some(reason), None, Some(first)) = (&event.reason, self.only, all.first_mut()) {
            first["detail"] = json!([{ "type": "reason", "valueString": reason }]);
        }
        if let Some(request) = &event.agent.origin.request {
            all.push(json!({
                "what": { "identifier": { "value": request } },
                "type": { "system": BALP_ENTITY, "code": "XrequestId" },
            }));
        }
        all
    }

    /// Whether a resource belongs to one of the only patients that may be told of, if there are such.
    fn may_tell_of(&self, Entity { owners, .. }: &Entity) -> bool {
        let Some(only) = self.only else { return true };
        let owner = |it: &u32| usize::try_from(*it).ok().and_then(|it| self.event.patients.get(it));
        owners.iter().filter_map(owner).any(|it| only.contains(it))
    }

    /// `None` for a patient, who is told of as such, unless a version was asked for.
    fn entity(&self, Entity { what, .. }: &Entity) -> Option<Json> {
        let of = what.split('/').next().unwrap_or_default();
        if let Some(security) = Security::of(&self.event.what) {
            let role = match security {
                // Which limit.
                Security::Throttled => (OBJECT_ROLE, "13", "Security Resource"),
                _ => (OBJECT_ROLE, "11", "Security User Entity"),
            };
            return Some(json!({ "name": what, "type": coding((ENTITY_TYPE, "4", "Other")), "role": coding(role) }));
        }
        if let Some((tenant, what)) = what.strip_prefix(ELSEWHERE).and_then(|it| it.split_once('/')) {
            return Some(elsewhere(tenant, what));
        }
        r4().resource(of)?;
        if of == PATIENT && !what.contains("/_history/") {
            return None;
        }
        Some(json!({
            "what": { "reference": what },
            "type": coding((ENTITY_TYPE, "2", "System Object")),
            "role": coding((OBJECT_ROLE, "4", "Domain Resource")),
        }))
    }
}

/// What data was wanted for; of a refused request perhaps nothing that there is.
fn purpose(code: &str) -> Json {
    match is_purpose(code) {
        true => json!({ "coding": [{ "system": PURPOSE, "code": code }] }),
        false => json!({ "text": code }),
    }
}

/// A resource of another tenant: no reference from here leads to it.
fn elsewhere(tenant: &str, what: &str) -> Json {
    let of = what.split('/').next().unwrap_or_default();
    json!({
        "what": { "type": of, "identifier": { "system": format!("{TENANTS}/{tenant}"), "value": what } },
        "type": coding((ENTITY_TYPE, "2", "System Object")),
        "role": coding((OBJECT_ROLE, "4", "Domain Resource")),
    })
}

/// The user, if there is one, and the app or program.
fn agents(agent: &Agent) -> Vec<Json> {
    let Agent { subject, roles, origin } = agent;
    let mut all = Vec::new();
    let is_program = origin.user.is_none() && origin.client.as_ref().is_some_and(|it| it == subject);
    if !is_program {
        let who = match &origin.user {
            Some(user) => json!({ "reference": user }),
            None => json!({ "identifier": { "value": subject } }),
        };
        let mut user = json!({ "who": who, "altId": subject, "name": subject, "requestor": true });
        if origin.user.is_some() {
            // A name alone does not tell whether it is a person's.
            user["type"] = json!({ "coding": [coding((PARTICIPATION, "humanuser", "human user"))] });
        }
        all.push(user);
    }
    if let Some(client) = &origin.client {
        all.push(json!({
            "type": { "coding": [coding((DCM, "110150", "Application"))] },
            "who": { "identifier": { "value": client } },
            "altId": client,
            "name": client,
            "requestor": is_program,
        }));
    }
    if let Some(first) = all.first_mut() {
        if !roles.is_empty() {
            first["role"] = roles.iter().map(|it| json!({ "text": it })).collect();
        }
        if let Some(address) = &origin.address {
            // valueset-network-type.html: an IP address.
            first["network"] = json!({ "address": address, "type": "2" });
        }
    }
    all
}
