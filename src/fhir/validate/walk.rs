//! The walk: every value once, with the element it stands for.

use super::resource::Container;
use super::rules::{Elements, Place, Shape, TypeRules};
use super::{References, Validator, expression, hint};
use crate::json::{Kind, Value};
use crate::outcome::{Issue, IssueType};
use crate::primitive::{Primitive, xhtml};
use crate::spec::{Type, TypeId};

/// More problems than this help nobody.
const MOST_ISSUES: usize = 100;

/// Objects in objects; no resource of R4 comes near, and a hostile one must not exhaust the stack.
const DEEPEST: usize = 100;

pub(super) struct Walk<'a, 's> {
    pub(super) validator: &'a Validator<'s>,
    pub(super) references: References,
    /// The resource around the current place.
    pub(super) container: Container<'a>,
    root: Value<'a>,
    issues: Vec<Issue>,
    depth: usize,
}

impl<'a, 's> Walk<'a, 's> {
    pub(super) fn new(validator: &'a Validator<'s>, root: Value<'a>, references: References) -> Walk<'a, 's> {
        Walk { validator, references, container: Container::new(root), root, issues: Vec::new(), depth: 0 }
    }

    pub(super) fn run(mut self) -> Vec<Issue> {
        self.resource(self.root, None);
        if self.is_full() {
            let text = format!("There are more problems than these {MOST_ISSUES}; the rest was not looked at.");
            self.issues.push(Issue::information(text));
        }
        self.issues
    }

    fn is_full(&self) -> bool {
        self.issues.len() >= MOST_ISSUES
    }

    /// Reports a problem of a value.
    pub(super) fn report(&mut self, code: IssueType, at: Value<'a>, diagnostics: impl Into<String>) {
        if !self.is_full() {
            let path = expression::of(self.validator.spec, self.root, at);
            self.issues.push(Issue::error(code, diagnostics).at(path));
        }
    }

    /// Reports that a value lacks an element.
    fn report_missing(&mut self, ty: &Type, position: usize, at: Value<'a>) {
        if self.is_full() {
            return;
        }
        let Some(element) = ty.elements.get(position) else {
            return;
        };
        let path = expression::of(self.validator.spec, self.root, at);
        let choice = if element.is_choice { "[x]" } else { "" };
        let text = format!("{}{choice} is required in {}.", element.name, ty.name);
        self.issues.push(Issue::error(IssueType::Required, text).at(format!("{path}.{}", element.name)));
    }

    /// An object of a type: its members, and what is missing.
    pub(super) fn object(&mut self, of: TypeId, value: Value<'a>) {
        if self.depth == DEEPEST {
            self.report(IssueType::Structure, value, format!("The resource nests deeper than {DEEPEST} levels."));
            return;
        }
        if value.is_empty() {
            self.report(IssueType::Structure, value, "An object must not be empty; leave the element out.");
            return;
        }
        self.depth += 1;
        let ty = self.validator.spec.of(of);
        let rules = self.validator.rules(of);
        let mut seen = Elements::default();
        for child in value.children() {
            if self.is_full() {
                break;
            }
            self.member(ty, rules, value, child, &mut seen);
        }
        for position in rules.required.without(seen).positions() {
            self.report_missing(ty, position, value);
        }
        self.whole(of, rules, value, seen);
        self.depth -= 1;
    }

    /// What is asked of an object as a whole, by the elements it has.
    fn whole(&mut self, of: TypeId, rules: &TypeRules<'s>, value: Value<'a>, seen: Elements) {
        if rules.shape == Shape::Resource || seen.is_empty() {
            return;
        }
        let is_companion = self.validator.companion == Some(of);
        if seen.without(rules.id).is_empty() && !is_companion {
            self.report(IssueType::Invariant, value, "An object must have more than an id (ele-1).");
        }
        if rules.shape == Shape::Extension && seen.has_any(rules.value) == seen.has_any(rules.extension) {
            let text = "An extension must have either a value[x] or extensions in it, and not both (ext-1).";
            self.report(IssueType::Invariant, value, text);
        }
    }

    fn member(
        &mut self,
        ty: &'s Type,
        rules: &'a TypeRules<'s>,
        parent: Value<'a>,
        child: Value<'a>,
        seen: &mut Elements,
    ) {
        let key = child.key();
        if key == "resourceType" && rules.shape == Shape::Resource {
            return;
        }
        let name = key.strip_prefix('_').unwrap_or(key);
        let Some(property) = ty.property(name) else {
            self.unknown(ty, parent, key);
            return;
        };
        let position = property.element as usize;
        let (Some(element), Some(element_rules)) = (ty.elements.get(position), rules.elements.get(position)) else {
            return;
        };
        let place = Place { name, element, rules: element_rules, of: property.of };
        if seen.has(position) && element.is_choice {
            self.second_choice(ty, place, parent, child);
        }
        seen.add(position);
        if element.max == Some(0) {
            self.report(IssueType::Structure, child, format!("{name} is not allowed here."));
        }
        if key.len() == name.len() { self.values(place, parent, child) } else { self.companions(place, parent, child) }
    }

    fn unknown(&mut self, ty: &Type, parent: Value<'a>, key: &str) {
        let name = key.strip_prefix('_').unwrap_or(key);
        let why = if name == "resourceType" {
            " Only a resource has one.".to_string()
        } else {
            hint::for_property(self.validator.spec, ty, name)
        };
        let text = format!("{} is not an element of {}.{why}", hint::shown(key), ty.name);
        self.report(IssueType::Structure, parent, text);
    }

    /// Reports a choice that another member has made already (formats.html#choice).
    fn second_choice(&mut self, ty: &Type, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
        let is_other = |key: &str| {
            let name = key.strip_prefix('_').unwrap_or(key);
            name != place.name
                && ty.property(name).is_some_and(|it| *ty.elements[it.element as usize].name == *place.element.name)
        };
        let other = parent.children().take_while(|it| it.index() < child.index()).find(|it| is_other(it.key()));
        if let Some(other) = other {
            let text = format!(
                "{0}[x] may be given once, but {1} and {2} are there.",
                place.element.name,
                other.key(),
                child.key()
            );
            self.report(IssueType::Structure, child, text);
        }
    }

    /// What a member holds: one value or an array, as the element asks (json.html#repeats).
    fn values(&mut self, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
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
    fn companions(&mut self, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
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

    /// One value of an element.
    fn value(&mut self, place: Place<'a, 's>, value: Value<'a>) {
        let shape = self.validator.rules(place.of).shape;
        match shape {
            Shape::Primitive(primitive) => self.primitive(place, place.rules.narrowed.unwrap_or(primitive), value),
            Shape::Resource if place.rules.holds_contained => self.contained_resource(value, place.of),
            Shape::Resource => self.resource(value, Some(place.of)),
            _ if !value.is_object() => {
                let ty = &self.validator.spec.of(place.of).name;
                let text = format!("{} must be an object ({ty}), but is {}.", place.name, value.kind());
                self.report(IssueType::Structure, value, text);
            }
            _ => {
                self.object(place.of, value);
                match shape {
                    Shape::Reference => self.reference(place, value),
                    _ => self.concept(place, shape, value),
                }
            }
        }
    }

    fn primitive(&mut self, place: Place<'a, 's>, primitive: Primitive, value: Value<'a>) {
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
