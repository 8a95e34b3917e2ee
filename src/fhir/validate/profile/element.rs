//! What one ElementDefinition (elementdefinition.html) asks, read from JSON.

use super::Fault;
use super::additional::Additional;
use super::aggregation::Aggregation;
use super::key::Segment;
use crate::json::{Doc, Value};
use crate::spec::{Binding, Constraint, Strength, r4};
use std::sync::Arc;

/// An ElementDefinition, as far as it can be checked. What it does not say is `None` or empty.
#[derive(Default)]
pub(super) struct ElementDef {
    /// Where it is, below the root.
    pub key: Vec<Segment>,
    pub min: Option<u32>,
    pub max: Option<Max>,
    pub types: Option<Vec<TypeDef>>,
    pub value: Option<Wanted>,
    pub slicing: Option<SlicingDef>,
    pub binding: Option<Binding>,
    pub additional: Option<Vec<Additional>>,
    pub constraints: Vec<Constraint>,
    pub max_length: Option<u32>,
}

/// Greatest number of occurrences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Max {
    Unbounded,
    Times(u32),
}

/// ElementDefinition.type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeDef {
    pub code: Box<str>,
    pub profiles: Vec<Box<str>>,
    pub targets: Vec<Box<str>>,
    pub aggregation: Aggregation,
}

/// `fixed[x]` or `pattern[x]`.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub is_exact: bool,
    pub value: Arc<Doc>,
}

/// ElementDefinition.slicing.
pub(super) struct SlicingDef {
    pub discriminators: Vec<(Box<str>, Box<str>)>,
    pub is_ordered: bool,
    pub rules: SlicingRules,
}

/// What may stand beside the slices (valueset-resource-slicing-rules.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlicingRules {
    Open,
    Closed,
    OpenAtEnd,
}

impl ElementDef {
    pub(super) fn read(key: Vec<Segment>, json: Value<'_>) -> Result<ElementDef, Fault> {
        let fault = |problem: &str| Fault::at(json, problem);
        let count = |name: &str| match json.get(name) {
            None => Ok(None),
            Some(it) => {
                it.as_number().and_then(|it| it.parse().ok()).map(Some).ok_or_else(|| fault("a count is no number"))
            }
        };
        let max = match json.str("max") {
            None => None,
            Some("*") => Some(Max::Unbounded),
            Some(digits) => Some(Max::Times(digits.parse().map_err(|_| fault("its max is neither a number nor *"))?)),
        };
        let mut constraints: Vec<Constraint> = list(json, "constraint").filter_map(constraint).collect();
        constraints.extend(limits(json)?);
        Ok(ElementDef {
            key,
            min: count("min")?,
            max,
            types: types(json),
            value: wanted(json)?,
            slicing: json.get("slicing").map(|it| slicing(json, it)).transpose()?,
            binding: binding(json)?,
            additional: json.get("binding").map(Additional::all),
            constraints,
            max_length: count("maxLength")?,
        })
    }

    /// Takes over what a derived definition of the same element says (profiling.html#snapshot).
    pub(super) fn narrow(&mut self, by: ElementDef) {
        fn take<T>(mine: &mut Option<T>, other: Option<T>) {
            if other.is_some() {
                *mine = other;
            }
        }
        take(&mut self.min, by.min);
        take(&mut self.max, by.max);
        take(&mut self.types, by.types);
        take(&mut self.value, by.value);
        take(&mut self.slicing, by.slicing);
        take(&mut self.binding, by.binding);
        take(&mut self.additional, by.additional);
        take(&mut self.max_length, by.max_length);
        for constraint in by.constraints {
            if !self.constraints.contains(&constraint) {
                self.constraints.push(constraint);
            }
        }
    }
}

fn list<'a>(json: Value<'a>, name: &str) -> impl Iterator<Item = Value<'a>> {
    json.get(name).into_iter().flat_map(Value::each)
}

fn texts(json: Value<'_>, name: &str) -> Vec<Box<str>> {
    list(json, name).filter_map(|it| it.as_str().map(Box::from)).collect()
}

fn types(json: Value<'_>) -> Option<Vec<TypeDef>> {
    let read = |it: Value<'_>| {
        Some(TypeDef {
            code: it.str("code")?.into(),
            profiles: texts(it, "profile"),
            targets: texts(it, "targetProfile"),
            aggregation: Aggregation::read(it),
        })
    };
    json.get("type").map(|it| it.each().filter_map(read).collect())
}

fn wanted(json: Value<'_>) -> Result<Option<Wanted>, Fault> {
    let found = json.children().find_map(|it| {
        let is_exact = it.key().starts_with("fixed");
        (is_exact || it.key().starts_with("pattern")).then_some((is_exact, it))
    });
    let Some((is_exact, value)) = found else { return Ok(None) };
    let value = Doc::parse(value.raw()).map_err(|_| Fault::at(json, "its fixed or pattern value is no JSON"))?;
    Ok(Some(Wanted { is_exact, value: Arc::new(value) }))
}

