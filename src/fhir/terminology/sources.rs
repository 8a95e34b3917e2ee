//! The resources that an evaluation may look into.

use super::{CodeSystem, Filter, Include, ValueSet, unversioned};
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Code systems and value sets that were resolved, by the canonicals that name them; `None` are those that nobody has.
#[derive(Debug, Default)]
pub struct Sources {
    code_systems: FxHashMap<String, Option<Arc<CodeSystem>>>,
    value_sets: FxHashMap<String, Option<Arc<ValueSet>>>,
    choices: FxHashMap<ChoiceKey, Result<Arc<CodeSystem>>>,
}

/// What a rule chooses from which code system.
type ChoiceKey = (Option<String>, Vec<Filter>);

impl Sources {
    /// How many were looked for.
    pub fn len(&self) -> usize {
        self.code_systems.len() + self.value_sets.len() + self.choices.len()
    }

    /// Whether none was looked for.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this code system was looked for.
    pub fn has_code_system(&self, canonical: &str) -> bool {
        self.code_systems.contains_key(canonical)
    }

    /// Whether this value set was looked for.
    pub fn has_value_set(&self, canonical: &str) -> bool {
        self.value_sets.contains_key(canonical)
    }

    /// Enters what was found under a canonical.
    pub fn add_code_system(&mut self, canonical: impl Into<String>, found: Option<Arc<CodeSystem>>) {
        self.code_systems.insert(canonical.into(), found);
    }

    /// Enters what was found under a canonical.
    pub fn add_value_set(&mut self, canonical: impl Into<String>, found: Option<Arc<ValueSet>>) {
        self.value_sets.insert(canonical.into(), found);
    }

    /// Enters what a rule chooses from a code system that is not at hand as a whole: its codes, or why that cannot be told.
    pub fn add_choice(&mut self, rule: &Include, chosen: Result<Arc<CodeSystem>>) {
        self.choices.insert((rule.code_system(), rule.filters.clone()), chosen);
    }

    /// What a rule chooses, where that was entered.
    pub(super) fn choice(&self, rule: &Include) -> Option<Result<&Arc<CodeSystem>>> {
        let found = self.choices.get(&(rule.code_system(), rule.filters.clone()))?;
        Some(found.as_ref().map_err(|it| Failure::of(it.issues.clone()).with_status(it.status)))
    }

    /// The code system with this canonical, if there is one.
    pub fn code_system(&self, canonical: &str) -> Option<&Arc<CodeSystem>> {
        self.code_systems.get(canonical)?.as_ref()
    }

    /// The value set with this canonical.
    pub fn value_set(&self, canonical: &str) -> Result<&Arc<ValueSet>> {
        let found = self.value_sets.get(canonical).and_then(Option::as_ref);
        found.ok_or_else(|| unknown("value set", canonical))
    }
}

/// That a code system or value set is neither stored nor R4's own.
pub(super) fn unknown(what: &str, canonical: &str) -> Failure {
    let (url, version) = unversioned(canonical);
    let version = version.map(|it| format!(" in version {}", shown(it))).unwrap_or_default();
    let told = format!("This server has no {what} {}{version}.", shown(url));
    Failure::new(IssueType::NotFound, told).with_status(404)
}
