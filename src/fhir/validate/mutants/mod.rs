//! Mutants: for each rule of R4's base types a resource that breaks just that rule, made from a valid one. It must be
//! refused with that rule's issue and no other error.

mod inseparable;
mod invariants;
mod pool;
mod sample;
mod seeds;

use crate::json::{Doc, Value};
use crate::spec::{Element, Kind, TypeId, r4};
use crate::validate::expression;
use inseparable::INSEPARABLE;
use pool::{Place, Pool, errors, pool};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Elements that nearly every type has by inheritance; they are broken on one type each.
const INHERITED: &[&str] =
    &["id", "extension", "modifierExtension", "meta", "implicitRules", "language", "text", "contained"];
/// That type, where it has them.
const HEIRS: &[&str] = &["Patient", "Patient.contact"];

/// An element of a type under one of its member names.
struct Rule<'p> {
    pool: &'p Pool,
    owner: TypeId,
    name: &'static str,
    element: &'static Element,
    of: TypeId,
}

/// The issue that breaking a rule gives: its code, and its place.
type Expected = (&'static str, At);

/// Where an issue is told.
enum At {
    /// At the member that was changed.
    Member,
    /// At the first of its values.
    First,
    /// At the member that is missing, by the element's name.
    Missing,
}

impl Rule<'_> {
    fn type_name(&self) -> &'static str {
        &r4().of(self.of).name
    }

    fn is_primitive(&self) -> bool {
        r4().of(self.of).kind == Kind::Primitive
    }

    /// In an array, if the element repeats.
    fn wrapped(&self, value: Json) -> Json {
        if self.element.is_array { json!([value]) } else { value }
    }

    fn at(&self) -> At {
        if self.element.is_array { At::First } else { At::Member }
    }

    /// What breaks the rule of a kind: what the member becomes, and the issue.
    fn broken(&self, kind: &str, value: &Json) -> Option<(Option<Json>, Expected)> {
        match kind {
            "min" => (self.element.min > 0).then_some((None, ("required", At::Missing))),
            "max" if self.element.is_array => Some((Some(value.get(0)?.clone()), ("structure", At::Member))),
            "max" => Some((Some(json!([value, value])), ("structure", At::Member))),
            "type" => {
                let other = if self.is_primitive() { json!({ "id": "x" }) } else { json!("x") };
                Some((Some(self.wrapped(other)), ("structure", self.at())))
            }
            "binding" => {
                let codes = sample::codes(self.element);
                let first = codes.first()?;
                let other = match self.type_name() {
                    "CodeableConcept" => json!({ "coding": [{ "system": first.0, "code": "no-such-code" }] }),
                    "Coding" => json!({ "system": first.0, "code": "no-such-code" }),
                    _ if self.is_primitive() => json!("no-such-code"),
                    _ => return None,
                };
                Some((Some(self.wrapped(other)), ("code-invalid", self.at())))
            }
            "format" => {
                let other = self.is_primitive().then(|| sample::malformed(self.type_name())).flatten()?;
                Some((Some(self.wrapped(other)), ("value", self.at())))
            }
            _ => None,
        }
    }

    /// Tries the kind's mutants at all places; what was said of the last, unless one was refused as it must be.
    fn refused(&self, kind: &str) -> Option<Result<(), String>> {
        let mut last = None;
        for place in self.pool.with(self.owner, self.name) {
            let mut json = self.pool.resources[place.resource].clone();
            let object = json.pointer_mut(&place.pointer).and_then(Json::as_object_mut).expect("it is an object");
            let (value, expected) = self.broken(kind, object.get(self.name).expect("the place has it"))?;
            object.remove(&format!("_{}", self.name));
            match value {
                Some(value) => object.insert(self.name.into(), value),
                None => object.remove(self.name),
            };
            if object.is_empty() {
                // Nothing at all would be another error.
                object.insert("extension".into(), json!([{ "url": "http://example.org/x", "valueCode": "x" }]));
            }
            let told = errors(&json);
            match &told[..] {
                [(code, at, _)] if *code == expected.0 && *at == self.path(&json, place, &expected.1) => {
                    return Some(Ok(()));
                }
                _ => last = Some(Err(format!("{told:?}"))),
            }
        }
        last
    }

    /// The FHIRPath of where the issue belongs.
    fn path(&self, json: &Json, place: &Place, at: &At) -> String {
        let doc = Doc::parse(json.to_string()).expect("serde_json writes JSON");
        let to = |pointer: &str| expression::of(r4(), doc.root(), follow(doc.root(), pointer));
        match at {
            At::Missing => format!("{}.{}", to(&place.pointer), self.element.name),
            At::Member => to(&format!("{}/{}", place.pointer, self.name)),
            At::First => to(&format!("{}/{}/0", place.pointer, self.name)),
        }
    }
}

