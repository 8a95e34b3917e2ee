//! What an expression is evaluated on, and what it may ask for beyond the document.

use super::error::{PathError, Result, fail};
use super::item::{Item, Node};
use super::temporal::Stamp;
use crate::json::Value;
use crate::spec::r4;
use rust_decimal::Decimal;

/// How many steps an evaluation may take unless the caller says otherwise.
pub const DEFAULT_BUDGET: u32 = 2_000_000;

/// What lies beyond the document. Each method has an answer that needs no other resource and no terminology;
/// [`Offline`] is nothing but these answers.
pub trait Services: Sync {
    /// The resource that a Reference or canonical points to, where it is not in the document itself
    /// (fhirpath.html#functions, `resolve`). By default a phantom of the type that the reference's text names.
    fn resolve<'a>(&'a self, reference: &str, _context: &Context<'a>) -> Option<Item<'a>> {
        unread(reference)
    }

    /// Whether what a relative reference names is stored here; `None` where that is not known.
    fn is_stored(&self, _reference: &str) -> Option<bool> {
        None
    }

    /// Whether a code, Coding or CodeableConcept is in a value set; `None` where that is not known.
    fn member_of(&self, _item: &Item<'_>, _value_set: &str) -> Result<Option<bool>> {
        Err(PathError::Unsupported("memberOf()"))
    }

    /// Whether an element conforms to a profile. By default only R4's own types are known.
    fn conforms_to(&self, item: &Item<'_>, profile: &str) -> Result<Option<bool>> {
        let name = profile.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        match (name.and_then(|it| r4().type_named(it)), item.node()) {
            (Some(of), Some(node)) => Ok(Some(r4().is_a(node.of, of))),
            (Some(_), None) => Ok(Some(false)),
            (None, _) => fail("conformsTo() names a profile that is not known here"),
        }
    }

    /// Whether the first code subsumes the second; `None` where that is not known.
    fn subsumes(&self, _general: &Item<'_>, _special: &Item<'_>) -> Result<Option<bool>> {
        Err(PathError::Unsupported("subsumes()"))
    }

    /// A value of one UCUM unit in another; `None` where the units are unknown or measure different things.
    fn convert(&self, value: Decimal, from: &str, to: &str) -> Option<Decimal> {
        crate::units::convert(value, from, to)
    }

    /// Told by `trace()`: its name and how many items passed, never what they say.
    fn trace(&self, _name: &str, _items: usize) {}
}

/// Services without any: only what is in the document and in R4's tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline;

impl Services for Offline {}

/// What is known of a resource by a reference's text alone: its type.
pub fn unread<'a>(reference: &str) -> Option<Item<'a>> {
    let of = super::resolve::type_in(reference)?;
    Some(Item::Node(Node::phantom(of)))
}

/// What an expression is evaluated on.
#[derive(Clone)]
pub struct Context<'a> {
    pub(super) focus: Item<'a>,
    pub(super) resource: Item<'a>,
    pub(super) root: Item<'a>,
    pub(super) now: Option<Stamp>,
    pub(super) services: &'a dyn Services,
    pub(super) variables: Vec<(&'a str, Vec<Item<'a>>)>,
    pub(super) budget: u32,
}

impl<'a> Context<'a> {
    /// A resource as focus, `%resource`, `%rootResource` and `%context`; `None` where its `resourceType` names no
    /// R4 type.
    pub fn resource(value: Value<'a>) -> Option<Context<'a>> {
        Node::resource(value).map(Context::of)
    }

    /// The same for an element that is already typed.
    pub fn of(node: Node<'a>) -> Context<'a> {
        let item = Item::Node(node);
        Context {
            focus: item.clone(),
            resource: item.clone(),
            root: item,
            now: None,
            services: &Offline,
            variables: Vec::new(),
            budget: DEFAULT_BUDGET,
        }
    }

    /// Another element as focus and `%context`, such as the one whose invariant is checked.
    pub fn on(&self, focus: Item<'a>) -> Context<'a> {
        Context { focus, ..self.clone() }
    }

    /// Another `%resource`: a contained resource or a Bundle's entry; `%rootResource` stays.
    pub fn within(&self, resource: Node<'a>) -> Context<'a> {
        Context { resource: Item::Node(resource), focus: Item::Node(resource), ..self.clone() }
    }

    /// Replaces the focus only: the cheap way to evaluate on one element after the other.
    pub fn set_focus(&mut self, focus: Item<'a>) {
        self.focus = focus;
    }

    /// With the time that `now()`, `today()` and `timeOfDay()` tell, in milliseconds since 1970 in UTC.
    pub fn at(mut self, unix_millis: i64) -> Context<'a> {
        self.now = Stamp::from_unix_millis(unix_millis);
        self
    }

    /// With these services.
    pub fn with_services(mut self, services: &'a dyn Services) -> Context<'a> {
        self.services = services;
        self
    }

    /// With a variable `%name`.
    pub fn with_variable(mut self, name: &'a str, items: Vec<Item<'a>>) -> Context<'a> {
        self.variables.push((name, items));
        self
    }

    /// With another limit on the steps that an evaluation may take.
    pub fn with_budget(mut self, steps: u32) -> Context<'a> {
        self.budget = steps;
        self
    }

    /// The resource that `resolve()` and invariants call the root.
    pub fn root(&self) -> &Item<'a> {
        &self.root
    }
}

/// Prints no values.
impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({:?} in {:?})", self.focus, self.root)
    }
}
