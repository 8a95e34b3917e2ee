//! What an expression works on and answers with: elements of a document, and values of its own.

use super::quantity::Quantity;
use super::temporal::Stamp;
use super::types::{Class, System, TypeSpec, tables};
use crate::json::{Kind, Value};
use crate::spec::TypeId;
use rust_decimal::Decimal;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;

/// Results within the engine: most have one item or two, which then need no heap.
pub(super) type Items<'a> = SmallVec<[Item<'a>; 2]>;

/// An element of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Node<'a> {
    value: Option<Handle<'a>>,
    companion: Option<Handle<'a>>,
    /// Its type: of a choice the one it has, of a resource the one it names.
    pub of: TypeId,
    /// The type whose element it is and the element's index there; `None` for roots and resolved references.
    pub element: Option<(TypeId, u16)>,
}

/// A [`Value`] that is equal to another if it is the same place of the same document.
#[derive(Clone, Copy)]
struct Handle<'a>(Value<'a>);

impl PartialEq for Handle<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0.doc(), other.0.doc()) && self.0.index() == other.0.index()
    }
}

impl Eq for Handle<'_> {}

impl<'a> Node<'a> {
    /// An element with this value and, for a primitive, this `_` companion.
    pub fn new(of: TypeId, value: Option<Value<'a>>, companion: Option<Value<'a>>) -> Node<'a> {
        Node { value: value.map(Handle), companion: companion.map(Handle), of, element: None }
    }

    /// A resource, typed by its `resourceType`; `None` where that names no R4 resource type.
    pub fn resource(value: Value<'a>) -> Option<Node<'a>> {
        let of = crate::spec::r4().resource(value.str("resourceType")?)?;
        Some(Node::new(of, Some(value), None))
    }

    /// A resource that is known by its type alone: what a reference points to, unread.
    pub fn phantom(of: TypeId) -> Node<'a> {
        Node::new(of, None, None)
    }

    pub(super) fn of_element(self, owner: TypeId, element: u16) -> Node<'a> {
        Node { element: Some((owner, element)), ..self }
    }

    /// The JSON value; `None` for a primitive that has only extensions, and for a phantom.
    pub fn value(&self) -> Option<Value<'a>> {
        self.value.map(|it| it.0)
    }

    /// The `_` companion with a primitive's `id` and `extension` (json.html#primitive).
    pub fn companion(&self) -> Option<Value<'a>> {
        self.companion.map(|it| it.0)
    }

    /// The object that holds the element's children.
    pub(super) fn object(&self) -> Option<Value<'a>> {
        if tables().class(self.of).is_primitive() { self.companion() } else { self.value() }
    }

    /// A primitive's text, whatever it means.
    pub fn text(&self) -> Option<&'a str> {
        self.value().and_then(Value::scalar)
    }

    /// The System value that the element converts to by itself (fhirpath.html#types); `None` for elements of
    /// other types, for primitives without value and for text that its type does not allow.
    pub(super) fn to_system(self) -> Option<Item<'a>> {
        let class = tables().class(self.of);
        let value = self.value()?;
        let text = || value.as_str();
        match class {
            Class::Boolean => value.as_bool().map(Item::Boolean),
            Class::String => text().map(|it| Item::String(Cow::Borrowed(it))),
            Class::Integer => value.as_number()?.parse().ok().map(Item::Integer),
            Class::Decimal => super::number::decimal(value.as_number()?).map(Item::Decimal),
            Class::Date => Stamp::date(text()?).map(Item::Date),
            // A dateTime without time is one all the same: comparisons go by its precision.
            Class::DateTime => Stamp::date_time(text()?).map(Item::DateTime),
            Class::Time => Stamp::time(text()?).map(Item::Time),
            Class::Quantity => Quantity::of_node(value).map(Item::Quantity),
            Class::Complex | Class::Resource => None,
        }
    }
}

