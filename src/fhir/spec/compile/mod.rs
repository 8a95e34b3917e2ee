//! Definitions in the standard's own JSON to rows: StructureDefinition, SearchParameter, CompartmentDefinition,
//! OperationDefinition, and ValueSet with CodeSystem.
//!
//! [`rows`] takes a whole version of the standard; the functions beneath take one definition each, the standard's
//! or a tenant's own.

mod codes;
mod errata;
mod param;
mod terminology;
mod types;

#[cfg(test)]
mod tests;

pub use codes::Terminology;
pub use param::search_param;
pub use terminology::write_terminology;
pub use types::{TypeProfiles, types};

use super::rows::{CompartmentRow, OperationRow, ParamRow, Rows, TypeRow};
use super::{Kind, Strength};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::BTreeSet;

/// Codes are told for a value set that a `code` element is bound to if they are fewer than this; for a required
/// binding always.
const MANY_CODES: usize = 2_000;

/// A definition that rows cannot be made from.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{definition}: {problem}")]
pub struct Unusable {
    /// Its URL, or id where it has none.
    pub definition: String,
    /// What is missing or wrong, as a sentence.
    pub problem: String,
}

/// All rows of these definitions, in the order of the tables. Profiles and logical models among them are not
/// types of their own, and make no rows.
pub fn rows(definitions: &[Value]) -> Result<Rows<'_>, Unusable> {
    let of_type = |name: &'static str| definitions.iter().filter(move |it| text(it, "resourceType") == Some(name));
    let types = all_types(of_type("StructureDefinition").collect())?;
    let terminology = Terminology::of(definitions);
    let mut params = of_type("SearchParameter").map(search_param).collect::<Result<Vec<_>, _>>()?;
    open_targets(&mut params, &types);
    params.sort_by_key(|it| it.url);
    let mut operations = of_type("OperationDefinition").map(operation).collect::<Result<Vec<_>, _>>()?;
    operations.sort_by_key(|it| it.url);
    let mut compartments = of_type("CompartmentDefinition").map(compartment).collect::<Result<Vec<_>, _>>()?;
    compartments.sort_by_key(|it| it.of);
    let value_sets = bound_value_sets(&types)
        .into_iter()
        .map(|(url, required)| (terminology.expand(url), required))
        .filter(|(it, required)| *required || it.codes.iter().map(|(_, codes)| codes.len()).sum::<usize>() < MANY_CODES)
        .map(|(it, _)| it)
        .collect();
    Ok(Rows { types, params, compartments, operations, value_sets })
}

fn all_types(definitions: Vec<&Value>) -> Result<Vec<TypeRow<'_>>, Unusable> {
    let (profiles, bases): (Vec<_>, Vec<_>) =
        definitions.into_iter().partition(|it| text(it, "derivation") == Some("constraint"));
    let profiles = profiles
        .into_iter()
        .map(|it| Ok((required(it, "url")?, types::own_constraints(it)?)))
        .collect::<Result<TypeProfiles, _>>()?;
    let mut all = Vec::new();
    for definition in bases.into_iter().filter(|it| text(it, "kind") != Some("logical")) {
        all.extend(types(definition, &profiles)?);
    }
    all.sort_by_key(|it| it.name);
    leave_out_inherited(&mut all);
    Ok(all)
}

/// Drops elements that are the same in the type's base. (Bases are compared whole, so first collected.)
fn leave_out_inherited(all: &mut [TypeRow]) {
    let whole: FxHashMap<_, _> = all.iter().map(|it| (it.name, it.elements.clone())).collect();
    for row in all {
        if let Some(inherited) = row.base.and_then(|it| whole.get(it)) {
            row.elements.retain(|it| !inherited.contains(it));
        }
    }
}

/// A parameter that names every resource type as its target may point to any. (`Parameters` never stands alone,
/// so R4 does not name it.)
fn open_targets(params: &mut [ParamRow], types: &[TypeRow]) {
    let concrete: BTreeSet<_> =
        types.iter().filter(|it| it.kind == Kind::Resource && !it.is_abstract).map(|it| it.name).collect();
    for param in params.iter_mut().filter(|it| !it.targets.is_empty()) {
        let named: BTreeSet<_> = param.targets.iter().copied().collect();
        if concrete.difference(&named).all(|it| *it == "Parameters") {
            param.targets.clear();
        }
    }
}

/// The value sets whose codes are needed, and whether a binding requires them: those that a binding requires, and
/// those that `code` elements are bound to, whose system the binding implies (search.html#token).
fn bound_value_sets<'a>(types: &[TypeRow<'a>]) -> std::collections::BTreeMap<&'a str, bool> {
    let mut bound = std::collections::BTreeMap::new();
    for element in types.iter().flat_map(|it| &it.elements) {
        if let Some((strength, url)) = element.binding {
            let required = strength == Strength::Required;
            if required || element.types.contains(&"code") {
                *bound.entry(url).or_default() |= required;
            }
        }
    }
    bound
}

/// A CompartmentDefinition.
fn compartment(definition: &Value) -> Result<CompartmentRow<'_>, Unusable> {
    let of = required(definition, "code")?;
    let mut members = Vec::new();
    for resource in list(definition, "resource") {
        let name = required(resource, "code")?;
        let mut codes = texts(resource, "param");
        errata::own_compartment(of, name, &mut codes);
        if !codes.is_empty() {
            members.push((name, codes));
        }
    }
    members.sort_unstable();
    Ok(CompartmentRow { of, members })
}

/// An OperationDefinition.
fn operation(definition: &Value) -> Result<OperationRow<'_>, Unusable> {
    let flag = |name| definition.get(name).and_then(Value::as_bool);
    let url = required(definition, "url")?;
    Ok(OperationRow {
        code: required(definition, "code")?,
        url,
        resources: texts(definition, "resource"),
        system: flag("system").unwrap_or_default(),
        on_type: flag("type").unwrap_or_default(),
        instance: flag("instance").unwrap_or_default(),
        affects_state: flag("affectsState").unwrap_or_else(|| errata::affects_state(url)),
    })
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn required<'a>(value: &'a Value, name: &str) -> Result<&'a str, Unusable> {
    text(value, name).ok_or_else(|| unusable(value, format!("it has no {name}")))
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    list(value, name).iter().filter_map(Value::as_str).collect()
}

/// `http://…/Patient|4.0.1` without the version.
fn unversioned(canonical: &str) -> &str {
    canonical.split_once('|').map_or(canonical, |(url, _)| url)
}

/// The last part of a StructureDefinition's URL: the name of the type, for one of the standard's own.
fn last_part(url: &str) -> &str {
    unversioned(url).rsplit('/').next().unwrap_or(url)
}

fn unusable(definition: &Value, problem: impl Into<String>) -> Unusable {
    let name = ["url", "path", "id", "code"].iter().find_map(|it| text(definition, it));
    Unusable { definition: name.unwrap_or("a definition").to_owned(), problem: problem.into() }
}
