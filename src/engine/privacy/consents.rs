//! What consents leave of a resource type: criteria, put together for all patients of whom the same is said.

use super::BasePolicy;
use super::condition::{Of, in_parts};
use super::consent::Rule;
use super::labels::{self, Whose};
use super::limits::{Limits, of_nobody, owned};
use super::provision::{Action, Provision};
use super::shared::shares_with;
use super::verdict::Asked;
use fhir::search::{Clause, Filter, Owners, Query, Test, records_of};
use fhir::spec::r4;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Criteria of consents that differ from each other, of one type, at the most: patients beyond them are denied all of it.
const KINDS: usize = 64;
/// Tests and parameters of all criteria about what resources of any type point at, at the most: what points at records of patients
/// beyond them is denied as a whole.
const WEIGHT: usize = 12_000;

impl Limits {
    /// What consents leave of a type, or of its elements with labels: what these are of is decided already.
    pub(super) fn by_consents(&self, query: &Query<'_>, action: Action, whose: Whose) -> Filter {
        let mut filter = Filter::new();
        if owned(query, &Arc::default()).is_none() {
            return filter;
        }
        let is_decided = |it: &Rule| whose != Whose::Resource && !it.root.asks_for_labels();
        let of = Of::Type(*query);
        let denied = |it: &Rule| if is_decided(it) { None } else { self.asked(it, action, of, whose).denied(&it.root) };
        // Of a resource that is seen as such, elements are withheld by whose it is.
        let told = |it: &Arc<Owners>| if whose == Whose::Resource { query.concerning(it) } else { owned(query, it) };
        let denied = self.tests(self.grouped(denied, Some(Filter::new())), told);
        if !denied.is_empty() {
            filter.push(Clause::None(denied));
        }
        if whose == Whose::Resource {
            filter.extend(self.denied_of_pointed(query, action));
        }
        // Another tenant sees what is shared with it, whatever the policy here.
        if (self.rules.settings.base == BasePolicy::Deny || self.who.is_tenant()) && action != Action::Collect {
            let permitted =
                |it: &Rule| if self.opens(it) { self.asked(it, action, of, whose).permitted(&it.root) } else { None };
            let mut groups = self.grouped(permitted, None);
            for id in &self.unbound {
                groups.add(Filter::new(), id.clone(), None);
            }
            let mut permitted = self.tests(groups, |it| owned(query, it));
            permitted.extend(of_nobody(query));
            if whose == Whose::Elements {
                let of = &r4().of(query.of).name;
                permitted.push(Test::All(vec![Clause::None(vec![labels::has_inline(of), labels::unread(of)])]));
            }
            filter.push(Clause::Any(permitted));
            if whose == Whose::Resource && query.points() {
                let permitted = in_parts(self.permitted_of_pointed(action));
                filter.extend(query.pointing_at_others(permitted).map(|it| Clause::None(vec![it])));
            }
        }
        filter
    }

    /// Whether a consent opens anything to the caller, where consent is needed.
    fn opens(&self, rule: &Rule) -> bool {
        rule.identifier.is_none() && (!self.who.is_tenant() || shares_with(&rule.root, &self.who))
    }

    /// That a resource is not about what is denied, nor made of it.
    fn denied_of_pointed(&self, query: &Query<'_>, action: Action) -> Option<Clause> {
        if !query.points() && !query.is_made_of_others() {
            return None;
        }
        let shaped = self.shaped(action, |_| true, |asked, it| asked.denied(it));
        // Where all is denied of whose it is, what points is hidden by that already.
        let is_asked = |it: &Shaped| it.is_rest || !it.filter.is_empty() || query.is_made_of_others();
        let told = |it: Shaped| {
            let owners = Arc::new(self.rules.owners(it.patients));
            query.pointing_at_records(&owners, it.filter)
        };
        let denied: Vec<Test> = shaped.into_iter().filter(is_asked).filter_map(told).collect();
        (!denied.is_empty()).then(|| Clause::None(in_parts(denied)))
    }

    /// What of all that a resource may point at is permitted, of whatever type.
    fn permitted_of_pointed(&self, action: Action) -> Vec<Test> {
        let mut permitted = vec![records_of(&self.unbound())];
        let shaped = self.shaped(action, |it| self.opens(it), |asked, it| asked.permitted(it));
        permitted.extend(shaped.into_iter().filter(|it| !it.is_rest).map(|it| {
            let owned = records_of(&Arc::new(self.rules.owners(it.patients)));
            Test::All([Clause::Any(vec![owned])].into_iter().chain(it.filter).collect())
        }));
        permitted
    }

