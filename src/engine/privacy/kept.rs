//! What is remembered of a tenant's rules and of who its callers are. A write on this server is heeded at once, that of
//! another within [`HELD`].

use super::consent::{CONSENT, Rule};
use super::purpose::{demand_allowed, every_purpose, presumed};
use super::who::{self, Identifier, Who};
use super::{Limits, PrivacySettings, glass};
use crate::audit::AUDIT_EVENT;
use crate::own::each;
use crate::{Caller, Context, Engine, Right};
use fhir::search::{Clause, Owners, ParamId, Test, TokenTest};
use fhir::spec::r4;
use fhir::{Failure, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{History, Key, Put, Scope, Session, Tenant};

/// How long what was read is taken to be so, in milliseconds.
const HELD: i64 = 1000;
/// How long identifiers of patients are, that another server may have changed.
const IDENTIFIED: i64 = 60_000;
/// Callers remembered of a tenant.
const CALLERS: usize = 1024;
/// Resources read at once.
const BATCH: usize = 500;

/// A tenant's rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(super) settings: PrivacySettings,
    /// Those of active consents.
    pub(super) all: Vec<Rule>,
    /// The identifiers of the patients who gave them.
    identifiers: FxHashMap<Arc<str>, Vec<Identifier>>,
    /// Tells these from others.
    mark: Mark,
}

/// What is other once settings or consents are: the settings' version, and how many versions of Consents there are. Every
/// write makes more of them, on whichever server.
#[derive(Debug, Default, PartialEq)]
struct Mark(i64, i64);

impl Rules {
    /// Whether nobody is limited by them.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.settings == PrivacySettings::default()
    }

    /// Patients of these ids.
    pub(super) fn owners(&self, ids: Vec<Arc<str>>) -> Owners {
        let identifiers = ids.iter().filter_map(|it| self.identifiers.get(it)).flatten().cloned().collect();
        Owners::new("Patient", ids, identifiers)
    }

    async fn read(session: &dyn Session, mark: Mark, base: &str) -> Result<Rules> {
        let (settings, _) = PrivacySettings::of(session).await?;
        let mut rules = Rules { settings, mark, ..Rules::default() };
        let is_active = Test::Token(ParamId::of(CONSENT, "status"), TokenTest::Code("active".into()));
        each(session, CONSENT, is_active, BATCH, |stored| {
            rules.all.extend(Rule::read(who::parsed(&stored)?.root(), base));
            Ok(())
        })
        .await?;
        rules.find_named(session).await?;
        let ids: FxHashSet<Arc<str>> = rules.all.iter().map(|it| it.patient.clone()).collect();
        let keys: Vec<Key> = ids.iter().map(|it| Key::new("Patient", &**it)).collect();
        for batch in keys.chunks(BATCH) {
            for patient in session.read_many(batch).await? {
                rules.identifiers.insert(patient.key.id.as_str().into(), who::identifiers(&patient)?);
            }
        }
        Ok(rules)
    }

    /// Finds the patients who are named by an identifier alone: all who have it. Who refers to them by it as well is held to
    /// the same, also as long as nobody here has it.
    async fn find_named(&mut self, session: &dyn Session) -> Result<()> {
        let by_identifier: Vec<&Rule> = self.all.iter().filter(|it| it.identifier.is_some()).collect();
        let mut named = Vec::new();
        let mut found = FxHashSet::default();
        let mut identifiers = Vec::new();
        for batch in by_identifier.chunks(BATCH) {
            let tests = batch
                .iter()
                .filter_map(|it| it.identifier.as_ref())
                .map(|it| Test::Token(ParamId::of("Patient", "identifier"), token(it)));
            let any = Test::All(vec![Clause::Any(tests.collect())]);
            each(session, "Patient", any, BATCH, |patient| {
                let own = who::identifiers(&patient)?;
                for rule in batch.iter().filter(|it| it.names(&own)) {
                    found.insert(rule.patient.clone());
                    named.push(rule.of(&patient.key.id));
                }
                Ok(())
            })
            .await?;
            identifiers.extend(batch.iter().filter_map(|it| Some((it.patient.clone(), vec![it.identifier.clone()?]))));
        }
        self.all.retain(|it| it.identifier.is_none() || !found.contains(&it.patient));
        self.all.extend(named);
        self.identifiers.extend(identifiers);
        Ok(())
    }
}

/// The test for an identifier; one without a system is it in any.
fn token((system, value): &Identifier) -> TokenTest {
    match &**system {
        "" => TokenTest::Code(value.to_string()),
        system => TokenTest::Coding(system.to_owned(), value.to_string()),
    }
}

