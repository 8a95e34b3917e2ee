//! What is left of each resource type for a caller: criteria that are joined with those of their grants.

use super::Clearance;
use super::condition::plain;
use super::glass::Open;
use super::kept::Rules;
use super::labels::{self, Whose};
use super::provision::Action;
use super::who::{Who, is_tie};
use crate::Access;
use crate::audit::each_patient;
use fhir::json::{Value, write_compact};
use fhir::search::{Clause, Filter, Owners, ParamId, Query, Test, records_of};
use fhir::spec::{TypeId, r4};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::Key;

/// What rules leave a caller.
#[derive(Default)]
pub(crate) struct Limits {
    pub(super) who: Who,
    pub(super) rules: Arc<Rules>,
    /// The patients whom the caller treats, where they see no others' records.
    mine: Option<Arc<Owners>>,
    /// Patients whose consents do not bind the caller: the patient that they are, and those of an emergency.
    pub(super) unbound: FxHashSet<Arc<str>>,
    /// Those of an emergency, with the purpose.
    emergencies: FxHashMap<Arc<str>, &'static str>,
    /// What a caller who says nothing wants data for, where that is presumed.
    presumed: Option<Vec<String>>,
    roles: Vec<String>,
    /// Whether consents that bind the caller ask for labels.
    asks_for_labels: bool,
    filters: Mutex<FxHashMap<(TypeId, u8, Whose), Arc<Filter>>>,
}

impl Limits {
    pub(super) fn new(who: Who, rules: Arc<Rules>, mine: Option<Arc<Owners>>, open: Open, roles: &[String]) -> Limits {
        let emergencies = open.purposes;
        let ids = who.patient().map(Arc::from).into_iter().chain(open.patients.ids);
        let unbound: FxHashSet<Arc<str>> = ids.collect();
        let asks_for_labels = rules.all.iter().any(|it| !unbound.contains(&it.patient) && it.root.asks_for_labels());
        let roles = roles.to_vec();
        Limits { who, rules, mine, unbound, emergencies, roles, asks_for_labels, ..Limits::default() }
    }

    /// The same for a caller who is presumed to want data for these purposes.
    pub(super) fn presuming(self, presumed: Option<Vec<String>>) -> Limits {
        Limits { presumed, ..self }
    }

    /// What a caller who says nothing is taken to want data for: it is not known which of several.
    pub(crate) fn presumed(&self) -> Option<&String> {
        match self.presumed.as_deref() {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    /// For which purpose a patient's record is open to the caller in an emergency, if it is.
    pub(crate) fn emergency(&self, patient: &str) -> Option<&'static str> {
        self.emergencies.get(patient).copied()
    }

    /// Whether some record is open to the caller in an emergency.
    pub(super) fn has_emergency(&self) -> bool {
        !self.emergencies.is_empty()
    }

    /// Whether these are the rules that it goes by.
    pub(super) fn is_of(&self, rules: &Arc<Rules>) -> bool {
        Arc::ptr_eq(&self.rules, rules)
    }

    /// Whether there is no limit. Another tenant has what consents permit, and nothing without any.
    pub(crate) fn is_none(&self) -> bool {
        self.mine.is_none() && self.rules.is_empty() && !self.who.is_tenant()
    }

    /// Whether this is who the caller is, or acts as or for.
    pub(crate) fn is_caller(&self, key: &Key) -> bool {
        self.who.is(key) == Some(true)
    }

    /// What resources of a type must pass for an access; nothing where there is no limit.
    pub(crate) fn filter(&self, access: Access, of: TypeId) -> Arc<Filter> {
        if self.is_none() {
            return Arc::default();
        }
        let action = match access {
            Access::Read | Access::Search => Action::See,
            Access::Create => Action::Collect,
            Access::Update | Access::Delete => Action::Correct,
        };
        self.kept((of, action as u8, Whose::Resource), || self.made(action, of))
    }

    /// What resources of a type must pass for an element of theirs to be seen, whose labels stand under [`labels::element_labels`]; nothing
    /// where no consent asks for labels.
    pub(crate) fn of_element(&self, of: TypeId) -> Arc<Filter> {
        if !self.asks_for_labels {
            return Arc::default();
        }
        let made = || self.by_consents(&plain(of), Action::See, Whose::Element);
        self.kept((of, Action::See as u8, Whose::Element), made)
    }

    fn kept(&self, key: (TypeId, u8, Whose), made: impl FnOnce() -> Filter) -> Arc<Filter> {
        let mut filters = self.filters.lock().unwrap_or_else(PoisonError::into_inner);
        filters.entry(key).or_insert_with(|| Arc::new(made())).clone()
    }

    /// Whether the caller sees some patients' records only.
    pub(crate) fn is_of_some(&self) -> bool {
        self.mine.is_some()
    }

    /// Whether a patient's record is among those.
    pub(crate) fn is_mine(&self, patient: &str) -> bool {
        self.mine.as_ref().is_none_or(|it| it.has(patient))
    }

    /// Whether a resource ties nobody to the caller who is not their patient already: nobody takes a patient by naming them
    /// beside one of their own, or by an identifier.
    pub(crate) fn ties_only_own(&self, of: &str, resource: Value<'_>, base: &str) -> bool {
        let Some(mine) = self.mine.as_ref().filter(|_| is_tie(of)) else { return true };
        let is_logical = |it: Value<'_>| {
            let names = it.get("identifier").is_some_and(Value::is_object) && it.get("reference").is_none();
            names && it.str("type").is_none_or(|of| of == "Patient")
        };
        if resource.descendants().any(is_logical) {
            return false;
        }
        let (mut body, mut is_own) = (String::new(), true);
        write_compact(&mut body, resource);
        each_patient(of, "", body.as_bytes(), base, |id| is_own &= mine.has(id));
        is_own
    }