fn follow<'a>(root: Value<'a>, pointer: &str) -> Value<'a> {
    pointer.split('/').skip(1).fold(root, |here, step| match step.parse() {
        Ok(position) => here.item(position).expect("the pointer leads somewhere"),
        Err(_) => here.get(step).expect("the pointer leads somewhere"),
    })
}

/// Every element of every type under each of its names, but what is inherited everywhere.
fn rules(pool: &Pool) -> impl Iterator<Item = Rule<'_>> {
    let own =
        |ty: &crate::spec::Type, element: &Element| !INHERITED.contains(&&*element.name) || HEIRS.contains(&&*ty.name);
    r4().types().iter().enumerate().filter(|(_, ty)| ty.kind != Kind::Primitive && !ty.is_abstract).flat_map(
        move |(at, ty)| {
            let mut all: Vec<_> = ty
                .properties
                .iter()
                .map(|(name, it)| Rule {
                    pool,
                    owner: TypeId(at as u16),
                    name,
                    element: &ty.elements[it.element as usize],
                    of: it.of,
                })
                .filter(|it| own(ty, it.element))
                .collect();
            all.sort_by_key(|it| it.name);
            all
        },
    )
}

/// Fails unless exactly the listed rules cannot be broken alone.
fn are_listed(found: &[(String, String)], listed: &[(&str, &str)]) {
    let listed: BTreeSet<&str> = listed.iter().map(|(name, _)| *name).collect();
    let unlisted: Vec<_> = found.iter().filter(|(name, _)| !listed.contains(&**name)).collect();
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| &**name).collect();
    let stale: Vec<_> = listed.difference(&names).collect();
    assert!(
        unlisted.is_empty() && stale.is_empty(),
        "{} not as expected: {unlisted:#?}; no more so: {stale:?}",
        unlisted.len()
    );
}

#[test]
fn every_element_has_a_valid_example() {
    let Some(pool) = pool() else { return };
    let is_missing = |it: &Rule<'_>| pool.with(it.owner, it.name).is_empty();
    let name = |it: Rule<'_>| (format!("{}.{}", r4().of(it.owner).name, it.name), String::new());
    let missing: Vec<_> = rules(pool).filter(is_missing).map(name).collect();
    are_listed(&missing, &[]);
}

#[test]
fn a_mutant_breaks_each_rule_of_an_element_alone() {
    let Some(pool) = pool() else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for rule in rules(pool) {
        for kind in ["min", "max", "type", "binding", "format"] {
            let Some(outcome) = rule.refused(kind) else { continue };
            count += 1;
            if let Err(told) = outcome {
                wrong.push((format!("{kind} {}.{}", r4().of(rule.owner).name, rule.name), told));
            }
        }
    }
    assert!(count > 10_000, "only {count} mutants");
    are_listed(&wrong, INSEPARABLE);
}

#[test]
fn a_mutant_makes_each_choice_twice() {
    let Some(pool) = pool() else { return };
    let mut wrong = Vec::new();
    for rule in rules(pool).filter(|it| it.element.is_choice && it.element.types.len() > 1) {
        let ty = r4().of(rule.owner);
        let position = ty.property(rule.name).map(|it| it.element);
        let mut others: Vec<_> =
            ty.properties.iter().filter(|(name, it)| Some(it.element) == position && ***name != *rule.name).collect();
        others.sort_by_key(|(name, _)| name.len());
        let twice = |place: &Place| {
            others.iter().any(|(name, it)| {
                let mut json = pool.resources[place.resource].clone();
                let object = json.pointer_mut(&place.pointer).and_then(Json::as_object_mut).expect("it is an object");
                object.insert(name.to_string(), sample::member(pool, rule.element, it.of, 0));
                matches!(&errors(&json)[..], [(code, _, told)] if code == "structure" && told.contains("may be given once"))
            })
        };
        let places = pool.with(rule.owner, rule.name);
        if !places.is_empty() && !places.iter().any(twice) {
            wrong.push((format!("{}.{}", ty.name, rule.name), String::new()));
        }
    }
    are_listed(&wrong, &[]);
}

/// datatypes.html#string: "Note that strings SHALL NOT exceed 1MB (1024*1024 characters) in size".
#[test]
fn a_mutant_is_too_long() {
    let family = |length: usize| json!({ "resourceType": "Patient", "name": [{ "family": "x".repeat(length) }] });
    assert_eq!(errors(&family(1024 * 1024)), []);
    let told = errors(&family(1024 * 1024 + 1));
    assert!(matches!(&told[..], [(code, at, _)] if code == "value" && at == "Patient.name[0].family"), "{told:?}");
}
