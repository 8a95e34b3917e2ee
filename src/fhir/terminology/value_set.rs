//! ValueSet (valueset.html): what it is composed of.

use super::{CodeSystem, Designation};
use crate::json::Value;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A value set, read.
#[derive(Clone, Debug, Default)]
pub struct ValueSet {
    /// Canonical URL; empty of one without.
    pub url: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its publication status.
    pub status: Option<String>,
    /// Its `compose`, as JSON.
    pub compose: Option<String>,
    /// What is in it; `None` of one that has no `compose`.
    pub include: Option<Vec<Include>>,
    /// What is taken out of that.
    pub exclude: Vec<Include>,
    /// Whether inactive codes are in it (`compose.inactive`).
    pub has_inactive: Option<bool>,
    /// The codes of the stored expansion, if that has all.
    pub expansion: Option<Vec<Listed>>,
    /// Contained value sets by `#id`.
    pub(super) value_sets: FxHashMap<String, Arc<ValueSet>>,
    /// Contained code systems by `#id`.
    pub(super) code_systems: FxHashMap<String, Arc<CodeSystem>>,
}

/// A rule of `compose`: all that it asks for must hold of a code.
#[derive(Clone, Debug, Default)]
pub struct Include {
    /// The code system.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Codes that are listed.
    pub concepts: Vec<Listed>,
    /// Conditions on the concepts of the code system.
    pub filters: Vec<Filter>,
    /// Value sets that a code must also be in.
    pub value_sets: Vec<String>,
}

/// A code that a value set lists.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The code system; empty where an `include` says it.
    pub system: String,
    /// The code.
    pub code: String,
    /// The name to show in this value set.
    pub display: Option<String>,
    /// Other names in this value set.
    pub designations: Vec<Designation>,
    /// Of a stored expansion: that it only groups others.
    pub is_abstract: bool,
    /// Of a stored expansion: that it is no longer to be used.
    pub is_inactive: bool,
}

/// `compose.include.filter`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The property or filter of the code system.
    pub property: String,
    /// The operator (valueset-filter-operator.html).
    pub op: String,
    /// What it is compared with.
    pub value: String,
}

impl ValueSet {
    /// Reads a ValueSet resource.
    pub fn read(resource: Value<'_>) -> ValueSet {
        let text = |name: &str| resource.str(name).map(str::to_owned);
        let compose = resource.get("compose");
        let rules = |name: &str| -> Option<Vec<Include>> { Some(compose?.get(name)?.each().map(include).collect()) };
        let contained = || resource.get("contained").into_iter().flat_map(Value::each);
        let of_type = |of: &'static str| {
            contained()
                .filter(move |it| it.str("resourceType") == Some(of))
                .filter_map(|it| Some((format!("#{}", it.str("id")?), it)))
        };
        ValueSet {
            url: text("url").unwrap_or_default(),
            version: text("version"),
            name: text("name"),
            title: text("title"),
            status: text("status"),
            compose: compose.map(|it| it.raw().to_owned()),
            include: rules("include"),
            exclude: rules("exclude").unwrap_or_default(),
            has_inactive: compose.and_then(|it| it.get("inactive")).and_then(Value::as_bool),
            expansion: resource.get("expansion").and_then(expansion),
            // What is contained contains nothing (references.html#contained), so this ends.
            value_sets: of_type("ValueSet").map(|(id, it)| (id, Arc::new(ValueSet::read(it)))).collect(),
            code_systems: of_type("CodeSystem").map(|(id, it)| (id, Arc::new(CodeSystem::read(it)))).collect(),
        }
    }

    /// The value set of all codes of a code system, or of those that a filter chooses (valueset.html#implicit).
    pub fn implicit(url: &str, system: &str, version: Option<&str>, filter: Option<Filter>) -> ValueSet {
        let include = Include {
            system: Some(system.to_owned()),
            version: version.map(str::to_owned),
            filters: filter.into_iter().collect(),
            ..Include::default()
        };
        ValueSet { url: url.to_owned(), include: Some(vec![include]), ..ValueSet::default() }
    }

    /// The canonicals of the value sets that its rules name.
    pub fn named_value_sets(&self) -> impl Iterator<Item = &str> {
        self.rules().flat_map(|it| &it.value_sets).map(String::as_str).filter(|it| !it.starts_with('#'))
    }

    /// Every rule, those of contained value sets included.
    pub fn rules(&self) -> impl Iterator<Item = &Include> {
        let contained = self.value_sets.values().flat_map(|it| it.own_rules());
        self.own_rules().chain(contained)
    }

    fn own_rules(&self) -> impl Iterator<Item = &Include> {
        self.include.iter().flatten().chain(&self.exclude)
    }
}

impl Include {
    /// The canonical of its code system, if it names one outside of the value set.
    pub fn code_system(&self) -> Option<String> {
        let system = self.system.as_ref().filter(|it| !it.starts_with('#'))?;
        Some(match &self.version {
            Some(version) => format!("{system}|{version}"),
            None => system.clone(),
        })
    }
}

fn include(rule: Value<'_>) -> Include {
    let text = |name: &str| rule.str(name).map(str::to_owned);
    let each = |name: &str| rule.get(name).into_iter().flat_map(Value::each);
    Include {
        system: text("system"),
        version: text("version"),
        concepts: each("concept").filter_map(listed).collect(),
        filters: each("filter")
            .map(|it| {
                let part = |name: &str| it.str(name).unwrap_or_default().to_owned();
                Filter { property: part("property"), op: part("op"), value: part("value") }
            })
            .collect(),
        value_sets: each("valueSet").filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn listed(concept: Value<'_>) -> Option<Listed> {
    let flag = |name: &str| concept.get(name).and_then(Value::as_bool).unwrap_or(false);
    Some(Listed {
        system: concept.str("system").unwrap_or_default().to_owned(),
        code: concept.str("code")?.to_owned(),
        display: concept.str("display").map(str::to_owned),
        designations: Designation::read_all(concept),
        is_abstract: flag("abstract"),
        is_inactive: flag("inactive"),
    })
}

/// The codes of an expansion that is whole (valueset.html#expansion): not a page of it, and nothing left out.
fn expansion(expansion: Value<'_>) -> Option<Vec<Listed>> {
    let number = |name: &str| expansion.get(name).and_then(Value::as_number).and_then(|it| it.parse::<usize>().ok());
    let each = |name: &str| expansion.get(name).into_iter().flat_map(Value::each);
    let is_limited = each("extension").any(|it| {
        it.str("url").is_some_and(|url| url.ends_with("/valueset-toocostly") || url.ends_with("/valueset-unclosed"))
    });
    let is_part = each("parameter")
        .any(|it| matches!(it.str("name"), Some("filter" | "activeOnly" | "exclude-system" | "count" | "offset")));
    let mut all = Vec::new();
    let mut left: Vec<Value<'_>> = each("contains").collect();
    left.reverse();
    while let Some(entry) = left.pop() {
        let from = left.len();
        left.extend(entry.get("contains").into_iter().flat_map(Value::each));
        left[from..].reverse();
        all.extend(listed(entry).filter(|it| !it.system.is_empty()));
    }
    let is_whole = number("offset").unwrap_or(0) == 0 && number("total").is_none_or(|total| total <= all.len());
    (is_whole && !is_limited && !is_part).then_some(all)
}