/// One item of a collection.
#[derive(Clone)]
pub enum Item<'a> {
    /// An element of a document.
    Node(Node<'a>),
    /// System.Boolean
    Boolean(bool),
    /// System.String
    String(Cow<'a, str>),
    /// System.Integer
    Integer(i32),
    /// System.Decimal
    Decimal(Decimal),
    /// System.Date
    Date(Stamp),
    /// System.DateTime
    DateTime(Stamp),
    /// System.Time
    Time(Stamp),
    /// System.Quantity
    Quantity(Quantity<'a>),
    /// What `type()` answers.
    Type {
        /// `FHIR` or `System`.
        namespace: &'static str,
        /// The type's name there.
        name: &'static str,
    },
}

impl<'a> Item<'a> {
    /// A string that is nobody's.
    pub(super) fn string(text: impl Into<String>) -> Item<'a> {
        Item::String(Cow::Owned(text.into()))
    }

    /// The element, if it is one.
    pub fn node(&self) -> Option<&Node<'a>> {
        match self {
            Item::Node(node) => Some(node),
            _ => None,
        }
    }

    /// The System value it is or converts to by itself.
    pub fn to_system(&self) -> Option<Item<'a>> {
        match self {
            Item::Node(node) => node.to_system(),
            other => Some(other.clone()),
        }
    }

    /// What a string, or an element of a string type, says.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Item::String(text) => Some(text),
            Item::Node(node) if tables().class(node.of) == Class::String => node.value().and_then(Value::as_str),
            _ => None,
        }
    }

    /// What a boolean says, computed or in a document.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Item::Boolean(it) => Some(*it),
            Item::Node(node) if tables().class(node.of) == Class::Boolean => node.value().and_then(Value::as_bool),
            _ => None,
        }
    }

    /// The System type of a computed value.
    pub(super) fn system(&self) -> Option<System> {
        Some(match self {
            Item::Node(_) | Item::Type { .. } => return None,
            Item::Boolean(_) => System::Boolean,
            Item::String(_) => System::String,
            Item::Integer(_) => System::Integer,
            Item::Decimal(_) => System::Decimal,
            Item::Date(_) => System::Date,
            Item::DateTime(_) => System::DateTime,
            Item::Time(_) => System::Time,
            Item::Quantity(_) => System::Quantity,
        })
    }

    /// Whether it is of this type or a special case of it.
    pub(super) fn is(&self, spec: &TypeSpec) -> bool {
        match self {
            Item::Node(node) => spec.fhir.is_some_and(|it| crate::spec::r4().is_a(node.of, it)),
            other => spec.system.is_some() && spec.system == other.system(),
        }
    }

    /// Whether `ofType` and `as` let it pass: a `code` is a `string` but is not one here, as the official tests
    /// have it.
    pub(super) fn passes(&self, spec: &TypeSpec) -> bool {
        match self {
            Item::Node(node) if tables().class(node.of).is_primitive() => spec.fhir == Some(node.of),
            _ => self.is(spec),
        }
    }

    /// The same item with text borrowed from this one.
    pub(super) fn borrow(&'a self) -> Item<'a> {
        match self {
            Item::String(text) => Item::String(Cow::Borrowed(text)),
            Item::Quantity(it) => Item::Quantity(it.borrow()),
            other => other.clone(),
        }
    }

    /// Its text, where a value has one (FHIRPath N1, `toString`).
    pub fn to_text(&self) -> Option<Cow<'a, str>> {
        Some(match self {
            Item::Node(node) => match node.value()?.kind() {
                Kind::String => Cow::Borrowed(node.value()?.as_str()?),
                Kind::Bool | Kind::Number => Cow::Borrowed(node.value()?.raw()),
                _ => return node.to_system()?.to_text(),
            },
            Item::Boolean(it) => Cow::Borrowed(if *it { "true" } else { "false" }),
            Item::String(it) => it.clone(),
            Item::Integer(it) => it.to_string().into(),
            Item::Decimal(it) => it.to_string().into(),
            Item::Date(it) | Item::DateTime(it) => it.date_time_text().into(),
            Item::Time(it) => it.time_text().into(),
            Item::Quantity(it) => it.to_string().into(),
            Item::Type { .. } => return None,
        })
    }

    /// Its type's namespace and name.
    pub(super) fn type_name(&self) -> (&'static str, &'static str) {
        match self {
            Item::Node(node) => ("FHIR", &crate::spec::r4().of(node.of).name),
            Item::Type { .. } => ("System", "SimpleTypeInfo"),
            other => ("System", other.system().map_or("Any", System::name)),
        }
    }
}

impl<'a> From<Node<'a>> for Item<'a> {
    fn from(node: Node<'a>) -> Item<'a> {
        Item::Node(node)
    }
}

/// Prints the type only: the value may be a patient's.
impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, name) = self.type_name();
        write!(f, "{namespace}.{name}")
    }
}

/// Prints the type only: the value may be a patient's.
impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({})", crate::spec::r4().of(self.of).name)
    }
}
