//! Whether a differential asks more of an element, never less, than its base (profiling.html#limitations): what is valid
//! by a profile must be valid by its base.

use super::super::{Fault, Profiles, compile};
use super::merge::is_value;
use super::node::{Said, list};
use crate::outcome::shown;
use crate::spec::{Strength, r4};
use serde_json::Value as Json;

/// Bases of bases that are looked at.
const DEEPEST: usize = 16;

/// Everything in which a differential widens what its base says of an element.
pub(super) fn widened(known: &Profiles, id: &str, base: &Said, by: &Said) -> Vec<Fault> {
    let checks = [counts(base, by), types(known, base, by), values(base, by), rest(base, by), constraints(base, by)];
    checks.into_iter().flatten().map(|problem| Fault::new(id, problem)).collect()
}

fn counts(base: &Said, by: &Said) -> Vec<String> {
    let min = |it: &Said| it.get("min").and_then(Json::as_u64);
    // Without a number there is no bound.
    let max = |it: &Said| it.get("max").and_then(Json::as_str).map(|it| it.parse::<u64>().unwrap_or(u64::MAX));
    let count = |it: u64| if it == u64::MAX { "*".to_owned() } else { it.to_string() };
    let mut told = Vec::new();
    if let (Some(had), Some(new)) = (min(base), min(by))
        && new < had
    {
        told.push(format!("its min {new} is less than the base's {had}"));
    }
    if let (Some(had), Some(new)) = (max(base), max(by))
        && new > had
    {
        told.push(format!("its max {} is more than the base's {}", count(new), count(had)));
    }
    if let (Some(min), Some(max)) = (min(by).or(min(base)), max(by).or(max(base)))
        && min > max
    {
        told.push(format!("its min {min} is more than its max {}", count(max)));
    }
    told
}

fn types(known: &Profiles, base: &Said, by: &Said) -> Vec<String> {
    let had: Vec<&Json> = list(base, "type").collect();
    if had.is_empty() {
        return Vec::new();
    }
    let mut told = Vec::new();
    for new in list(by, "type") {
        let code = new["code"].as_str().unwrap_or_default();
        let same: Vec<&Json> =
            had.iter().filter(|it| is_type(code, it["code"].as_str().unwrap_or_default())).copied().collect();
        if same.is_empty() {
            told.push(format!("its type {} is not one of the base's", shown(code)));
            continue;
        }
        for (member, word) in [("profile", "profile"), ("targetProfile", "target")] {
            let allowed = |url: &str| same.iter().any(|it| allows(known, &it[member], url));
            let names = new[member].as_array().into_iter().flatten().filter_map(Json::as_str);
            let wide = names.filter(|it| !allowed(it));
            told.extend(wide.map(|it| format!("the {word} {} is not among the base's, nor built on one", shown(it))));
        }
    }
    told
}

/// Whether a type is another one, or specialises it. FHIRPath's own types stand for R4's.
fn is_type(code: &str, base: &str) -> bool {
    let of = |it: &str| r4().type_named(it);
    let is_a = || of(code).zip(of(base)).is_some_and(|(code, base)| r4().is_a(code, base));
    code == base
        || code.starts_with("http://hl7.org/fhirpath/")
        || base.starts_with("http://hl7.org/fhirpath/")
        || is_a()
}

/// Whether a list of canonical URLs has this one, or one that it is built on; an empty list has all.
fn allows(known: &Profiles, list: &Json, url: &str) -> bool {
    let allowed: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    allowed.is_empty() || allowed.iter().any(|it| is_built_on(known, url, it))
}

/// Whether one definition is another one or is built on it; what is not known is not held against anybody.
fn is_built_on(known: &Profiles, url: &str, on: &str) -> bool {
    let bare = |it: &str| it.split('|').next().unwrap_or_default().to_owned();
    let wanted = bare(on);
    let mut here = bare(url);
    for _ in 0..DEEPEST {
        if here == wanted {
            return true;
        }
        let core = |it: &str| compile::core_type(r4(), it);
        if let Some(of) = core(&here) {
            return core(&wanted).is_some_and(|it| r4().is_a(of, it));
        }
        match known.base_of(&here) {
            Some(base) => here = bare(base),
            None => return true,
        }
    }
    false
}

/// A fixed value stays; a pattern may become a value that shows it.
fn values(base: &Said, by: &Said) -> Vec<String> {
    let value = |it: &'_ Said| it.iter().find(|(name, _)| is_value(name)).map(|(name, it)| (name.clone(), it.clone()));
    let (Some((had, old)), Some((name, new))) = (value(base), value(by)) else { return Vec::new() };
    let is_kept = if had.starts_with("fixed") { name == had && new == old } else { shows(&new, &old) };
    if is_kept { Vec::new() } else { vec![format!("its {name} does not keep to the base's {had}")] }
}

/// Whether a value has all that a pattern has.
fn shows(value: &Json, pattern: &Json) -> bool {
    match (value, pattern) {
        (Json::Object(value), Json::Object(pattern)) => {
            pattern.iter().all(|(name, it)| value.get(name).is_some_and(|value| shows(value, it)))
        }
        (Json::Array(values), Json::Array(patterns)) => {
            patterns.iter().all(|it| values.iter().any(|value| shows(value, it)))
        }
        (value, pattern) => value == pattern,
    }
}

fn rest(base: &Said, by: &Said) -> Vec<String> {
    let flag = |it: &Said, name: &str| it.get(name).and_then(Json::as_bool);
    let strength = |it: &Said| it.get("binding").and_then(|it| it["strength"].as_str()).and_then(Strength::from_code);
    let number = |it: &Said, name: &str| it.get(name).and_then(Json::as_u64);
    let mut told = Vec::new();
    if strength(base) == Some(Strength::Required) && strength(by).is_some_and(|it| it != Strength::Required) {
        told.push("its binding is not required, as the base's is".to_owned());
    }
    if let (Some(had), Some(new)) = (number(base, "maxLength"), number(by, "maxLength"))
        && new > had
    {
        told.push(format!("its maxLength {new} is more than the base's {had}"));
    }
    if flag(base, "mustSupport") == Some(true) && flag(by, "mustSupport") == Some(false) {
        told.push("it is not to be supported any more, as the base wants it".to_owned());
    }
    if let (Some(had), Some(new)) = (base.get("slicing"), by.get("slicing")) {
        told.extend(slicing(had, new));
    }
    told
}

fn slicing(base: &Json, by: &Json) -> Option<String> {
    let rules = |it: &Json| it["rules"].as_str().unwrap_or("open").to_owned();
    let (had, new) = (rules(base), rules(by));
    let is_wider = match had.as_str() {
        "closed" => new != "closed",
        "openAtEnd" => new == "open",
        _ => false,
    };
    if is_wider {
        return Some(format!("its slicing is {}, and the base's {had}", shown(&new)));
    }
    (base["ordered"] == true && by["ordered"] == false)
        .then(|| "its slices are not in order, as the base's are".to_owned())
}

fn constraints(base: &Said, by: &Said) -> Vec<String> {
    let is_other = |new: &&Json| {
        let same = list(base, "constraint").find(|it| it["key"] == new["key"]);
        same.is_some_and(|it| {
            it["expression"] != new["expression"] || it["severity"] == "error" && new["severity"] == "warning"
        })
    };
    let key = |it: &Json| shown(it["key"].as_str().unwrap_or_default());
    list(by, "constraint").filter(is_other).map(|it| format!("its constraint {} is not the base's", key(it))).collect()
}