fn slicing(json: Value<'_>, slicing: Value<'_>) -> Result<SlicingDef, Fault> {
    let discriminator = |it: Value<'_>| Some((it.str("type")?.into(), it.str("path")?.into()));
    Ok(SlicingDef {
        discriminators: list(slicing, "discriminator").filter_map(discriminator).collect(),
        is_ordered: slicing.get("ordered").and_then(Value::as_bool).unwrap_or(false),
        rules: match slicing.str("rules") {
            Some("closed") => SlicingRules::Closed,
            Some("openAtEnd") => SlicingRules::OpenAtEnd,
            Some("open") => SlicingRules::Open,
            _ => return Err(Fault::at(json, "the rules of its slicing are not open, closed or openAtEnd")),
        },
    })
}

fn binding(json: Value<'_>) -> Result<Option<Binding>, Fault> {
    let Some(binding) = json.get("binding") else { return Ok(None) };
    let strength = binding.str("strength").and_then(Strength::from_code);
    let strength = strength.ok_or_else(|| Fault::at(json, "the strength of its binding is not one of R4's"))?;
    Ok(binding.str("valueSet").map(|it| Binding { strength, value_set: it.into() }))
}

fn constraint(json: Value<'_>) -> Option<Constraint> {
    Some(Constraint {
        key: json.str("key")?.into(),
        is_error: json.str("severity") != Some("warning"),
        human: json.str("human").unwrap_or_default().into(),
        expression: json.str("expression")?.into(),
    })
}

/// `minValue[x]` and `maxValue[x]` as invariants, so that there is one way to compare.
fn limits(json: Value<'_>) -> Result<Vec<Constraint>, Fault> {
    let mut all = Vec::new();
    for (member, operator, word) in [("minValue", ">=", "least"), ("maxValue", "<=", "most")] {
        let Some(limit) = json.children().find(|it| it.key().starts_with(member)) else { continue };
        let of = limit.key().trim_start_matches(member);
        let of_date = of == "Quantity" && is_date(json);
        let expression = if of_date {
            duration(limit).map(|it| from_now(operator, &it))
        } else {
            literal(of, limit).map(|it| format!("$this {operator} {it}"))
        };
        let expression = expression
            .ok_or_else(|| Fault::at(json, "its least or greatest value is of a kind that cannot be compared"))?;
        all.push(Constraint {
            key: member.into(),
            is_error: true,
            human: format!("The value must be at {word} what the profile allows.").into(),
            expression: expression.into(),
        });
    }
    Ok(all)
}

/// Whether an element is a date or a time, by its types or, where a differential does not repeat those, by R4's.
fn is_date(json: Value<'_>) -> bool {
    let is_one = |it: &str| matches!(it, "date" | "dateTime" | "instant");
    match types(json) {
        Some(types) => types.iter().any(|it| is_one(&it.code)),
        None => json.str("path").and_then(path_type).is_some_and(is_one),
    }
}

/// The name of the type of the element with this path; of a choice the first.
fn path_type(path: &str) -> Option<&'static str> {
    let mut steps = path.split('.');
    let mut of = r4().type_named(steps.next()?)?;
    for step in steps {
        let ty = r4().of(of);
        let name = step.strip_suffix("[x]").unwrap_or(step);
        of = match ty.element(name) {
            Some(element) => *element.types.first()?,
            None => ty.property(name)?.of,
        };
    }
    Some(&r4().of(of).name)
}

/// A limit that goes with the clock: a duration is subtracted from now for the least value, and added for the greatest.
fn from_now(operator: &str, duration: &str) -> String {
    let sign = if operator == ">=" { '-' } else { '+' };
    format!("iif($this is date, $this {operator} today() {sign} {duration}, $this {operator} now() {sign} {duration})")
}

/// A duration as FHIRPath adds it to a date: in units of the calendar.
fn duration(value: Value<'_>) -> Option<String> {
    let unit = match value.str("code")? {
        "a" => "years",
        "mo" => "months",
        "wk" => "weeks",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        _ => return None,
    };
    Some(format!("{} {unit}", value.get("value")?.as_number()?))
}

/// A value as FHIRPath writes it.
fn literal(of: &str, value: Value<'_>) -> Option<String> {
    match of {
        "Date" | "DateTime" | "Instant" => {
            let text = value.as_str().filter(|it| it.bytes().all(is_of_date))?;
            Some(format!("@{text}"))
        }
        "Time" => value.as_str().filter(|it| it.bytes().all(is_of_date)).map(|it| format!("@T{it}")),
        "Quantity" => {
            let code = value.str("code").filter(|it| !it.contains(['\'', '\\']))?;
            Some(format!("{} '{code}'", value.get("value")?.as_number()?))
        }
        _ => value.as_number().map(str::to_owned),
    }
}

fn is_of_date(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'T' | b'Z' | b'+')
}
