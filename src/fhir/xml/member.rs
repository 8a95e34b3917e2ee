//! JSON's members as they grow: elements of one name follow each other in XML and are one array in JSON.

use super::error::Problem;
use super::source::Tag;
use crate::json::{Kind, is_number, write_string};
use crate::primitive::Primitive;
use crate::spec::{Element, Property, Type};

/// The member that elements of one name make, while they come.
pub(super) struct Member<'s> {
    pub(super) name: &'s str,
    pub(super) property: Property,
    pub(super) is_array: bool,
    /// How many elements are done.
    pub(super) count: usize,
    /// Whether one of them has a value: companions alone make no member of this name.
    pub(super) has_value: bool,
    /// Where the member begins in the text.
    start: usize,
    /// What is beside the values of primitives: ids and extensions (json.html#primitive).
    companions: String,
}

impl<'s> Member<'s> {
    /// Begins a member of the object that `out` ends with.
    pub(super) fn begin(name: &'s str, property: Property, element: &Element, out: &mut String) -> Member<'s> {
        let start = out.len();
        key(out, "", name);
        if element.is_array {
            out.push('[');
        }
        let is_array = element.is_array;
        Member { name, property, is_array, count: 0, has_value: false, start, companions: String::new() }
    }

    /// The same, if there may be another element of it.
    pub(super) fn again(self, tag: &Tag<'_>) -> Result<Self, Problem> {
        if self.is_array {
            return Ok(self);
        }
        Err(tag.problem(format!("{} may be there once only", self.name)))
    }

    /// Checks that an element of another name may come behind (xml.html).
    pub(super) fn precedes(&self, of: &Type, property: &Property, tag: &Tag<'_>) -> Result<(), Problem> {
        if property.element > self.property.element {
            return Ok(());
        }
        let (name, before) = (tag.name(), self.name);
        Err(tag.problem(match property.element == self.property.element {
            true => format!("{before} and {name} are one choice, which may be made once only"),
            false => format!("{name} must come before {before}: {} has its elements in a fixed order", of.name),
        }))
    }

    /// Adds what is beside the primitive that has just been read: an object without its braces, or nothing.
    pub(super) fn add_companion(&mut self, members: &str) {
        if members.is_empty() && self.companions.is_empty() {
            return;
        }
        if self.is_array {
            if self.companions.is_empty() {
                self.companions.push('[');
                // Those before it have none.
                self.companions.push_str(&"null,".repeat(self.count));
            } else {
                self.companions.push(',');
            }
        }
        match members {
            "" => self.companions.push_str("null"),
            _ => self.companions.extend(["{", members, "}"]),
        }
    }

    /// Ends the member; one without a value is taken back, and its companion follows it.
    pub(super) fn close(self, out: &mut String) {
        if !self.has_value {
            out.truncate(self.start);
        } else if self.is_array {
            out.push(']');
        }
        if !self.companions.is_empty() {
            key(out, "_", self.name);
            out.push_str(&self.companions);
            if self.is_array {
                out.push(']');
            }
        }
    }
}

/// Begins a member of the object that `out` ends with, which is empty if it ends with a brace or is just members.
pub(super) fn key(out: &mut String, prefix: &str, name: &str) {
    let comma = if out.is_empty() || out.ends_with('{') { "" } else { "," };
    out.extend([comma, "\"", prefix, name, "\":"]);
}

/// Appends a primitive's value as JSON has it; the error is a sentence. White space around what cannot hold any is
/// ignored (datatypes.html).
pub(super) fn write_literal(of: &Type, value: &str, out: &mut String) -> Result<(), String> {
    let Some(primitive) = Primitive::named(&of.name) else { return Err(format!("{} has no value", of.name)) };
    let is_text = matches!(primitive, Primitive::String | Primitive::Markdown | Primitive::Base64Binary);
    let value = if is_text { value } else { value.trim_ascii() };
    let is_literal = match primitive.json_kind() {
        Kind::Number => is_number(value),
        Kind::Bool => matches!(value, "true" | "false"),
        _ => {
            write_string(out, value);
            return Ok(());
        }
    };
    if !is_literal {
        return Err(format!("the value must be {}", primitive.format()));
    }
    out.push_str(value);
    Ok(())
}
