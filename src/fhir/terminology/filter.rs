//! The filters of a value set (valueset.html#filters) on a code system that is at hand.

use super::{CodeSystem, Concept, Filter};
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashSet;

/// The greatest size of a compiled expression, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// What a filter asks of a concept.
pub(super) enum Matcher<'f> {
    /// To be at one of these positions.
    At(FxHashSet<u32>),
    /// To be at none of these positions.
    NotAt(FxHashSet<u32>),
    /// A value of the property is one of these.
    OneOf(&'f str, FxHashSet<&'f str>),
    /// No value of the property is one of these.
    NoneOf(&'f str, FxHashSet<&'f str>),
    /// A value of the property matches as a whole.
    Matches(&'f str, Regex),
    /// The property has a value, or has none.
    Exists(&'f str, bool),
}

impl Filter {
    /// Whether each of these concepts passes, in their order. Filters on the hierarchy have to have it at hand.
    pub fn on_each(&self, system: &CodeSystem) -> Result<Vec<bool>> {
        let matcher = self.on(system)?;
        Ok((0..system.concepts().len() as u32).map(|it| matcher.passes(system, it)).collect())
    }

    /// Its value as an expression that is to match the whole of another value.
    pub fn regex(&self) -> Result<Regex> {
        regex(&self.value)
    }

    /// The filter on this code system. Fails for what cannot be answered: nothing is chosen by a guess.
    pub(super) fn on(&self, system: &CodeSystem) -> Result<Matcher<'_>> {
        let (property, value) = (self.property.as_str(), self.value.as_str());
        let is_concept = matches!(property, "concept" | "code");
        let positions = |found: Vec<u32>| found.into_iter().collect::<FxHashSet<_>>();
        let below = || system.subsumed(value).map(|it| (it, positions(system.below(it))));
        match self.op.as_str() {
            "is-a" if is_concept => return Ok(Matcher::At(below()?.1)),
            "descendent-of" if is_concept => {
                let (from, mut found) = below()?;
                found.remove(&from);
                return Ok(Matcher::At(found));
            }
            "is-not-a" if is_concept => return Ok(Matcher::NotAt(below()?.1)),
            // Of code systems that do not define these as properties of their own (loinc.html has them).
            "=" if matches!(property, "ancestor" | "descendant") && !is_known(system, property) => {
                let from = system.subsumed(value)?;
                let found = if property == "ancestor" { system.below(from) } else { system.above(from) };
                return Ok(Matcher::At(found.into_iter().filter(|it| *it != from).collect()));
            }
            "generalizes" if is_concept => return Ok(Matcher::At(positions(system.above(system.subsumed(value)?)))),
            _ => {}
        }
        if !is_known(system, property) {
            let told = format!("{} has no property {} to filter by.", shown(&system.url), shown(property));
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let list = || value.split(',').map(str::trim).collect();
        Ok(match self.op.as_str() {
            "=" => Matcher::OneOf(property, FxHashSet::from_iter([value])),
            "in" => Matcher::OneOf(property, list()),
            "not-in" => Matcher::NoneOf(property, list()),
            "regex" => Matcher::Matches(property, regex(value)?),
            "exists" if matches!(value, "true" | "false") => Matcher::Exists(property, value == "true"),
            op => {
                let told = format!(
                    "The filter {} {} {} is not supported on {}.",
                    shown(property),
                    shown(op),
                    shown(value),
                    shown(&system.url)
                );
                return Err(Failure::new(IssueType::NotSupported, told));
            }
        })
    }
}

impl Matcher<'_> {
    /// Whether the concept at this position passes.
    pub(super) fn passes(&self, system: &CodeSystem, at: u32) -> bool {
        let Some(concept) = system.concepts().get(at as usize) else { return false };
        let any =
            |property: &str, test: &dyn Fn(&str) -> bool| values(system, concept, property).iter().any(|it| test(it));
        match self {
            Matcher::At(positions) => positions.contains(&at),
            Matcher::NotAt(positions) => !positions.contains(&at),
            Matcher::OneOf(property, wanted) => any(property, &|it| wanted.contains(it)),
            Matcher::NoneOf(property, unwanted) => !any(property, &|it| unwanted.contains(it)),
            Matcher::Matches(property, regex) => any(property, &|it| regex.is_match(it)),
            Matcher::Exists(property, wanted) => any(property, &|_| true) == *wanted,
        }
    }
}

/// The texts of a concept's property; some are told by the concept itself (codesystem.html#defined-props).
fn values<'c>(system: &'c CodeSystem, concept: &'c Concept, property: &str) -> Vec<&'c str> {
    let codes =
        |of: &'c [u32]| of.iter().filter_map(|it| Some(system.concepts().get(*it as usize)?.code.as_str())).collect();
    let word = |it: bool| vec![if it { "true" } else { "false" }];
    match property {
        "code" | "concept" => vec![&concept.code],
        "display" => concept.display.as_deref().into_iter().collect(),
        "definition" => concept.definition.as_deref().into_iter().collect(),
        "parent" => codes(&concept.parents),
        "child" => codes(&concept.children),
        "inactive" => word(concept.is_inactive()),
        "notSelectable" => word(concept.is_abstract()),
        _ => concept.properties.iter().filter(|it| it.code == property).map(|it| it.text.as_str()).collect(),
    }
}

fn is_known(system: &CodeSystem, property: &str) -> bool {
    const OF_ALL: [&str; 8] =
        ["code", "concept", "display", "definition", "parent", "child", "inactive", "notSelectable"];
    OF_ALL.contains(&property) || system.defined.iter().any(|it| it == property)
}

/// Value sets written for any FHIR server have the expression match the whole value.
fn regex(pattern: &str) -> Result<Regex> {
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(REGEX_SIZE).build();
    whole.map_err(|_| {
        let told = format!("{} is not a regular expression that this server takes.", shown(pattern));
        Failure::new(IssueType::Value, told)
    })
}
