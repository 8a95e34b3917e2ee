//! From a selected element to index values, by the parameter's type and the element's.

use super::super::modifier::{SEGMENTS, borders, versions};
use super::super::near::Spot;
use super::super::number::decimal;
use super::super::{First, IndexSink, ParamId, Target, Unit};
use crate::json::Value;
use crate::path::{Item, Node};
use crate::primitive::datetime;
use crate::spec::{ParamType, Spec};

/// Currencies, the system of Money.currency (datatypes.html#Money).
const CURRENCIES: &str = "urn:iso:std:iso:4217";
/// What a boolean is a code of (search.html#token).
const SPECIAL_VALUES: &str = "http://terminology.hl7.org/CodeSystem/special-values";

/// Tells the values of one parameter.
pub(super) struct Teller<'s> {
    pub(super) spec: &'s Spec,
    pub(super) base: &'s str,
    pub(super) id: ParamId,
    pub(super) kind: ParamType,
    /// Under what to tell values that only a modifier asks for; not in a composite.
    pub(super) aside: Option<ParamId>,
    /// The type that the parameter's references lead to, where its expression says so.
    pub(super) target: Option<&'s str>,
    pub(super) sink: &'s mut dyn IndexSink,
    /// Whether anything was told.
    pub(super) told: bool,
    /// How many more pairs of a composite may be told.
    pub(super) pairs: usize,
}

impl Teller<'_> {
    pub(super) fn tell(&mut self, item: &Item<'_>) {
        match item {
            Item::Node(node) => {
                if let Some(value) = node.value() {
                    self.element(node, value);
                }
            }
            // A computed value: `Patient.deceased.exists() and Patient.deceased != false`.
            Item::Boolean(it) if self.kind == ParamType::Token => {
                self.told = true;
                self.sink.token(self.id, Some(SPECIAL_VALUES), if *it { "true" } else { "false" });
            }
            _ => {}
        }
    }

    fn element(&mut self, node: &Node<'_>, value: Value<'_>) {
        let of = &*self.spec.of(node.of).name;
        self.told |= match self.kind {
            ParamType::Token => self.token(of, node, value),
            ParamType::String => self.string(of, value),
            ParamType::Date => self.date(of, value),
            ParamType::Number => self.number(of, value),
            ParamType::Quantity => self.quantity(of, value),
            ParamType::Reference => self.reference(of, value),
            ParamType::Uri => self.uri(value),
            ParamType::Special => self.place(value),
            ParamType::Composite => false,
        };
    }

    /// search.html#token
    fn token(&mut self, of: &str, node: &Node<'_>, value: Value<'_>) -> bool {
        match of {
            "Coding" => self.coding(value.str("system"), value.str("code")),
            "CodeableConcept" => {
                let codings = value.get("coding").into_iter().flat_map(Value::each);
                codings.fold(false, |told, it| self.coding(it.str("system"), it.str("code")) | told)
            }
            "Identifier" => {
                self.of_type(value);
                self.coding(value.str("system"), value.str("value"))
            }
            "ContactPoint" => self.coding(None, value.str("value")),
            "code" => {
                let Some(code) = value.as_str() else { return false };
                match self.implied_system(node, code) {
                    Some(system) => self.sink.token(self.id, Some(&system), code),
                    None => self.sink.token(self.id, None, code),
                }
                true
            }
            "boolean" => self.coding(Some(SPECIAL_VALUES), value.scalar()),
            _ => self.coding(None, value.scalar()),
        }
    }

    /// For `:of-type`: the identifier's value with each of its types (search.html#modifiers).
    fn of_type(&mut self, identifier: Value<'_>) {
        let (Some(aside), Some(text)) = (self.aside, identifier.str("value")) else { return };
        let types = identifier.get("type").and_then(|it| it.get("coding"));
        for of in types.into_iter().flat_map(Value::each) {
            if let (Some(system), Some(code)) = (of.str("system"), of.str("code")) {
                let of_type = self.sink.composite(aside, First::Coding(Some(system), code));
                self.sink.uri(of_type, text);
            }
        }
    }

    fn coding(&mut self, system: Option<&str>, code: Option<&str>) -> bool {
        match (system, code) {
            (system, Some(code)) => self.sink.token(self.id, system, code),
            (Some(system), None) => self.sink.system(self.id, system),
            (None, None) => return false,
        }
        true
    }

    /// The system of a `code` element, which its binding implies (search.html#token).
    fn implied_system(&self, node: &Node<'_>, code: &str) -> Option<String> {
        let (owner, element) = node.element?;
        let binding = self.spec.of(owner).elements.get(usize::from(element))?.binding.as_ref()?;
        let systems = &self.spec.value_set(&binding.value_set)?.codes;
        systems.iter().find(|it| it.has(code)).map(|it| it.system.to_string())
    }

    /// search.html#string
    fn string(&mut self, of: &str, value: Value<'_>) -> bool {
        let texts = strings(of, value);
        for text in &texts {
            self.sink.string(self.id, text);
        }
        !texts.is_empty()
    }

    /// search.html#date
    fn date(&mut self, of: &str, value: Value<'_>) -> bool {
        let range = match of {
            "Period" => period(value),
            "Timing" => timing(value),
            _ => value.as_str().and_then(datetime::range).map(|it| (it.low, it.high)),
        };
        let Some((low, high)) = range else { return false };
        self.sink.date(self.id, low, high);
        true
    }

    /// search.html#number
    fn number(&mut self, of: &str, value: Value<'_>) -> bool {
        let range = match of {
            "Range" => range(value).map(|(low, high, _)| (low, high)),
            _ => value.as_number().and_then(decimal).map(|it| (it, it)),
        };
        let Some((low, high)) = range else { return false };
        self.sink.number(self.id, low, high);
        true
    }

    /// search.html#quantity
    fn quantity(&mut self, of: &str, value: Value<'_>) -> bool {
        let (amount, unit) = match of {
            "Money" => {
                let unit = Unit { system: Some(CURRENCIES), code: value.str("currency"), unit: None };
                (value.get("value").and_then(amount).map(|it| (it, it)), unit)
            }
            "Range" => match range(value) {
                Some((low, high, unit)) => (Some((low, high)), unit),
                None => (None, Unit::default()),
            },
            _ => (compared(value), unit(value)),
        };
        let Some((low, high)) = amount else { return false };
        self.sink.quantity(self.id, unit, low, high);
        true
    }

    /// search.html#reference
    fn reference(&mut self, of: &str, value: Value<'_>) -> bool {
        let text = match of {
            "Reference" => value.str("reference"),
            // Consent.source[x] may be a document instead.
            "Attachment" => return false,
            _ => value.as_str(),
        };
        let identifier = value.get("identifier").and_then(|it| Some((it.str("system"), it.str("value")?)));
        if let (Some(aside), Some((system, text))) = (self.aside, identifier) {
            self.sink.token(aside, system, text);
        }
        if let (None, Some((system, identifier))) = (text, identifier) {
            self.sink.logical(self.id, value.str("type").or(self.target), system, identifier);
            return true;
        }
        // A contained resource has no identity of its own, nor has what is known by a name alone: such a reference is
        // there (`:missing`), and no search finds where it points.
        let Some(text) = text.filter(|it| !it.starts_with('#')) else {
            self.sink.reference(self.id, &Target::Url("#"));
            return true;
        };
        self.sink.reference(self.id, &Target::parse(text, self.base));
        if let Some((aside, versioned)) = self.aside.zip(Target::versioned(text, self.base)) {
            self.sink.uri(aside, versioned);
        }
        // A canonical is found with and without its version (references.html#canonical).
        if let Some((url, _)) = text.split_once('|') {
            self.sink.reference(self.id, &Target::Url(url));
            if let Some(aside) = self.aside {
                versions(text).take(SEGMENTS).for_each(|it| self.sink.uri(aside, it));
            }
        }
        true
    }

    /// location.html#positional
    fn place(&mut self, value: Value<'_>) -> bool {
        let degrees = |name| value.get(name).and_then(amount);
        let spot = degrees("latitude").zip(degrees("longitude")).and_then(|(lat, long)| Spot::at(lat, long));
        let Some(spot) = spot else { return false };
        self.sink.place(self.id, &spot);
        true
    }

    /// search.html#uri
    fn uri(&mut self, value: Value<'_>) -> bool {
        let Some(uri) = value.as_str() else { return false };
        self.sink.uri(self.id, uri);
        if let Some(aside) = self.aside {
            borders(uri).take(SEGMENTS).for_each(|it| self.sink.uri(aside, it));
        }
        true
    }
}