    fn made(&self, action: Action, of: TypeId) -> Filter {
        let query = plain(of);
        let mut filter = Filter::new();
        // A patient who is new is nobody's yet.
        let is_new_patient = action == Action::Collect && &*r4().of(of).name == "Patient";
        if let Some(mine) = self.mine.as_ref().filter(|_| !is_new_patient)
            && let Some(test) = owned(&query, mine)
        {
            filter.push(Clause::Any([test].into_iter().chain(of_nobody(&query)).collect()));
            filter.extend(query.pointing_at_others(vec![records_of(mine)]).map(|it| Clause::None(vec![it])));
        }
        filter.extend(self.by_labels(&query, action));
        filter.extend(self.by_consents(&query, action, Whose::Resource));
        filter
    }

    /// What labels leave of a type, for which the caller has no clearance: a patient's own records, and those of an
    /// emergency, need none. Who may not see something may not change it; created it may be.
    fn by_labels(&self, query: &Query<'_>, action: Action) -> Option<Clause> {
        let param = ParamId::of(&r4().of(query.of).name, "_security");
        let is_asked = action != Action::Collect;
        let missing = self.missing().filter(move |_| is_asked);
        let mut hidden: Vec<Test> = missing.clone().flat_map(|it| labels::from(param, coding(it))).collect();
        let anywhere: Vec<Test> = missing.flat_map(|it| labels::from(ParamId::LABELS, coding(it))).collect();
        if !anywhere.is_empty() {
            hidden.extend(query.pointing_at_labelled(anywhere, &self.unbound()));
        }
        self.none_but_open(query, hidden)
    }

    /// The labels for which the caller has no clearance.
    fn missing(&self) -> impl Iterator<Item = &Clearance> + Clone {
        let is_missing = |it: &&Clearance| !it.roles.iter().any(|role| self.roles.contains(role));
        self.rules.settings.clearances.iter().filter(is_missing)
    }

    /// None of what is hidden, but what needs no clearance.
    fn none_but_open(&self, query: &Query<'_>, hidden: Vec<Test>) -> Option<Clause> {
        if hidden.is_empty() {
            return None;
        }
        let ways = [Test::All(vec![Clause::None(hidden)])].into_iter();
        Some(Clause::Any(ways.chain(self.open(query)).collect()))
    }

    /// What needs no clearance: a patient's own records, and those of an emergency.
    pub(crate) fn open(&self, query: &Query<'_>) -> Option<Test> {
        let open = self.unbound();
        owned(query, &open).filter(|_| !open.is_empty())
    }

    pub(super) fn unbound(&self) -> Arc<Owners> {
        Arc::new(self.rules.owners(self.unbound.iter().cloned().collect()))
    }

    /// Whether there is a label for which the caller has no clearance, or that consents withhold something by.
    pub(crate) fn lacks_clearance(&self) -> bool {
        self.asks_for_labels || self.missing().next().is_some()
    }

    /// Whether the caller has no clearance for a label.
    pub(crate) fn lacks(&self, label: (Option<&str>, &str)) -> bool {
        self.missing().any(|it| labels::is_from(coding(it), label))
    }

    /// What is left of a type for searches that look at elements: what has none whose label needs a clearance that the caller
    /// does not have, or that a consent may withhold by it. What says that elements have labels, and was stored before these were read, is
    /// taken to have one.
    pub(crate) fn by_inline_labels(&self, query: &Query<'_>) -> Filter {
        let of = &r4().of(query.of).name;
        let inline = ParamId::inline_labels(of);
        let mut hidden: Vec<Test> = self.missing().flat_map(|it| labels::from_inline(inline, coding(it))).collect();
        if !hidden.is_empty() {
            hidden.push(labels::unread(of));
        }
        let mut filter: Filter = self.none_but_open(query, hidden).into_iter().collect();
        if self.asks_for_labels {
            filter.extend(self.by_consents(query, Action::See, Whose::Elements));
        }
        filter
    }
}

fn coding(clearance: &Clearance) -> (Option<&str>, &str) {
    (Some(&clearance.system), &clearance.code)
}

/// That a resource is in the compartment of one of these; `None` where no resource of the type is in any.
pub(super) fn owned(query: &Query<'_>, owners: &Arc<Owners>) -> Option<Test> {
    query.in_compartments_of(r4().resource("Patient")?, owners)
}

pub(super) fn of_nobody(query: &Query<'_>) -> Option<Test> {
    query.in_no_compartment(r4().resource("Patient")?)
}
