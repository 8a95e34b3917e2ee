//! Equality, equivalence and order (FHIRPath N1, sections "Equality" and "Comparison").

use super::context::Services;
use super::error::{Result, fail};
use super::eval::Eval;
use super::item::{Item, Items, Node};
use super::number;
use super::quantity::{Quantity, Unit};
use super::types::{Class, tables};
use crate::json::Value;
use rust_decimal::Decimal;
use rustc_hash::{FxHashMap, FxHasher};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// `=` of two items; `None` where precision or units leave it open.
pub(super) fn equal(a: &Item<'_>, b: &Item<'_>, services: &dyn Services) -> Option<bool> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Some(a == b);
    }
    if let (Item::Node(a), Item::Node(b)) = (a, b)
        && (a == b || same_json(a, b))
    {
        return Some(true);
    }
    let (Some(a), Some(b)) = (a.to_system(), b.to_system()) else { return Some(false) };
    match pair(&a, &b) {
        Pair::Numbers(a, b) => Some(a == b),
        Pair::Times(a, b) => a.compare(&b).map(Ordering::is_eq),
        Pair::Quantities(a, b) => a.compare(&b, services).map(Ordering::is_eq),
        Pair::Other => Some(match (&a, &b) {
            (Item::Boolean(a), Item::Boolean(b)) => a == b,
            (Item::String(a), Item::String(b)) => a == b,
            (Item::Type { namespace, name }, Item::Type { namespace: n, name: m }) => (namespace, name) == (n, m),
            _ => false,
        }),
    }
}

fn same_json(a: &Node<'_>, b: &Node<'_>) -> bool {
    let same = |a: Option<Value<'_>>, b: Option<Value<'_>>| match (a, b) {
        (Some(a), Some(b)) => a.same(b),
        (None, None) => true,
        _ => false,
    };
    same(a.value(), b.value()) && same(a.companion(), b.companion()) && (a.value().is_some() || a.of == b.of)
}

/// Two values brought to one type, where one converts to the other's by itself.
enum Pair<'i> {
    Numbers(Decimal, Decimal),
    Times(super::temporal::Stamp, super::temporal::Stamp),
    Quantities(Quantity<'i>, Quantity<'i>),
    Other,
}

fn pair<'i>(a: &'i Item<'_>, b: &'i Item<'_>) -> Pair<'i> {
    if let (Some(a), Some(b)) = (as_decimal(a), as_decimal(b)) {
        return Pair::Numbers(a, b);
    }
    match (a, b) {
        (Item::Date(a) | Item::DateTime(a), Item::Date(b) | Item::DateTime(b)) => Pair::Times(*a, *b),
        (Item::Time(a), Item::Time(b)) => Pair::Times(*a, *b),
        (Item::Quantity(_), _) | (_, Item::Quantity(_)) => match (as_quantity(a), as_quantity(b)) {
            (Some(a), Some(b)) => Pair::Quantities(a, b),
            _ => Pair::Other,
        },
        _ => Pair::Other,
    }
}

/// An integer or decimal as a decimal.
pub(super) fn as_decimal(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(it) => Some((*it).into()),
        Item::Decimal(it) => Some(*it),
        _ => None,
    }
}

/// A quantity, or a number as one without unit.
pub(super) fn as_quantity<'i>(item: &'i Item<'_>) -> Option<Quantity<'i>> {
    match item {
        Item::Quantity(it) => Some(it.borrow()),
        number => as_decimal(number).map(|it| Quantity::ucum(it, "1")),
    }
}

/// `=` of two collections: the same items in the same order; `None` where one is empty or an item leaves it open.
pub(super) fn all_equal(a: &[Item<'_>], b: &[Item<'_>], services: &dyn Services) -> Option<bool> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if a.len() != b.len() {
        return Some(false);
    }
    let mut answer = Some(true);
    for (a, b) in a.iter().zip(b) {
        match equal(a, b, services) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => answer = None,
        }
    }
    answer
}

/// `~` of two items.
pub(super) fn equivalent(a: &Item<'_>, b: &Item<'_>, services: &dyn Services) -> bool {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return plain(a) == plain(b);
    }
    if let (Item::Node(a), Item::Node(b)) = (a, b)
        && a.to_system().is_none()
        && let (Some(a), Some(b)) = (a.value(), b.value())
    {
        return equivalent_json(a, b);
    }
    let (Some(a), Some(b)) = (a.to_system(), b.to_system()) else { return false };
    match pair(&a, &b) {
        Pair::Numbers(a, b) => number::equivalent(a, b),
        Pair::Times(a, b) => a.precision == b.precision && a.compare(&b) == Some(Ordering::Equal),
        Pair::Quantities(a, b) => a.equivalent(&b, services),
        Pair::Other => equal(&a, &b, services).unwrap_or(false),
    }
}

/// Strings are equivalent whatever their case and white space.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Equivalence of elements: the same members with equivalent values; items of arrays in any order.
fn equivalent_json(a: Value<'_>, b: Value<'_>) -> bool {
    use crate::json::Kind;
    match (a.kind(), b.kind()) {
        (Kind::Object, Kind::Object) => {
            a.len() == b.len() && a.children().all(|it| b.get(it.key()).is_some_and(|twin| equivalent_json(it, twin)))
        }
        (Kind::Array, Kind::Array) => matched(a.children(), b.children().collect(), |a, b| equivalent_json(*a, *b)),
        (Kind::String, Kind::String) => a.as_str().map(plain) == b.as_str().map(plain),
        (Kind::Number, Kind::Number) => {
            match (a.as_number().and_then(number::decimal), b.as_number().and_then(number::decimal)) {
                (Some(a), Some(b)) => number::equivalent(a, b),
                _ => a.same(b),
            }
        }
        _ => a.same(b),
    }
}

