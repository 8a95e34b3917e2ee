//! ValueSet and CodeSystem: the codes of value sets that are plain lists (valueset.html#compositions).

use super::{list, text, unversioned};
use crate::spec::rows::ValueSetRow;
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The ValueSets and CodeSystems at hand, by URL.
pub struct Terminology<'a> {
    value_sets: FxHashMap<&'a str, &'a Value>,
    code_systems: FxHashMap<&'a str, &'a Value>,
}

/// Codes by system, or why they cannot be told.
type Listed<'a> = Result<BTreeMap<&'a str, BTreeSet<&'a str>>, String>;

impl<'a> Terminology<'a> {
    /// The ValueSets and CodeSystems among these resources.
    pub fn of(definitions: &'a [Value]) -> Terminology<'a> {
        let by_url = |name: &str| {
            let wanted = definitions.iter().filter(|it| text(it, "resourceType") == Some(name));
            wanted.filter_map(|it| Some((text(it, "url")?, it))).collect()
        };
        Terminology { value_sets: by_url("ValueSet"), code_systems: by_url("CodeSystem") }
    }

    /// The codes of a value set; where it is more than lists of codes and whole code systems at hand, why they
    /// cannot be told.
    pub fn expand(&self, url: &'a str) -> ValueSetRow<'a> {
        match self.codes(url) {
            Ok(codes) => {
                let codes = codes.into_iter().map(|(system, codes)| (system, codes.into_iter().collect()));
                ValueSetRow { url, codes: codes.collect(), open: None }
            }
            Err(reason) => ValueSetRow { url, codes: Vec::new(), open: Some(reason.into()) },
        }
    }

    fn codes(&self, url: &str) -> Listed<'a> {
        let value_set = self.value_sets.get(unversioned(url)).ok_or("the value set is not part of R4's definitions")?;
        let compose = value_set.get("compose").ok_or("the value set does not say what it is composed of")?;
        if !list(compose, "exclude").is_empty() {
            return Err("codes are left out by a rule".to_owned());
        }
        let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for include in list(compose, "include") {
            let (system, codes) = self.included(include)?;
            all.entry(system).or_default().extend(codes);
        }
        Ok(all)
    }

    fn included(&self, include: &'a Value) -> Result<(&'a str, Vec<&'a str>), String> {
        let system = text(include, "system").ok_or("codes are taken from another value set")?;
        if !list(include, "filter").is_empty() || !list(include, "valueSet").is_empty() {
            return Err(format!("codes of {system} are chosen by a rule"));
        }
        let chosen = list(include, "concept");
        if !chosen.is_empty() {
            return Ok((system, chosen.iter().filter_map(|it| text(it, "code")).collect()));
        }
        let found = self.code_systems.get(system).filter(|it| text(it, "content") == Some("complete"));
        let code_system = found.ok_or_else(|| format!("R4 does not list the codes of {system}"))?;
        Ok((system, concepts(code_system)))
    }
}

/// The codes of a CodeSystem, at whatever depth, without those that only group others (`notSelectable`).
fn concepts(code_system: &Value) -> Vec<&str> {
    let mut codes = Vec::new();
    let mut left: Vec<&Value> = list(code_system, "concept").iter().collect();
    while let Some(concept) = left.pop() {
        left.extend(list(concept, "concept"));
        if !is_group(concept) {
            codes.extend(text(concept, "code"));
        }
    }
    codes
}

fn is_group(concept: &Value) -> bool {
    list(concept, "property").iter().any(|it| {
        text(it, "code") == Some("notSelectable") && it.get("valueBoolean").and_then(Value::as_bool) == Some(true)
    })
}
