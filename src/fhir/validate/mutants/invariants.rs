//! Invariants, each broken alone: by a search for a small change of a valid resource (of the object that the invariant is
//! on, one member is taken away, put in, or given another value), or by a resource made by hand (`by_hand.json`).

use super::pool::{Place, Pool, errors, pool};
use super::{are_listed, sample};
use crate::spec::{Constraint, Kind, Type, TypeId, r4};
use crate::validate::errata;
use serde_json::{Map, Value as Json, json};

/// Other codes of an element that are tried.
const CODES: usize = 12;

const SAID_TWICE: &str = "what it is on is defined by reference to another element, whose invariant says the same";

/// Invariants that cannot be broken alone, and why.
const UNBROKEN: &[(&str, &str)] = &[
    ("eld-11", "as published it holds wherever there is a type: it asks whether a boolean exists"),
    ("sdf-11", "a snapshot whose root is not the type breaks sdf-8 as well"),
    ("sdf-14", "an element without id breaks sdf-16 or sdf-17 as well"),
    ("tst-4", "what it asks for is required anyway"),
    ("tst-6", SAID_TWICE),
    ("tst-8", SAID_TWICE),
    ("tst-9", SAID_TWICE),
    ("tst-11", SAID_TWICE),
    ("tst-13", SAID_TWICE),
];

/// An invariant with the type of the objects that it is on.
struct Target {
    of: TypeId,
    constraint: &'static Constraint,
}

/// Every invariant of severity error that is evaluated, once.
fn targets() -> Vec<Target> {
    let mut all: Vec<Target> = Vec::new();
    let mut add = |of: TypeId, owner: &str, constraint: &'static Constraint| {
        let is_evaluated = constraint.is_error
            && !errata::is_implied(&constraint.key)
            && !errata::is_faulty(owner, &constraint.key)
            && !constraint.expression.is_empty();
        let is_known = all
            .iter()
            .any(|it| it.constraint.key == constraint.key && it.constraint.expression == constraint.expression);
        if is_evaluated && !is_known {
            all.push(Target { of, constraint });
        }
    };
    for (at, ty) in r4().types().iter().enumerate().filter(|(_, ty)| !ty.is_abstract) {
        for constraint in &ty.constraints {
            add(TypeId(at as u16), &ty.name, constraint);
        }
        for element in &ty.elements {
            let on = element.types.iter().find(|it| r4().of(**it).kind != Kind::Primitive);
            for constraint in &element.constraints {
                add(on.copied().unwrap_or(TypeId(at as u16)), &ty.name, constraint);
            }
        }
    }
    all
}

/// A change of an object's member; `None` takes it away.
type Change = (String, Option<Json>);

fn changes(pool: &Pool, ty: &'static Type, object: &Map<String, Json>) -> Vec<Change> {
    let mut all: Vec<Change> = object.keys().filter(|it| *it != "resourceType").map(|it| (it.clone(), None)).collect();
    let mut properties: Vec<_> =
        ty.properties.iter().filter(|(name, _)| !super::INHERITED.contains(&&***name)).collect();
    properties.sort_by_key(|(name, _)| name.len());
    for (name, property) in properties {
        let element = &ty.elements[property.element as usize];
        let wrapped = |it: Json| if element.is_array { json!([it]) } else { it };
        let mut values: Vec<Json> = Vec::new();
        match object.get(&**name) {
            None => values.push(sample::member(pool, element, property.of, 0)),
            Some(Json::Array(items)) => values.push(items.iter().chain(items).cloned().collect()),
            Some(_) => {}
        }
        let codes = sample::codes(element);
        values.extend(codes.iter().take(CODES).map(|(system, code)| match &*r4().of(property.of).name {
            "CodeableConcept" => wrapped(json!({ "coding": [{ "system": system, "code": code }] })),
            "Coding" => wrapped(json!({ "system": system, "code": code })),
            _ => wrapped(json!(code)),
        }));
        values.extend(others(&r4().of(property.of).name).into_iter().map(wrapped));
        all.extend(values.into_iter().map(|it| (name.to_string(), Some(it))));
    }
    all
}

/// Values that invariants have something against.
fn others(of: &str) -> Vec<Json> {
    match of {
        "boolean" => vec![json!(true), json!(false)],
        "integer" | "decimal" => vec![json!(-1), json!(7)],
        "string" | "id" | "code" => vec![json!("x"), json!("a.b c")],
        "uri" | "url" | "canonical" => vec![json!("http://example.org/x#y"), json!("Patient/x")],
        "date" => vec![json!("1900-01-01"), json!("2900-01-01")],
        "dateTime" | "instant" => vec![json!("1900-01-01T00:00:00Z"), json!("2900-01-01T00:00:00Z")],
        _ => Vec::new(),
    }
}

fn changed(pool: &Pool, place: &Place, (name, value): &Change) -> Json {
    let mut json = pool.resources[place.resource].clone();
    let object = json.pointer_mut(&place.pointer).and_then(Json::as_object_mut).expect("it is an object");
    match value {
        Some(value) => object.insert(name.clone(), value.clone()),
        None => object.remove(name),
    };
    json
}

impl Target {
    fn is_broken_alone(&self, json: &Json) -> bool {
        let start = format!("{}: ", self.constraint.key);
        matches!(&errors(json)[..], [(code, _, told)] if code == "invariant" && told.starts_with(&start))
    }

    fn is_found(&self, pool: &Pool) -> bool {
        let ty = r4().of(self.of);
        let changes_at = |place: &Place| {
            let value = pool.resources[place.resource].pointer(&place.pointer);
            changes(pool, ty, value.and_then(Json::as_object).expect("it is an object"))
        };
        let alone = |place: &Place| changes_at(place).iter().any(|it| self.is_broken_alone(&changed(pool, place, it)));
        pool.of(self.of).iter().any(alone)
    }
}

/// A resource made by hand that breaks the invariant with this key.
fn by_hand() -> Vec<(String, Json)> {
    let table: Vec<Json> = serde_json::from_str(include_str!("by_hand.json")).expect("the table is JSON");
    table.into_iter().map(|it| (it["key"].as_str().expect("a key").to_owned(), it["resource"].clone())).collect()
}

#[test]
fn a_mutant_breaks_each_invariant_alone() {
    let Some(pool) = pool() else { return };
    let (targets, by_hand) = (targets(), by_hand());
    let missed = targets.iter().filter(|target| {
        let mut made = by_hand.iter().filter(|(key, _)| **key == *target.constraint.key).peekable();
        if made.peek().is_some() {
            return !made.any(|(_, json)| target.is_broken_alone(json));
        }
        UNBROKEN.iter().all(|(key, _)| **key != *target.constraint.key) && !target.is_found(pool)
    });
    let missed: Vec<_> =
        missed.map(|it| (it.constraint.key.to_string(), it.constraint.expression.to_string())).collect();
    assert!(targets.len() > 190, "only {} invariants", targets.len());
    let keys: Vec<&str> = targets.iter().map(|it| &*it.constraint.key).collect();
    let listed = UNBROKEN.iter().map(|it| it.0).chain(by_hand.iter().map(|it| &*it.0));
    assert!(listed.clone().all(|key| keys.contains(&key)), "a listed invariant is none of R4's");
    are_listed(&missed, &[]);
}

#[test]
fn what_is_made_by_hand_breaks_one_invariant() {
    for (key, resource) in by_hand() {
        let told = errors(&resource);
        assert!(told.len() == 1 && told[0].2.starts_with(&format!("{key}: ")), "{key}: {told:#?}");
    }
}
