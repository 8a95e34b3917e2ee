//! Who a caller is to the records of a tenant: in which roles, organizations and teams, and whom they treat.

use super::consent::{TENANT, local, period};
use super::purpose::{is_a, is_of_patient, presumed};
use crate::own::{each, every};
use crate::{Caller, Context};
use fhir::json::{Doc, Value};
use fhir::search::{Clause, NO_CODES, Owners, ParamId, Query, RangeTest, Target, Test};
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

/// Resources that tell who treats whom: the type, the parameters by which it names who treats, the states in which it does
/// not count, and the parameter that tells when it was, where that may be long ago. Each refers to the patient by its parameter
/// `patient`.
const TIES: [(&str, &[&str], &str, Option<&str>); 4] = [
    (CARE_TEAM, &["participant"], "inactive,entered-in-error", None),
    ("Appointment", &["actor"], "cancelled,entered-in-error", Some("date")),
    ("ServiceRequest", &["requester", "performer"], "revoked,entered-in-error", Some("authored")),
    ("Encounter", &["participant"], "cancelled,entered-in-error", Some("date")),
];
const CARE_TEAM: &str = "CareTeam";
const ORGANIZATION: &str = "Organization";
/// How many levels of organizations that are part of others are gone up.
const LEVELS: usize = 16;
/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// The types whose resources decide who a caller is.
pub(super) const TOLD_BY: [&str; 8] =
    [CARE_TEAM, "Appointment", "ServiceRequest", "Encounter", "Patient", "PractitionerRole", "Group", ORGANIZATION];

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
    /// Whether they may act for more organizations: those of which theirs are parts could not all be read.
    has_more: bool,
    /// Whether the role that the user is has ended.
    is_over: bool,
    /// This server's base URL.
    base: String,
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
        let identities = me.iter().cloned().collect();
        let mut who = Who { me, identities, purposes, own, now, base: ctx.base().to_owned(), ..Who::default() };
        who.add_roles(session).await?;
        who.add_wholes(session).await?;
        who.add_teams(session).await?;
        Ok(who)
    }

    /// Another tenant, which wants data for these purposes.
    pub(super) fn of_tenant(name: &str, purposes: &[String], now: i64) -> Who {
        let me = Key::new(ORGANIZATION, format!("{TENANT}{name}"));
        let identities = [me.clone()].into_iter().collect();
        Who { me: Some(me), identities, purposes: Some(purposes.to_vec()), now, ..Who::default() }
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
        let is_one = self.me.as_ref().map(|_| self.identities.contains(key))?;
        (is_one || !self.has_more || key.of != ORGANIZATION).then_some(is_one)
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
            let is_me = self.me.as_ref() == Some(&role.key);
            if !self.holds_now(doc.root()) {
                self.is_over |= is_me;
                continue;
            }
            let references =
                ["practitioner", "organization"].map(|it| doc.root().get(it).and_then(|it| self.local(it)));
            self.identities.extend(references.into_iter().flatten());
            self.identities.insert(role.key);
        }
        Ok(())
    }

    /// The organizations of which theirs are parts. Where one cannot be read, nobody knows which there are.
    async fn add_wholes(&mut self, session: &dyn Session) -> Result<()> {
        // No stored organization stands for another tenant.
        let is_here = |it: &&Key| it.of == ORGANIZATION && fhir::primitive::is_id(&it.id);
        let mut parts: Vec<Key> = self.identities.iter().filter(is_here).cloned().collect();
        for _ in 0..LEVELS {
            if parts.is_empty() {
                return Ok(());
            }
            let found = session.read_many(&parts).await?;
            self.has_more |= found.len() < parts.len() || found.iter().any(Stored::is_deleted);
            let mut wholes = Vec::new();
            for part in found.iter().filter(|it| !it.is_deleted()) {
                let doc = parsed(part)?;
                let Some(whole) = doc.root().get("partOf") else { continue };
                match self.local(whole).filter(|it| it.of == ORGANIZATION) {
                    Some(whole) if self.identities.insert(whole.clone()) => wholes.push(whole),
                    Some(_) => {}
                    None => self.has_more = true,
                }
            }
            parts = wholes;
        }
        self.has_more |= !parts.is_empty();
        Ok(())
    }

    /// The teams and groups that they belong to.
    async fn add_teams(&mut self, session: &dyn Session) -> Result<()> {
        if self.identities.is_empty() {
            return Ok(());
        }
        let all = self.listed();
        let teams = [("participant", all.clone()), ("status:not", "inactive,entered-in-error".to_owned())];
        let mut teams = found(session, CARE_TEAM, &teams, self.now).await?;
        let mut in_force = Vec::with_capacity(teams.len());
        for team in teams.drain(..) {
            if self.takes_part(&team)? {
                in_force.push(team);
            }
        }
        let groups = found(session, "Group", &[("member", all)], self.now).await?;
        self.identities.extend(in_force.into_iter().chain(groups).map(|it| it.key));
        Ok(())
    }

    /// Whether a care team, and the caller's part in it, are not over or yet to come.
    fn takes_part(&self, team: &Stored) -> Result<bool> {
        let doc = parsed(team)?;
        let is_theirs = |it: &Value<'_>| {
            let member = it.get("member").and_then(|it| self.local(it));
            member.is_some_and(|it| self.identities.contains(&it))
        };
        let mut parts = doc.root().get("participant").into_iter().flat_map(Value::each).filter(is_theirs);
        Ok(self.holds_now(doc.root()) && parts.any(|it| self.holds_now(it)))
    }

    /// Whether it is now within the period of something, if it has one.
    fn holds_now(&self, of: Value<'_>) -> bool {
        self.is_within(of.get("period").and_then(period))
    }

    /// The resource of this server that a reference leads to.
    fn local(&self, reference: Value<'_>) -> Option<Key> {
        local(reference, &self.base)
    }

    fn listed(&self) -> String {
        let mut all: Vec<String> = self.identities.iter().map(Key::to_string).collect();
        all.sort_unstable();
        all.join(",")
    }

    /// The patients whom the caller treats: those of their teams, appointments, referrals and encounters, these as long as
    /// so many days, and those who name them as general practitioner; with some more. Nobody else, of a caller who is nobody
    /// here.
    pub(super) async fn patients(
        &self,
        session: &dyn Session,
        mut patients: Patients,
        days: Option<u32>,
    ) -> Result<Owners> {
        let people = self
            .identities
            .iter()
            .filter(|it| matches!(it.of.as_str(), "Practitioner" | "PractitionerRole" | "CareTeam"));
        let mut people: Vec<String> = people.map(Key::to_string).collect();
        people.sort_unstable();
        if people.is_empty() || self.is_over {
            return patients.owners();
        }
        let people = people.join(",");
        let own = clause("Patient", "general-practitioner", &people, self.now)?;
        let mut ways = vec![Test::All(vec![own])];
        let over = self.teams_over(session, &people).await?;
        let over = (!over.is_empty()).then_some(Clause::None(over));
        let since = days.map(|it| self.now.saturating_sub(i64::from(it).saturating_mul(DAY)));
        for (of, params, not, date) in TIES {
            let mut named = Vec::new();
            for param in params {
                named.push(Test::All(vec![clause(of, param, &people, self.now)?]));
            }
            let mut filter = vec![Clause::Any(named), clause(of, "status:not", not, self.now)?];
            filter.extend(over.clone().filter(|_| of == CARE_TEAM));
            if let (Some(date), Some(since)) = (date, since) {
                let recent = Test::Date(ParamId::of(of, date), vec![RangeTest::Overlaps(since, i64::MAX)]);
                filter.push(Clause::Any(vec![recent]));
            }
            ways.push(Test::Has { of: of.to_owned(), param: ParamId::of(of, "patient"), filter });
        }
        each(session, "Patient", Test::All(vec![Clause::Any(ways)]), BATCH, |it| patients.add(&it)).await?;
        patients.owners()
    }

    /// The teams of these people in which the caller does not take part now.
    async fn teams_over(&self, session: &dyn Session, people: &str) -> Result<Vec<Test>> {
        let mut over = Vec::new();
        let theirs = Test::All(vec![clause(CARE_TEAM, "participant", people, self.now)?]);
        each(session, CARE_TEAM, theirs, BATCH, |team| {
            if !self.takes_part(&team)? {
                over.push(Test::Id(team.key.id));
            }
            Ok(())
        })
        .await?;
        Ok(over)
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

/// Whether a caller is another tenant.
pub(super) fn is_tenant(caller: &Caller) -> bool {
    caller.fhir_user.as_deref().and_then(|it| it.strip_prefix("Organization/")).is_some_and(|it| it.starts_with(TENANT))
}

/// The resource that the user is, on this server.
pub(crate) fn me(caller: &Caller, base: &str) -> Option<Key> {
    match Target::parse(caller.fhir_user.as_deref()?, base) {
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
