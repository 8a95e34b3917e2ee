//! Small resources whose values are few, so that they meet.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub const UCUM: &str = "http://unitsofmeasure.org";
pub const SYSTEMS: [&str; 2] = ["urn:s", "http://t.org/x"];
pub const CODES: [&str; 3] = ["a", "b", "a-b"];
pub const DATES: [&str; 5] = ["1970-01-01", "1980-02-29", "1980-03-01", "2000-12-31", "2027-01-01"];
pub const WORDS: [&str; 5] = ["Ann", "ann", "anders", "Bo", "Zola"];
pub const AMOUNTS: [&str; 6] = ["-1", "4.5", "5", "5.4", "5.5", "120"];
pub const URLS: [&str; 5] = ["http://a.org", "http://a.org/x", "http://a.org/x/1", "http://a.org/xy", "urn:oid:1.2.3"];

#[derive(Clone, Debug)]
pub struct Population {
    pub patients: Vec<Value>,
    pub observations: Vec<Value>,
    pub value_sets: Vec<Value>,
}

pub fn population() -> impl Strategy<Value = Population> {
    (vec(patient(), 8), vec(observation(), 16), vec(value_set(), 4))
        .prop_map(|(patients, observations, value_sets)| Population { patients, observations, value_sets })
}

/// What is stored: type, id and resource.
pub type Stored = (&'static str, String, String);

impl Population {
    /// All of them, each with an id.
    pub fn named(self) -> Vec<Stored> {
        let named = |of: &'static str, all: Vec<Value>| {
            all.into_iter().enumerate().map(move |(i, mut resource)| {
                let id = format!("r{i}");
                resource["resourceType"] = of.into();
                resource["id"] = id.clone().into();
                (of, id, resource.to_string())
            })
        };
        named("Patient", self.patients)
            .chain(named("Observation", self.observations))
            .chain(named("ValueSet", self.value_sets))
            .collect()
    }
}

/// An object of the members that are there.
fn object(members: Vec<(&str, Option<Value>)>) -> Value {
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn list(items: Vec<Value>) -> Option<Value> {
    (!items.is_empty()).then(|| items.into())
}

fn one(values: &'static [&'static str]) -> impl Strategy<Value = Value> + Clone {
    select(values).prop_map(Value::from)
}

fn patient() -> impl Strategy<Value = Value> {
    let name = (of(one(&WORDS)), vec(one(&WORDS), 1..3))
        .prop_map(|(family, given)| object(vec![("family", family), ("given", list(given))]));
    let gender = of(one(&["male", "female", "unknown"]));
    (gender, of(one(&DATES)), vec(name, 0..3), vec(identifier(), 0..3), of(any::<bool>())).prop_map(
        |(gender, birth_date, names, identifiers, active)| {
            object(vec![
                ("gender", gender),
                ("birthDate", birth_date),
                ("name", list(names)),
                ("identifier", list(identifiers)),
                ("active", active.map(Value::from)),
            ])
        },
    )
}

fn identifier() -> impl Strategy<Value = Value> {
    (of(one(&SYSTEMS)), one(&CODES), vec(coding(), 0..2)).prop_map(|(system, value, types)| {
        let types = list(types).map(|it| json!({ "coding": it }));
        object(vec![("system", system), ("value", Some(value)), ("type", types)])
    })
}

fn coding() -> impl Strategy<Value = Value> {
    (of(one(&SYSTEMS)), one(&CODES)).prop_map(|(system, code)| object(vec![("system", system), ("code", Some(code))]))
}

fn concept() -> impl Strategy<Value = Value> {
    vec(coding(), 0..3).prop_map(|it| object(vec![("coding", list(it)), ("text", Some("said".into()))]))
}

fn quantity() -> impl Strategy<Value = Value> {
    let number = select(&AMOUNTS[..]).prop_map(|it| serde_json::from_str(it).expect("a number"));
    let unit = prop_oneof![
        Just((Some("mg"), Some(UCUM), Some("milligram"))),
        Just((None, None, Some("mg"))),
        Just((Some("tab"), Some("urn:s"), None)),
        Just((None, None, None)),
    ];
    (number, unit).prop_map(|(value, (code, system, unit)): (Value, _)| {
        object(vec![
            ("value", Some(value)),
            ("code", code.map(Value::from)),
            ("system", system.map(Value::from)),
            ("unit", unit.map(Value::from)),
        ])
    })
}

/// A `value[x]` of an observation or component.
fn value() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    prop_oneof![
        3 => quantity().prop_map(|it| Some(("valueQuantity", it))),
        2 => concept().prop_map(|it| Some(("valueCodeableConcept", it))),
        1 => one(&WORDS).prop_map(|it| Some(("valueString", it))),
        1 => one(&DATES).prop_map(|it| Some(("valueDateTime", it))),
        1 => Just(None),
    ]
}

fn component() -> impl Strategy<Value = Value> {
    (concept(), value()).prop_map(|(code, value)| {
        let mut component = json!({ "code": code });
        component.as_object_mut().expect("an object").extend(value.map(|(name, it)| (name.to_owned(), it)));
        component
    })
}

fn reference() -> impl Strategy<Value = Value> {
    let identifier = || {
        (of(one(&SYSTEMS)), one(&CODES))
            .prop_map(|(system, value)| object(vec![("system", system), ("value", Some(value))]))
    };
    let literal = (0..9_u8).prop_map(|i| format!("Patient/r{i}"));
    prop_oneof![
        3 => literal.clone().prop_map(|it| json!({ "reference": it })),
        1 => identifier().prop_map(|it| json!({ "identifier": it })),
        1 => (literal, identifier()).prop_map(|(it, identifier)| json!({ "reference": it, "identifier": identifier })),
    ]
}

fn effective() -> impl Strategy<Value = Option<(&'static str, Value)>> {
    prop_oneof![
        Just(None),
        one(&DATES).prop_map(|it| Some(("effectiveDateTime", it))),
        (0..DATES.len(), 0..DATES.len(), 0..3_u8).prop_map(|(a, b, open)| {
            let start = (open != 1).then(|| DATES[a.min(b)].into());
            let end = (open != 2).then(|| DATES[a.max(b)].into());
            Some(("effectivePeriod", object(vec![("start", start), ("end", end)])))
        }),
    ]
}

fn observation() -> impl Strategy<Value = Value> {
    (component(), of(reference()), effective(), vec(component(), 0..3)).prop_map(
        |(mut observation, subject, effective, mut components)| {
            // obs-7 forbids a value beside a component of the same code.
            components.retain(|it| !shares_coding(it, &observation));
            observation["status"] = "final".into();
            let members = observation.as_object_mut().expect("an object");
            members.extend(subject.map(|it| ("subject".to_owned(), it)));
            members.extend(effective.map(|(name, it)| (name.to_owned(), it)));
            members.extend(list(components).map(|it| ("component".to_owned(), it)));
            observation
        },
    )
}

/// Whether two have a coding of their codes in common.
pub fn shares_coding(one: &Value, other: &Value) -> bool {
    let codings = |it: &Value| it["code"]["coding"].as_array().cloned().unwrap_or_default();
    codings(one).iter().any(|it| codings(other).contains(it))
}

fn value_set() -> impl Strategy<Value = Value> {
    of(one(&URLS)).prop_map(|url| object(vec![("status", Some("active".into())), ("url", url)]))
}
