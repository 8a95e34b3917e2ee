//! What the log keeps of an event: few bytes, made with every access. It becomes an AuditEvent when somebody asks
//! (`render`).

use super::entities::Entities;
use super::held::each_whose;
use super::patients::PATIENT;
use super::pointed::Whose;
use super::whose::Touched;
use crate::interaction::Interaction;
use crate::{Context, Place};
use fhir::{Failure, Result};
use minicbor::{Decode, Encode};
use std::borrow::Cow;
use store::{AuditEntry, Key, Method, Scope, Stored};

/// So many bytes an event has beside what was touched: memory that is asked for once need not grow.
const USUAL: usize = 256;
/// So many references to records an event keeps until it is known whose these are.
const MOST_REFERENCES: usize = 20_000;

/// An event as it is kept: CBOR (RFC 8949), an array whose last elements may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Event {
    /// The interaction's code (valueset-type-restful-interaction.html), or what happened to the tenant's security; empty for
    /// a request that is no interaction.
    #[n(0)]
    pub(super) what: Cow<'static, str>,
    /// The code of a Bundle's interaction that it was part of.
    #[n(1)]
    pub(super) within: Option<Cow<'static, str>>,
    /// AuditEvent.action.
    #[n(2)]
    pub(super) action: char,
    /// HTTP's status.
    #[n(3)]
    pub(super) status: u16,
    /// Who did it.
    #[n(4)]
    pub(super) agent: Agent,
    /// The request's path and query, of a search or an operation.
    #[n(5)]
    pub(super) query: Option<String>,
    /// The ids of the patients whose records were touched.
    #[n(6)]
    pub(super) patients: Vec<String>,
    /// What was touched.
    #[n(7)]
    pub(super) entities: Entities,
    /// Why, in the words of who did it.
    #[n(8)]
    pub(super) reason: Option<String>,
    /// Of how many references to records it is not told whose these are.
    #[n(9)]
    pub(super) untold: Option<u64>,
    /// What was touched and points at records, until it is known whose these are; then what is found by its own key as well. What is kept
    /// has none.
    #[cbor(skip)]
    pub(super) pointing: Vec<Touched>,
    /// How many references to records all of that has.
    #[cbor(skip)]
    pub(super) references: usize,
}

/// Who did something, and from where (AuditEvent.agent).
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Agent {
    /// The caller's name.
    #[n(0)]
    pub(super) subject: String,
    /// The caller's roles.
    #[n(1)]
    pub(super) roles: Vec<String>,
    /// What only the transport knows.
    #[n(2)]
    pub(super) origin: Origin,
}

/// Where a request comes from, as its audit events tell it: what the engine does not know by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Origin {
    /// The app or program that sends it, or the API key.
    #[n(0)]
    pub client: Option<String>,
    /// The resource that the user is: `Practitioner/1`.
    #[n(1)]
    pub user: Option<String>,
    /// The network address.
    #[n(2)]
    pub address: Option<String>,
    /// The request's own name (`X-Request-Id`).
    #[n(3)]
    pub request: Option<String>,
    /// Why, by codes of v3-PurposeOfUse.
    #[n(4)]
    pub purposes: Vec<String>,
}

impl Event {
    /// An event of this caller.
    pub(super) fn of(ctx: &Context, what: &'static str, action: char, status: u16) -> Event {
        let mut origin = Origin::clone(&ctx.origin);
        match (&ctx.purposes, &ctx.limits) {
            (Some(said), _) => origin.purposes.extend(said.iter().cloned()),
            (None, Some(limits)) => origin.purposes.extend(limits.presumed().cloned()),
            (None, None) => {}
        }
        let agent = Agent { subject: ctx.caller.subject.clone(), roles: ctx.caller.roles.clone(), origin };
        let within = ctx.bundle.map(Cow::Borrowed);
        Event { what: what.into(), within, action, status, agent, ..Event::default() }
    }

    /// Adds a resource of which nothing but its key is known: of a patient, that it is one.
    pub(super) fn add_key(&mut self, key: &Key) {
        let owner = (key.of == PATIENT).then(|| self.patient(&key.id));
        self.entities.add(&key.of, &key.id, 0, owner.as_slice());
    }

    /// Adds a version of a resource, with the patients whose it is.
    pub(super) fn add(&mut self, base: &str, stored: &Stored) {
        self.add_body(base, &stored.key, stored.version, [&stored.body, &[]]);
    }

    /// The same of a version that is not stored yet, and of the one before it.
    pub(super) fn add_body(&mut self, base: &str, key: &Key, version: i64, bodies: [&[u8]; 2]) {
        let (mut owners, mut records, mut references) = (Vec::new(), Vec::new(), 0);
        for body in bodies {
            each_whose(&key.of, &key.id, body, base, &mut |it| match it {
                Whose::Patient(id) => {
                    let number = self.patient(id);
                    owners.extend(Some(number).filter(|it| !owners.contains(it)));
                }
                Whose::Record(it) => {
                    references += 1;
                    records.extend(Some(it).filter(|_| self.references + references <= MOST_REFERENCES));
                }
            });
        }
        if references == 0 {
            return self.entities.add(&key.of, &key.id, version, &owners);
        }
        self.references += references;
        self.add_untold(references - records.len());
        self.pointing.push(Touched { key: key.clone(), version, owners, records });
    }

    /// Tells of the emergency by which the record of one of the patients is open to the caller.
    pub(super) fn tell_emergency(&mut self, ctx: &Context) {
        let Some(limits) = &ctx.limits else { return };
        let Some(purpose) = self.patients.iter().find_map(|it| limits.emergency(it)) else { return };
        let purposes = &mut self.agent.origin.purposes;
        // What is presumed of whoever says nothing is not what it was for.
        if ctx.purposes.is_none() {
            purposes.clear();
        }
        purposes.push(purpose.to_owned());
    }

    /// The number of a patient.
    pub(super) fn patient(&mut self, id: &str) -> u32 {
        let at = self.patients.iter().position(|it| it == id).unwrap_or_else(|| {
            self.patients.push(id.to_owned());
            self.patients.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// What [`Event::entry`] made a body of.
    pub(super) fn read(body: &[u8]) -> Result<Event> {
        minicbor::decode(body).map_err(|_| Failure::internal("an event of the audit log cannot be read"))
    }

    /// As the log takes it.
    pub(super) fn entry(&self, id: String, at: i64) -> Result<AuditEntry> {
        let mut body = Vec::with_capacity(USUAL + self.entities.size());
        minicbor::encode(self, &mut body).map_err(Failure::internal)?;
        Ok(AuditEntry { id, at, keys: super::keys::of(self), body })
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
