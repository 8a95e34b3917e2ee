//! What the log keeps of an event: few bytes, made with every access. It becomes an AuditEvent when somebody asks
//! (`render`).

use super::patients::{PATIENT, each_patient};
use crate::interaction::Interaction;
use crate::{Context, Place};
use fhir::{Failure, Result};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use store::{AuditEntry, Key, Method, Scope, Stored};

/// An event as it is kept: JSON with names of one letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    /// The interaction's code (valueset-type-restful-interaction.html), or what happened to the tenant's security.
    #[serde(rename = "e")]
    pub(super) what: Cow<'static, str>,
    /// The code of a Bundle's interaction that it was part of.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) within: Option<Cow<'static, str>>,
    /// AuditEvent.action.
    #[serde(rename = "a")]
    pub(super) action: char,
    /// HTTP's status.
    #[serde(rename = "s")]
    pub(super) status: u16,
    /// Who did it.
    #[serde(rename = "w")]
    pub(super) agent: Agent,
    /// The request's path and query, of a search or an operation.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    /// The ids of the patients whose records were touched.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patients: Vec<String>,
    /// What was touched.
    #[serde(rename = "o", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) entities: Vec<Entity>,
}

/// A resource that was touched: `Type/id`, perhaps with the version, or what else a security event is about; and whose
/// it is, by numbers of [`Event::patients`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entity(pub(super) String, pub(super) Vec<u32>);

/// Who did something, and from where (AuditEvent.agent).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Agent {
    /// The caller's name.
    #[serde(rename = "s")]
    pub(super) subject: String,
    /// The caller's roles.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
    /// What only the transport knows.
    #[serde(flatten)]
    pub(super) origin: Origin,
}

/// Where a request comes from, as its audit events tell it: what the engine does not know by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The app or program that sends it, or the API key.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The resource that the user is: `Practitioner/1`.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The network address.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The request's own name (`X-Request-Id`).
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Why, by codes of v3-PurposeOfUse.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
}

impl Event {
    /// An event of this caller.
    pub(super) fn of(ctx: &Context, what: &'static str, action: char, status: u16) -> Event {
        let mut origin = Origin::clone(&ctx.origin);
        origin.purposes.extend(ctx.purposes.iter().flat_map(|it| it.iter().cloned()));
        let agent = Agent { subject: ctx.caller.subject.clone(), roles: ctx.caller.roles.clone(), origin };
        let within = ctx.bundle.map(Cow::Borrowed);
        Event { what: what.into(), within, action, status, agent, ..Event::default() }
    }

    /// Adds a resource of which nothing but its key is known: of a patient, that it is one.
    pub(super) fn add_key(&mut self, key: &Key) {
        let owners = if key.of == PATIENT { vec![self.patient(&key.id)] } else { Vec::new() };
        self.entities.push(Entity(key.to_string(), owners));
    }

    /// Adds a version of a resource, with the patients whose it is.
    pub(super) fn add(&mut self, base: &str, stored: &Stored) {
        self.add_body(base, &stored.key, stored.version, [&stored.body, &[]]);
    }

    /// The same of a version that is not stored yet, and of the one before it.
    pub(super) fn add_body(&mut self, base: &str, key: &Key, version: i64, bodies: [&[u8]; 2]) {
        let mut owners = Vec::new();
        for body in bodies {
            each_patient(&key.of, &key.id, body, base, |id| {
                let number = self.patient(id);
                if !owners.contains(&number) {
                    owners.push(number);
                }
            });
        }
        self.entities.push(Entity(format!("{key}/_history/{version}"), owners));
    }

    /// The number of a patient.
    pub(super) fn patient(&mut self, id: &str) -> u32 {
        let at = self.patients.iter().position(|it| it == id).unwrap_or_else(|| {
            self.patients.push(id.to_owned());
            self.patients.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// As the log takes it.
    pub(super) fn entry(&self, id: String, at: i64) -> Result<AuditEntry> {
        Ok(AuditEntry {
            id,
            at,
            keys: super::keys::of(self),
            body: serde_json::to_vec(self).map_err(Failure::internal)?,
        })
    }
}

/// The code of an interaction, and the action that it is.
pub(super) fn code(interaction: &Interaction) -> (&'static str, char) {
    match interaction {
        Interaction::Capabilities | Interaction::OpenApi => ("capabilities", 'R'),
        Interaction::Read { .. } => ("read", 'R'),
        Interaction::Vread { .. } => ("vread", 'R'),
        Interaction::Create { .. } => ("create", 'C'),
        Interaction::Update { .. } | Interaction::UpdateWhere { .. } => ("update", 'U'),
        Interaction::Patch { .. } | Interaction::PatchWhere { .. } => ("patch", 'U'),
        Interaction::Delete { .. } | Interaction::DeleteWhere { .. } => ("delete", 'D'),
        Interaction::History { scope: Scope::Instance(_) } => ("history-instance", 'R'),
        Interaction::History { scope: Scope::Type(_) } => ("history-type", 'R'),
        Interaction::History { scope: Scope::System } => ("history-system", 'R'),
        Interaction::Search { of: Some(_), .. } => ("search-type", 'E'),
        Interaction::Search { of: None, .. } => ("search-system", 'E'),
        Interaction::Operation { .. } => ("operation", 'E'),
        Interaction::Bundle => ("transaction", 'E'),
    }
}

/// What a version's coming to be is: its interaction, action and status.
pub(super) fn code_of_write(method: Method, is_new: bool) -> (&'static str, char, u16) {
    match method {
        Method::Delete => ("delete", 'D', 204),
        Method::Patch => ("patch", 'U', 200),
        Method::Post => ("create", 'C', 201),
        // http.html#upsert
        Method::Put if is_new => ("update", 'C', 201),
        Method::Put => ("update", 'U', 200),
    }
}

/// The resource that an interaction's address names.
pub(super) fn named(interaction: &Interaction) -> Option<&Key> {
    match interaction {
        Interaction::Read { key }
        | Interaction::Vread { key, .. }
        | Interaction::Update { key }
        | Interaction::Patch { key }
        | Interaction::Delete { key }
        | Interaction::History { scope: Scope::Instance(key) }
        | Interaction::Search { compartment: Some(key), .. }
        | Interaction::Operation { at: Place::Instance(key) | Place::Version { key, .. }, .. } => Some(key),
        _ => None,
    }
}