/// Whether each item has a partner of its own on the other side.
fn matched<T>(a: impl Iterator<Item = T>, mut b: Vec<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    for item in a {
        match b.iter().position(|it| same(&item, it)) {
            Some(at) => b.swap_remove(at),
            None => return false,
        };
    }
    b.is_empty()
}

/// `~` of two collections: the same items in any order.
pub(super) fn all_equivalent(eval: &Eval<'_, '_>, a: &[Item<'_>], b: &[Item<'_>]) -> Result<bool> {
    if a.len() != b.len() {
        return Ok(false);
    }
    eval.spend(a.len() * b.len())?;
    Ok(matched(a.iter(), b.iter().collect(), |a, b| equivalent(a, b, eval.context.services)))
}

/// Which comes first; `None` where precision or units leave it open.
pub(super) fn order(a: &Item<'_>, b: &Item<'_>, services: &dyn Services) -> Result<Option<Ordering>> {
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return Ok(Some(a.cmp(b)));
    }
    let (Some(left), Some(right)) = (a.to_system(), b.to_system()) else {
        // A quantity with a comparator or without a value may be anything.
        let is_quantity = |it: &Item<'_>| it.node().is_some_and(|it| tables().class(it.of) == Class::Quantity);
        if is_quantity(a) || is_quantity(b) {
            return Ok(None);
        }
        return fail(format!("{a:?} and {b:?} cannot be compared"));
    };
    match pair(&left, &right) {
        Pair::Numbers(a, b) => Ok(Some(a.cmp(&b))),
        Pair::Times(a, b) => Ok(a.compare(&b)),
        Pair::Quantities(a, b) => Ok(a.compare(&b, services)),
        Pair::Other => fail(format!("{a:?} and {b:?} cannot be compared")),
    }
}

/// Collections up to this size are searched one by one.
const FEW: usize = 12;

/// Items seen so far, found again by equality without comparing each with each.
pub(super) struct Seen<'a> {
    items: Items<'a>,
    /// Positions by hash, once there are many.
    by_hash: FxHashMap<u64, Vec<usize>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new() -> Seen<'a> {
        Seen { items: Items::new(), by_hash: FxHashMap::default() }
    }

    pub(super) fn of(eval: &Eval<'a, '_>, items: &[Item<'a>]) -> Result<Seen<'a>> {
        let mut seen = Seen::new();
        for item in items {
            seen.add(eval, item.clone())?;
        }
        Ok(seen)
    }

    pub(super) fn has(&self, eval: &Eval<'_, '_>, item: &Item<'_>) -> Result<bool> {
        let same = |it: &Item<'_>| equal(it, item, eval.context.services) == Some(true);
        if self.items.len() <= FEW {
            eval.spend(self.items.len())?;
            return Ok(self.items.iter().any(same));
        }
        let Some(positions) = self.by_hash.get(&hash(item, eval.context.services)) else { return Ok(false) };
        eval.spend(positions.len())?;
        Ok(positions.iter().filter_map(|it| self.items.get(*it)).any(same))
    }

    /// Adds an item that is not there yet; says whether it did.
    pub(super) fn add(&mut self, eval: &Eval<'_, '_>, item: Item<'a>) -> Result<bool> {
        if self.has(eval, &item)? {
            return Ok(false);
        }
        self.items.push(item);
        // The first few are hashed together when there come to be more.
        let unhashed = match self.items.len() {
            few if few <= FEW => return Ok(true),
            len if len == FEW + 1 => 0,
            len => len - 1,
        };
        for (at, item) in self.items.iter().enumerate().skip(unhashed) {
            self.by_hash.entry(hash(item, eval.context.services)).or_default().push(at);
        }
        Ok(true)
    }

    pub(super) fn into_items(self) -> Items<'a> {
        self.items
    }
}

/// Equal items have equal hashes; what converts to one another goes by the least they share.
fn hash(item: &Item<'_>, services: &dyn Services) -> u64 {
    let mut hasher = FxHasher::default();
    if let Some(text) = item.as_str() {
        text.hash(&mut hasher);
        return hasher.finish();
    }
    match item.to_system() {
        Some(Item::Boolean(it)) => it.hash(&mut hasher),
        Some(Item::Integer(it)) => Decimal::from(it).hash(&mut hasher),
        Some(Item::Decimal(it)) => it.normalize().hash(&mut hasher),
        // `50 '%'` is the number 0.5.
        Some(Item::Quantity(Quantity { value, unit: Unit::Ucum(code) })) => {
            let plain = if code == "1" { Some(value.normalize()) } else { services.convert(value, &code, "1") };
            if let Some(plain) = plain {
                plain.hash(&mut hasher);
            }
        }
        Some(_) => {}
        // Members may stand in any order.
        None => item.node().and_then(Node::value).map_or(0, members_hash).hash(&mut hasher),
    }
    hasher.finish()
}

fn members_hash(value: Value<'_>) -> u64 {
    value.children().map(|it| it.as_str().map_or(0, text_hash)).fold(0, u64::wrapping_add)
}

fn text_hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Puts each different item into `out` once.
pub(super) fn distinct<'a>(eval: &Eval<'a, '_>, items: Items<'a>, out: &mut Items<'a>) -> Result<()> {
    if items.len() < 2 {
        out.extend(items);
        return Ok(());
    }
    let mut seen = Seen::new();
    for item in items {
        seen.add(eval, item)?;
    }
    out.append(&mut seen.into_items());
    Ok(())
}