    /// What is said of records of any type, each with the patients of whom it is said.
    fn shaped(
        &self,
        action: Action,
        is_asked: impl Fn(&Rule) -> bool,
        said: impl Fn(&Asked<'_>, &Provision) -> Option<Filter>,
    ) -> Vec<Shaped> {
        let mut shapes: FxHashMap<String, Option<Shaped>> = FxHashMap::default();
        let mut rest = Shaped { is_rest: true, ..Shaped::default() };
        // Whose they are is asked with each.
        let whose = weight(&[Clause::Any(vec![records_of(&Arc::default())])]);
        let mut left = WEIGHT;
        for rule in self.rules.all.iter().filter(|it| !self.unbound.contains(&it.patient) && is_asked(it)) {
            let asked = self.asked(rule, action, Of::Any, Whose::Resource);
            let shape = shapes.entry(asked.shape(&rule.root)).or_insert_with(|| {
                let filter = said(&asked, &rule.root)?;
                let weight = weight(&filter) + whose;
                let is_rest = weight > left;
                left = left.saturating_sub(if is_rest { 0 } else { weight });
                Some(Shaped { filter, is_rest, patients: Vec::new() })
            });
            match shape {
                Some(shape) if shape.is_rest => rest.patients.push(rule.patient.clone()),
                Some(shape) => shape.patients.push(rule.patient.clone()),
                None => {}
            }
        }
        let mut all: Vec<_> =
            shapes.into_iter().filter_map(|(name, it)| Some((name, it.filter(|it| !it.is_rest)?))).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let rest = (!rest.patients.is_empty()).then_some(rest);
        all.into_iter().map(|(_, it)| it).chain(rest).collect()
    }

    /// The question that a rule answers.
    fn asked<'a>(&'a self, rule: &'a Rule, action: Action, of: Of<'a>, whose: Whose) -> Asked<'a> {
        Asked { who: &self.who, action, patient: &rule.patient, of, whose }
    }

    /// The patients of what rules say, by what they say.
    fn grouped(&self, said: impl Fn(&Rule) -> Option<Filter>, rest: Option<Filter>) -> Groups {
        let mut groups = Groups::default();
        for rule in self.rules.all.iter().filter(|it| !self.unbound.contains(&it.patient)) {
            if let Some(filter) = said(rule) {
                groups.add(filter, rule.patient.clone(), rest.as_ref());
            }
        }
        groups
    }

    /// The criteria, each for what is told of its patients.
    fn tests(&self, groups: Groups, told: impl Fn(&Arc<Owners>) -> Option<Test>) -> Vec<Test> {
        let mut groups: Vec<_> = groups.0.into_iter().collect();
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        let test = |(filter, patients): (Filter, Vec<Arc<str>>)| {
            let test = told(&Arc::new(self.rules.owners(patients)))?;
            if filter.is_empty() {
                return Some(test);
            }
            Some(Test::All([Clause::Any(vec![test])].into_iter().chain(filter).collect()))
        };
        groups.into_iter().filter_map(|(_, it)| test(it)).collect()
    }
}

/// Criteria on records of any type, with the patients for whose they are.
#[derive(Default)]
struct Shaped {
    filter: Filter,
    patients: Vec<Arc<str>>,
    /// Whether the criteria are too many: the patients are those that are left over.
    is_rest: bool,
}

/// How much a store has to look up for criteria.
fn weight(filter: &[Clause]) -> usize {
    let of = |test: &Test| match test {
        Test::All(inner) => weight(inner),
        Test::Leads { params, filter } => params.len() + weight(filter),
        Test::Owned { params, .. } | Test::Unowned { params, .. } => params.len(),
        _ => 1,
    };
    filter.iter().flat_map(|(Clause::Any(tests) | Clause::None(tests))| tests).map(of).sum()
}

/// Criteria, each with the patients for whose records they are.
#[derive(Default)]
struct Groups(FxHashMap<String, (Filter, Vec<Arc<str>>)>);

impl Groups {
    /// Adds a patient; where there are too many criteria already, to those of the rest, or nowhere.
    fn add(&mut self, mut filter: Filter, patient: Arc<str>, rest: Option<&Filter>) {
        let mut name = if filter.is_empty() { String::new() } else { format!("{filter:?}") };
        if !self.0.contains_key(&name) && self.0.len() >= KINDS && !name.is_empty() {
            let Some(rest) = rest else { return };
            (name, filter) = (String::new(), rest.clone());
        }
        self.0.entry(name).or_insert_with(|| (filter, Vec::new())).1.push(patient);
    }
}
