//! What a member holds: one value or an array of them, and a primitive's companion (json.html).

use super::rules::{Place, Shape};
use super::walk::Walk;
use crate::json::{Kind, Value};
use crate::outcome::IssueType;
use crate::primitive::{Primitive, xhtml};

impl<'a, 's> Walk<'a, 's> {
    /// What a member holds: one value or an array, as the element asks (json.html#repeats).
    pub(super) fn values(&mut self, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
        if child.is_null() {
            let text = format!("{} must not be null; leave the element out.", place.name);
            self.report(IssueType::Structure, child, text);
            return;
        }
        if child.is_array() != place.element.is_array {
            self.wrong_repetition(place, child);
        }
        if !child.is_array() {
            self.value(place, child);
            return;
        }
        let mut count = 0;
        let mut has_null = false;
        for item in child.children() {
            if self.is_full() {
                return;
            }
            count += 1;
            if item.is_null() {
                has_null = true;
            } else {
                self.value(place, item);
            }
        }
        if has_null {
            self.nulls(place, parent, child);
        }
        self.count(place, child, count);
        if place.rules.holds_contained && count > 1 {
            self.contained_ids();
        }
    }

    fn wrong_repetition(&mut self, place: Place<'a, 's>, child: Value<'a>) {
        let text = if place.element.is_array {
            format!("{} must be an array, even for one value.", child.key())
        } else {
            format!("{} must be one value, not an array.", child.key())
        };
        self.report(IssueType::Structure, child, text);
    }

    fn count(&mut self, place: Place<'a, 's>, child: Value<'a>, count: usize) {
        let name = place.name;
        if count == 0 {
            let text = format!("{} must not be an empty array; leave the element out.", child.key());
            self.report(IssueType::Structure, child, text);
        } else if count < usize::from(place.element.min) {
            let text = format!("{name} must be there at least {} times.", place.element.min);
            self.report(IssueType::Required, child, text);
        }
        if let Some(max) = place.element.max.filter(|it| count > usize::from(*it) && place.element.is_array) {
            self.report(IssueType::Structure, child, format!("{name} may be there at most {max} times."));
        }
    }

    /// Nulls in an array of primitives: each stands for a value that only its companion tells about (json.html#null).
    fn nulls(&mut self, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
        let twin = parent.children().find(|it| it.key().strip_prefix('_') == Some(place.name));
        let mut companions = twin.map(Value::each);
        for item in child.children() {
            let companion = companions.as_mut().and_then(Iterator::next);
            if item.is_null() && !companion.is_some_and(Value::is_object) {
                let text = format!(
                    "null in {0} must have an object at the same position of _{0}; leave the item out otherwise.",
                    place.name
                );
                self.report(IssueType::Structure, item, text);
            }
        }
    }

    /// `_name`: the ids and extensions of a primitive's values (json.html#primitive).
    pub(super) fn companions(&mut self, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
        let is_primitive = matches!(self.validator.rules(place.of).shape, Shape::Primitive(_));
        if !is_primitive || !place.rules.has_companion {
            let text = format!("{} is not an element: {} has no extensions beside it.", child.key(), place.name);
            self.report(IssueType::Structure, parent, text);
            return;
        }
        if child.is_array() != place.element.is_array {
            self.wrong_repetition(place, child);
            return;
        }
        if !child.is_array() {
            self.companion(child, parent.get(place.name).is_some());
            return;
        }
        let values = parent.get(place.name).filter(|it| it.is_array());
        let mut items = values.map(Value::children);
        let mut count = 0;
        for companion in child.children() {
            count += 1;
            let item = items.as_mut().and_then(Iterator::next);
            if !companion.is_null() {
                self.companion(companion, item.is_some_and(|it| !it.is_null()));
            } else if item.is_none() {
                let text = format!("null in {} must have a value at the same position of {}.", child.key(), place.name);
                self.report(IssueType::Structure, companion, text);
            }
        }
        if values.is_some_and(|it| it.len() != count) {
            let text = format!("{0} and _{0} must have the same number of items; null fills the gaps.", place.name);
            self.report(IssueType::Structure, child, text);
        }
        self.count(place, child, count);
    }

    fn companion(&mut self, value: Value<'a>, has_value: bool) {
        match self.validator.companion {
            Some(element) if value.is_object() => {
                self.object(element, value);
                if !has_value && !value.is_empty() && value.get("extension").is_none() {
                    let text = "A primitive must have a value or an extension, and not only an id (ele-1).";
                    self.report(IssueType::Invariant, value, text);
                }
            }
            _ => {
                let text = format!("The companion of a primitive must be an object, but is {}.", value.kind());
                self.report(IssueType::Structure, value, text);
            }
        }
    }

    /// A primitive's value: its JSON kind, its format, its code list.
    pub(super) fn primitive(&mut self, place: Place<'a, 's>, primitive: Primitive, value: Value<'a>) {
        let name = place.name;
        let expected = primitive.json_kind();
        let Some(text) = value.scalar().filter(|_| value.kind() == expected) else {
            let text = format!("{name} must be {expected}, but is {}.", value.kind());
            self.report(IssueType::Structure, value, text);
            return;
        };
        if expected == Kind::String && text.is_empty() {
            let text = format!("{name} must not be an empty string; leave the element out.");
            self.report(IssueType::Value, value, text);
        } else if primitive == Primitive::Xhtml {
            if let Err(why) = xhtml::check(text) {
                self.report(IssueType::Value, value, format!("The narrative {why}."));
            }
        } else if !primitive.accepts(text) {
            self.report(IssueType::Value, value, format!("{name} must be {}.", primitive.format()));
        } else {
            self.code(place, value, text);
        }
    }
}
