//! Who a caller is to the records of a tenant: in which roles, organizations and teams, and whom they treat.

use super::consent::TENANT;
use super::purpose::{is_a, is_of_patient, presumed};
use crate::own::{each, every};
use crate::{Caller, Context};
use fhir::json::{Doc, Value};
use fhir::search::{Clause, NO_CODES, Owners, ParamId, Query, Target, Test};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use std::sync::Arc;
use store::{Key, Session, Stored};

/// Resources read at once.
const BATCH: usize = 1000;
/// Patients of one caller, at the most.
const MOST: usize = 50_000;

/// An identifier: system, empty where there is none, and value.
pub(super) type Identifier = (Arc<str>, Arc<str>);

/// Resources that tell who treats whom: the type, the parameters by which it names who treats, and the states in which
/// it does not count. Each refers to the patient by its parameter `patient`.
const TIES: [(&str, &[&str], &str); 4] = [
    ("CareTeam", &["participant"], "inactive,entered-in-error"),
    ("Appointment", &["actor"], "cancelled,entered-in-error"),
    ("ServiceRequest", &["requester", "performer"], "revoked,entered-in-error"),
    ("Encounter", &["participant"], "cancelled,entered-in-error"),
];

/// The types whose resources decide who a caller is.
pub(super) const TOLD_BY: [&str; 7] =
    ["CareTeam", "Appointment", "ServiceRequest", "Encounter", "Patient", "PractitionerRole", "Group"];

/// Whether a resource of this type, naming a caller, ties its patients to them.
pub(super) fn is_tie(of: &str) -> bool {
    TIES.iter().any(|(it, ..)| *it == of)
}

/// A caller, as rules see them.
#[derive(Debug, Default)]
pub(super) struct Who {
    /// The resource that the user is.
    me: Option<Key>,
    /// That, and what it acts as or for.
    identities: FxHashSet<Key>,
    /// What data is wanted for, where it is known.
    purposes: Option<Vec<String>>,
    /// The id of the patient that the user is or acts for.
    own: Option<String>,
    /// Microseconds since the epoch.
    now: i64,
}

impl Who {
    /// The caller of a context, who may want data for these purposes; `session` is where it is looked up.
    pub(super) async fn of(ctx: &Context, session: &dyn Session, allowed: &[String], now: i64) -> Result<Who> {
        let caller = ctx.caller();
        let purposes = ctx.purposes.as_deref().map(<[String]>::to_vec).or_else(|| presumed(allowed));
        let me = me(caller, ctx.base());
        let own = me.as_ref().and_then(|it| match it.of.as_str() {
            "Patient" => Some(it.id.clone()),
            "RelatedPerson" | "Person" => caller.scopes.patient().map(str::to_owned),
            _ => None,
        });
        let mut who = Who { me: me.clone(), identities: me.into_iter().collect(), purposes, own, now };
        who.add_roles(session).await?;
        who.add_teams(session).await?;
        Ok(who)
    }

    /// Whether it is another tenant, which sees what Consents permit alone.
    pub(super) fn is_tenant(&self) -> bool {
        self.me.as_ref().is_some_and(|it| it.of == "Organization" && it.id.starts_with(TENANT))
    }

    /// The patient that the user is.
    pub(super) fn patient(&self) -> Option<&str> {
        self.me.as_ref().filter(|it| it.of == "Patient").map(|it| it.id.as_str())
    }

    /// Whether the caller is this, or acts as it or for it; not known of callers who are nobody here.
    pub(super) fn is(&self, key: &Key) -> Option<bool> {
        self.me.as_ref().map(|_| self.identities.contains(key))
    }

    /// Whether a patient's data is wanted for one of these purposes, or for nothing else where `is_all`. What patients ask
    /// for is about their own records: of another's it is not known what for.
    pub(super) fn wants(&self, wanted: &[Option<String>], is_all: bool, patient: &str) -> Option<bool> {
        if wanted.is_empty() {
            return Some(true);
        }
        let own = self.purposes.as_ref()?;
        if self.own.as_deref() != Some(patient) && own.iter().any(|it| is_of_patient(it)) {
            return None;
        }
        let is_wanted = |it: &String| wanted.iter().flatten().any(|wanted| is_a(it, wanted));
        let known = if is_all { own.iter().all(is_wanted) } else { own.iter().any(is_wanted) };
        (known || wanted.iter().all(Option::is_some)).then_some(known)
    }

    /// Whether it is now within a period.
    pub(super) fn is_within(&self, period: Option<(i64, i64)>) -> bool {
        period.is_none_or(|(start, end)| (start..=end).contains(&self.now))
    }