impl Mark {
    async fn of(session: &dyn Session) -> Result<Mark> {
        let scope = Scope::Type(CONSENT.to_owned());
        let versions = session.history(&History { scope, since: None, at: None, before: None, limit: 0 }).await?;
        Ok(Mark(PrivacySettings::of(session).await?.1, versions.total))
    }
}

/// Something remembered.
struct Held<T> {
    value: Arc<T>,
    /// When it was read, in milliseconds.
    at: i64,
    /// How many writes there were before.
    writes: Writes,
}

/// How many writes of this server there were.
#[derive(Clone, Copy, Debug, Default)]
struct Writes {
    /// Of Consents and settings.
    rules: u64,
    /// Of patients.
    patients: u64,
    /// Of what tells who callers are, patients among them.
    ties: u64,
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held { value: self.value.clone(), ..*self }
    }
}

impl<T> Held<T> {
    /// It, unless it was read too long ago; `stands` tells whether no write bears on it since.
    fn fresh(&self, now: i64, stands: impl FnOnce(&Self) -> bool) -> Option<Arc<T>> {
        (now - self.at < HELD && stands(self)).then(|| self.value.clone())
    }
}

/// On what of that which is remembered a write bears.
#[derive(Clone, Copy)]
pub(crate) struct Written {
    rules: bool,
    patients: bool,
    ties: bool,
}

impl Written {
    pub(crate) fn of(puts: &[Put]) -> Written {
        let is = |types: &[&str]| puts.iter().any(|it| types.contains(&it.key.of.as_str()));
        Written { rules: is(&[CONSENT]), patients: is(&["Patient"]), ties: is(&who::TOLD_BY) }
    }

    /// Whether it bears on any.
    pub(crate) fn bears(self) -> bool {
        self.rules || self.patients || self.ties
    }
}

/// What is remembered of a tenant.
#[derive(Default)]
pub(crate) struct Privacy {
    written: Mutex<Writes>,
    rules: Mutex<Option<Held<Rules>>>,
    callers: Mutex<FxHashMap<String, Held<Limits>>>,
}

impl Privacy {
    /// Something was written.
    pub(crate) fn heed(&self, written: Written) {
        let mut writes = locked(&self.written);
        writes.rules += u64::from(written.rules);
        writes.patients += u64::from(written.patients);
        writes.ties += u64::from(written.ties);
    }

    /// How many writes were heeded, counted once for each that they bear on.
    #[cfg(test)]
    pub(crate) fn heeded(&self) -> u64 {
        let Writes { rules, patients, ties } = self.writes();
        rules + patients + ties
    }

    /// Asked for before what is to be held is read: what is written meanwhile may not be in it.
    fn writes(&self) -> Writes {
        *locked(&self.written)
    }

    async fn rules(&self, session: &dyn Session, base: &str, now: i64) -> Result<Arc<Rules>> {
        let writes = self.writes();
        // Rules of Consents are of the patients who gave them; without any no patient bears on them.
        let stands = |it: &Held<Rules>| {
            it.writes.rules == writes.rules && (it.value.all.is_empty() || it.writes.patients == writes.patients)
        };
        let held = locked(&self.rules).clone();
        if let Some(fresh) = held.as_ref().and_then(|it| it.fresh(now, stands)) {
            return Ok(fresh);
        }
        let mark = Mark::of(session).await?;
        let unchanged = held.filter(|it| stands(it) && it.value.mark == mark && now / IDENTIFIED == it.at / IDENTIFIED);
        let value = match unchanged {
            Some(held) => held.value,
            None => Arc::new(Rules::read(session, mark, base).await?),
        };
        *locked(&self.rules) = Some(Held { value: value.clone(), at: now, writes });
        Ok(value)
    }

    fn held(&self, caller: &str, rules: &Arc<Rules>, now: i64, writes: Writes) -> Option<Arc<Limits>> {
        // Whom no rule limits, and nothing is open to in an emergency, no tie makes another.
        let stands = |it: &Held<Limits>| match it.value.is_none() && !it.value.has_emergency() {
            true => it.writes.rules == writes.rules,
            false => it.writes.ties == writes.ties,
        };
        let held = locked(&self.callers).get(caller).and_then(|it| it.fresh(now, stands));
        held.filter(|it| it.is_of(rules))
    }

    fn hold(&self, caller: String, limits: &Arc<Limits>, now: i64, writes: Writes) {
        let mut callers = locked(&self.callers);
        if callers.len() >= CALLERS {
            callers.retain(|_, it| now - it.at < HELD);
        }
        if callers.len() >= CALLERS {
            callers.clear();
        }
        callers.insert(caller, Held { value: limits.clone(), at: now, writes });
    }
}

/// Every tenant's, by name.
#[derive(Default)]
pub(crate) struct AllPrivacy(Mutex<FxHashMap<String, Arc<Privacy>>>);