/// The texts that a string parameter finds an element by (search.html#string).
pub(super) fn strings<'a>(of: &str, value: Value<'a>) -> Vec<&'a str> {
    let parts: &[&str] = match of {
        "HumanName" => &["text", "family", "given", "prefix", "suffix"],
        "Address" => &["text", "line", "city", "district", "state", "postalCode", "country"],
        _ => return value.as_str().into_iter().collect(),
    };
    parts.iter().filter_map(|it| value.get(it)).flat_map(Value::each).filter_map(Value::as_str).collect()
}

/// A plain number.
pub(super) fn number(item: &Item<'_>) -> Option<f64> {
    amount(item.node()?.value()?)
}

fn amount(value: Value<'_>) -> Option<f64> {
    value.as_number().and_then(decimal)
}

fn unit<'a>(quantity: Value<'a>) -> Unit<'a> {
    Unit { system: quantity.str("system"), code: quantity.str("code"), unit: quantity.str("unit") }
}

/// A quantity's value; with a comparator, all that it may be (datatypes.html#Quantity).
fn compared(quantity: Value<'_>) -> Option<(f64, f64)> {
    let value = quantity.get("value").and_then(amount)?;
    Some(match quantity.str("comparator") {
        Some("<" | "<=") => (f64::NEG_INFINITY, value),
        Some(">" | ">=") => (value, f64::INFINITY),
        _ => (value, value),
    })
}

fn range<'a>(range: Value<'a>) -> Option<(f64, f64, Unit<'a>)> {
    let (low, high) = (range.get("low"), range.get("high"));
    let end = |it: Option<Value<'_>>| it.and_then(|it| it.get("value")).and_then(amount);
    let unit = low.or(high).map(unit)?;
    match (end(low), end(high)) {
        (None, None) => None,
        (from, to) => Some((from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY), unit)),
    }
}

/// A period from the start of its start to the end of its end; a missing end is open (datatypes.html#Period).
fn period(value: Value<'_>) -> Option<(i64, i64)> {
    let end = |name| value.str(name).and_then(datetime::range);
    match (end("start"), end("end")) {
        (None, None) => None,
        (from, to) => Some((from.map_or(i64::MIN, |it| it.low), to.map_or(i64::MAX, |it| it.high))),
    }
}

/// The outer limits of a Timing (search.html#date): of its events and of the period that bounds its repeats.
fn timing(value: Value<'_>) -> Option<(i64, i64)> {
    let events = value.get("event").into_iter().flat_map(Value::each).filter_map(Value::as_str);
    let events = events.filter_map(datetime::range).map(|it| (it.low, it.high));
    let bounds = value.get("repeat").and_then(|it| it.get("boundsPeriod")).and_then(period);
    events.chain(bounds).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