    /// The roles of a practitioner, and the organizations that they are for.
    async fn add_roles(&mut self, session: &dyn Session) -> Result<()> {
        let roles = match &self.me {
            Some(me) if me.of == "Practitioner" => {
                let criteria = [("practitioner", me.to_string()), ("active:not", "false".to_owned())];
                found(session, "PractitionerRole", &criteria, self.now).await?
            }
            Some(me) if me.of == "PractitionerRole" => {
                session.read(me).await?.filter(|it| !it.is_deleted()).into_iter().collect()
            }
            _ => return Ok(()),
        };
        for role in roles {
            let doc = parsed(&role)?;
            let references = ["practitioner", "organization"].map(|it| doc.root().get(it).and_then(local));
            self.identities.extend(references.into_iter().flatten());
            self.identities.insert(role.key);
        }
        Ok(())
    }

    /// The teams and groups that they belong to.
    async fn add_teams(&mut self, session: &dyn Session) -> Result<()> {
        if self.identities.is_empty() {
            return Ok(());
        }
        let all = self.listed();
        let teams = [("participant", all.clone()), ("status:not", "inactive,entered-in-error".to_owned())];
        let teams = found(session, "CareTeam", &teams, self.now).await?;
        let groups = found(session, "Group", &[("member", all)], self.now).await?;
        self.identities.extend(teams.into_iter().chain(groups).map(|it| it.key));
        Ok(())
    }

    fn listed(&self) -> String {
        let mut all: Vec<String> = self.identities.iter().map(Key::to_string).collect();
        all.sort_unstable();
        all.join(",")
    }

    /// The patients whom the caller treats: those of their teams, appointments, referrals and encounters, and those who
    /// name them as general practitioner; with some more. Nobody else, of a caller who is nobody here.
    pub(super) async fn patients(&self, session: &dyn Session, mut patients: Patients) -> Result<Owners> {
        let people = self
            .identities
            .iter()
            .filter(|it| matches!(it.of.as_str(), "Practitioner" | "PractitionerRole" | "CareTeam"));
        let mut people: Vec<String> = people.map(Key::to_string).collect();
        people.sort_unstable();
        if people.is_empty() {
            return patients.owners();
        }
        let people = people.join(",");
        let own = clause("Patient", "general-practitioner", &people, self.now)?;
        let mut ways = vec![Test::All(vec![own])];
        for (of, params, not) in TIES {
            let mut named = Vec::new();
            for param in params {
                named.push(Test::All(vec![clause(of, param, &people, self.now)?]));
            }
            let counts = clause(of, "status:not", not, self.now)?;
            let param = ParamId::of(of, "patient");
            ways.push(Test::Has { of: of.to_owned(), param, filter: vec![Clause::Any(named), counts] });
        }
        each(session, "Patient", Test::All(vec![Clause::Any(ways)]), BATCH, |it| patients.add(&it)).await?;
        patients.owners()
    }
}

/// Patients, without their identifiers: whoever may change those could give one the identifier of another.
#[derive(Clone, Default)]
pub(super) struct Patients {
    pub(super) ids: Vec<Arc<str>>,
}

impl Patients {
    pub(super) fn add(&mut self, patient: &Stored) -> Result<()> {
        if self.ids.len() >= MOST {
            let told = format!("More than {MOST} patients are yours, which is more than can be told from others'.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        self.ids.push(patient.key.id.as_str().into());
        Ok(())
    }

    fn owners(self) -> Result<Owners> {
        Ok(Owners::new("Patient", self.ids, Vec::new()))
    }
}

/// The identifiers of a resource: system, empty where there is none, and value.
pub(super) fn identifiers(stored: &Stored) -> Result<Vec<Identifier>> {
    let doc = parsed(stored)?;
    let all = doc.root().get("identifier").into_iter().flat_map(Value::each);
    Ok(all.filter_map(|it| Some((it.str("system").unwrap_or_default().into(), it.str("value")?.into()))).collect())
}

/// The resource that the user is, on this server.
pub(crate) fn me(caller: &Caller, base: &str) -> Option<Key> {
    match Target::parse(caller.fhir_user.as_deref()?, base) {
        Target::Local { of, id } => Some(Key::new(of, id)),
        Target::Url(_) => None,
    }
}

fn local(reference: Value<'_>) -> Option<Key> {
    match Target::parse(reference.str("reference")?, "") {
        Target::Local { of, id } => Some(Key::new(of, id)),
        Target::Url(_) => None,
    }
}

pub(super) fn parsed(stored: &Stored) -> Result<Doc> {
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    Doc::parse(text.to_owned()).map_err(Failure::internal)
}

/// All resources of a type that pass criteria.
async fn found(session: &dyn Session, of: &str, criteria: &[(&str, String)], now: i64) -> Result<Vec<Stored>> {
    let filter = criteria.iter().map(|(name, value)| clause(of, name, value, now)).collect::<Result<_>>()?;
    every(session, of, Test::All(filter)).await
}

/// Criteria that R4 has.
fn clause(of: &str, name: &str, value: &str, now: i64) -> Result<Clause> {
    let of = r4().resource(of).ok_or_else(|| Failure::new(IssueType::Exception, "R4 lacks a resource type."))?;
    let query = Query { spec: r4(), of, base: "", now, codes: &NO_CODES };
    query.clause(name, value).map_err(|it| Failure::new(IssueType::Exception, it.told()))
}