impl AllPrivacy {
    pub(crate) fn of(&self, tenant: &Tenant) -> Arc<Privacy> {
        let mut all = locked(&self.0);
        match all.get(tenant.name()) {
            Some(found) => found.clone(),
            None => all.entry(tenant.name().to_owned()).or_default().clone(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// What a caller may want data for in the tenant of a context, each with its kinds.
    pub async fn purposes(&self, ctx: &Context) -> Result<Vec<String>> {
        if ctx.caller.scopes.is_administrator() {
            return Ok(every_purpose());
        }
        let rules = ctx.privacy.rules(ctx.session(), ctx.base(), (self.ambient.now_ms)()).await?;
        Ok(rules.settings.purposes(&ctx.caller))
    }

    /// What the tenant's rules leave the caller, who fails with 403 for a purpose that is not theirs; whoever administers the tenant is not limited, nor is anything left of no
    /// grant at all.
    pub(crate) async fn limits(&self, ctx: &Context) -> Result<Arc<Limits>> {
        let scopes = &ctx.caller.scopes;
        if scopes.is_administrator() || scopes.is_empty() {
            return Ok(Arc::default());
        }
        let session = ctx.deciding();
        let (session, now) = (&*session, (self.ambient.now_ms)());
        let rules = ctx.privacy.rules(session, ctx.base(), now).await?;
        let allowed = rules.settings.purposes(&ctx.caller);
        demand_allowed(ctx.purposes.as_deref().unwrap_or_default(), &allowed)?;
        if rules.is_empty() && !who::is_tenant(&ctx.caller) {
            return self.unlimited(ctx, session, &rules, presumed(&allowed)).await;
        }
        let is_limited = rules.settings.limits(&ctx.caller);
        let Caller { subject, fhir_user, roles, .. } = &*ctx.caller;
        let asked = (is_limited, &ctx.purposes, &allowed, scopes.patient());
        let caller = format!("{:?}", (subject, fhir_user, roles, asked, ctx.base()));
        let writes = ctx.privacy.writes();
        if let Some(held) = ctx.privacy.held(&caller, &rules, now, writes) {
            return Ok(held);
        }
        let who = Who::of(ctx, session, &allowed, now.saturating_mul(1000)).await?;
        let open = glass::open(session, &ctx.caller.subject).await?;
        let mine = match is_limited {
            true => Some(Arc::new(who.patients(session, open.patients.clone(), rules.settings.tie_days).await?)),
            false => None,
        };
        let limits = Limits::new(who, rules, mine, open, &ctx.caller.roles).presuming(presumed(&allowed));
        let limits = Arc::new(limits);
        ctx.privacy.hold(caller, &limits, now, writes);
        Ok(limits)
    }
}

impl Engine {
    /// What there is to be told of a caller whom no rule limits: what is presumed, and the emergencies of whoever can have one.
    async fn unlimited(
        &self,
        ctx: &Context,
        session: &dyn Session,
        rules: &Arc<Rules>,
        presumed: Option<Vec<String>>,
    ) -> Result<Arc<Limits>> {
        let Caller { subject, roles, scopes, .. } = &*ctx.caller;
        if !scopes.have(Right::BreakGlass) {
            return Ok(Arc::new(Limits::default().presuming(presumed)));
        }
        let (caller, now) = (format!("unlimited {subject} {presumed:?}"), (self.ambient.now_ms)());
        let writes = ctx.privacy.writes();
        if let Some(held) = ctx.privacy.held(&caller, rules, now, writes) {
            return Ok(held);
        }
        let open = glass::open(session, subject).await?;
        let limits = Limits::new(Who::default(), rules.clone(), None, open, roles).presuming(presumed);
        let limits = Arc::new(limits);
        ctx.privacy.hold(caller, &limits, now, writes);
        Ok(limits)
    }
}

impl Context {
    /// Has limits of all callers of the tenant looked up anew, as rules were changed otherwise than by a write of resources.
    pub fn forget_limits(&self) {
        self.privacy.heed(Written { rules: true, patients: true, ties: true });
    }

    /// What rules leave of a type for an access. A caller whom nobody has looked at yet has nothing.
    pub(crate) fn left(&self, access: crate::Access, of: &str) -> Result<Arc<fhir::search::Filter>> {
        let scopes = &self.caller.scopes;
        if scopes.is_administrator() || of == AUDIT_EVENT && scopes.have(Right::Audit) {
            return Ok(Arc::default());
        }
        let unknown = || Failure::internal("a caller's limits were not looked up");
        let limits = self.limits.as_ref().ok_or_else(unknown)?;
        Ok(r4().resource(of).map(|it| limits.filter(access, it)).unwrap_or_default())
    }
}
