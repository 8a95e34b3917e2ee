//! JSON as FHIR needs it: a parsed document that keeps the source text.
//!
//! A [`Doc`] owns the text and a flat list of nodes in document order; a [`Value`] is a copyable handle
//! to one of them. Nothing is converted on the way in: decimals keep their digits and members their
//! order (FHIR R4 json.html#primitive), and every value knows the bytes it came from, so that a part of
//! a Bundle can be stored as it was sent. Duplicate member names, which RFC 8259 leaves undefined and
//! which let two readers see two different resources, are refused.

mod parse;
mod write;

pub(crate) use parse::is_number;
pub use parse::{JsonError, Limits};
pub use write::{quote, write_compact, write_pretty, write_replacing, write_string};

use std::fmt;

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, kept as its text.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::Bool => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        })
    }
}

/// A range of bytes in the source, or, for text with escapes, in the decoded buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// One value: nodes stand in document order, so the first child of node `i` is `i + 1`.
#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    /// Whether `key` points into the decoded buffer.
    key_decoded: bool,
    /// Whether `text` points into the decoded buffer.
    text_decoded: bool,
    /// The member name, empty outside objects.
    key: Span,
    /// The value's bytes in the source, quotes and brackets included.
    raw: Span,
    /// What a string says, without quotes and escapes.
    text: Span,
    /// Index of the node behind this value's subtree.
    after: u32,
}

/// A parsed JSON document with its source text.
pub struct Doc {
    source: String,
    decoded: String,
    nodes: Vec<Node>,
}

impl Doc {
    /// Parses `source` within the default [`Limits`].
    pub fn parse(source: impl Into<String>) -> Result<Doc, JsonError> {
        Doc::parse_within(source, &Limits::default())
    }

    /// Parses `source`; fails on anything that is not one JSON value (RFC 8259), on a member name given
    /// twice in one object, and past the limits.
    pub fn parse_within(source: impl Into<String>, limits: &Limits) -> Result<Doc, JsonError> {
        parse::parse(source.into(), limits)
    }

    /// The whole document's value.
    pub fn root(&self) -> Value<'_> {
        Value { doc: self, index: 0 }
    }

    /// The text this was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Gives the source text back.
    pub fn into_source(self) -> String {
        self.source
    }

    /// The value with this [`Value::index`].
    pub fn at(&self, index: u32) -> Value<'_> {
        debug_assert!((index as usize) < self.nodes.len());
        Value { doc: self, index }
    }

    fn text(&self, span: Span, decoded: bool) -> &str {
        let buffer = if decoded { &self.decoded } else { &self.source };
        &buffer[span.start as usize..span.end as usize]
    }
}

/// Prints nothing of the content: a document may be a patient's record.
impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doc({} bytes, {} values)", self.source.len(), self.nodes.len())
    }
}

/// A handle to one value of a [`Doc`].
#[derive(Clone, Copy)]
pub struct Value<'a> {
    doc: &'a Doc,
    index: u32,
}

impl<'a> Value<'a> {
    fn node(self) -> &'a Node {
        &self.doc.nodes[self.index as usize]
    }

    /// What the value is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The value's position in document order: an identity within its document.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The document the value belongs to.
    pub fn doc(self) -> &'a Doc {
        self.doc
    }

    /// The member name under which an object holds this value; empty for items and the root.
    pub fn key(self) -> &'a str {
        let node = self.node();
        self.doc.text(node.key, node.key_decoded)
    }

    /// The value's bytes as they were sent.
    pub fn raw(self) -> &'a str {
        self.doc.text(self.node().raw, false)
    }

    /// Where [`Value::raw`] stands in the source, in bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        let raw = self.node().raw;
        raw.start as usize..raw.end as usize
    }

    /// What a string says; `None` for other kinds.
    pub fn as_str(self) -> Option<&'a str> {
        let node = self.node();
        (node.kind == Kind::String).then(|| self.doc.text(node.text, node.text_decoded))
    }

    /// A boolean's value; `None` for other kinds.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// A number's text, digit for digit; `None` for other kinds.
    pub fn as_number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The text of a scalar: what a string says, or a number's or boolean's literal.
    pub fn scalar(self) -> Option<&'a str> {
        match self.kind() {
            Kind::String => self.as_str(),
            Kind::Number | Kind::Bool => Some(self.raw()),
            _ => None,
        }
    }

    /// Whether this is an object.
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether this is an array.
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The members of an object or the items of an array, in order; empty for scalars.
    pub fn children(self) -> Children<'a> {
        let node = self.node();
        let next = match node.kind {
            Kind::Array | Kind::Object => self.index + 1,
            _ => node.after,
        };
        Children { doc: self.doc, next, end: node.after }
    }

    /// The value itself, or the items if it is an array: how FHIR's repeating elements are walked.
    pub fn each(self) -> Children<'a> {
        match self.kind() {
            Kind::Array => self.children(),
            _ => Children { doc: self.doc, next: self.index, end: self.node().after },
        }
    }

    /// An object's member of this name.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        if self.kind() != Kind::Object {
            return None;
        }
        self.children().find(|it| it.key() == key)
    }

    /// An object's string member of this name.
    pub fn str(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// An array's item at this position, counted from 0.
    pub fn item(self, position: usize) -> Option<Value<'a>> {
        if self.kind() != Kind::Array {
            return None;
        }
        self.children().nth(position)
    }

    /// How many members or items there are.
    pub fn len(self) -> usize {
        self.children().count()
    }

    /// Whether there are no members or items.
    pub fn is_empty(self) -> bool {
        self.children().next().is_none()
    }

    /// Every value below this one and itself, in document order.
    pub fn descendants(self) -> impl Iterator<Item = Value<'a>> {
        let doc = self.doc;
        (self.index..self.node().after).map(move |index| Value { doc, index })
    }

    /// Whether `other` lies within this value (or is it), in the same document.
    pub fn contains(self, other: Value<'_>) -> bool {
        std::ptr::eq(self.doc, other.doc) && (self.index..self.node().after).contains(&other.index)
    }

    /// The steps from this value down to `target`, which must lie within it.
    pub fn steps_to(self, target: Value<'a>) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut here = self;
        while here.index != target.index {
            let is_array = here.is_array();
            let Some((position, child)) = here.children().enumerate().find(|(_, it)| it.contains(target)) else {
                return steps;
            };
            steps.push(if is_array { Step::Item(position) } else { Step::Member(child.key()) });
            here = child;
        }
        steps
    }

    /// Equality of JSON values: numbers digit for digit, members in any order.
    pub fn same(self, other: Value<'_>) -> bool {
        match (self.kind(), other.kind()) {
            (Kind::Object, Kind::Object) => {
                self.len() == other.len()
                    && self.children().all(|it| other.get(it.key()).is_some_and(|twin| it.same(twin)))
            }
            (Kind::Array, Kind::Array) => {
                self.len() == other.len() && self.children().zip(other.children()).all(|(a, b)| a.same(b))
            }
            (a, b) => a == b && self.scalar() == other.scalar(),
        }
    }
}

/// Prints nothing of the content: a value may be a patient's.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?} at byte {})", self.kind(), self.node().raw.start)
    }
}

/// One step of a path through a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into an object's member.
    Member(&'a str),
    /// Into an array's item, counted from 0.
    Item(usize),
}

/// The values directly below another one.
#[derive(Clone)]
pub struct Children<'a> {
    doc: &'a Doc,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.next >= self.end {
            return None;
        }
        let value = Value { doc: self.doc, index: self.next };
        self.next = value.node().after;
        Some(value)
    }
}

#[cfg(test)]
mod tests;
