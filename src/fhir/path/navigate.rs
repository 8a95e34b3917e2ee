//! From an element to its children.

use super::item::Node;
use super::types::{Slot, tables};
use crate::json::Value;
use crate::spec::{TypeId, r4};
use smallvec::SmallVec;

/// The children of one name, with the types' elements looked up beforehand.
pub(super) struct Member {
    name: Box<str>,
    slots: &'static [Slot],
}

impl Member {
    pub(super) fn named(name: &str) -> Member {
        Member { name: name.into(), slots: tables().slots(name) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives each child of this name to `visit`, in order.
    pub(super) fn each<'a, E>(
        &self,
        parent: &Node<'a>,
        visit: &mut impl FnMut(Node<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Ok(at) = self.slots.binary_search_by_key(&parent.of, |it| it.owner) else { return Ok(()) };
        let (Some(slot), Some(object)) = (self.slots.get(at), parent.object()) else { return Ok(()) };
        let (mut value, mut companion, mut of) = (None, None, slot.of);
        for member in object.children() {
            let key = member.key();
            let (bare, is_companion) = bare(key);
            if slot.is_choice {
                match choice(slot, &self.name, bare) {
                    Some(found) => of = found,
                    None => continue,
                }
            } else if bare != &*self.name {
                continue;
            }
            if is_companion {
                companion = Some(member);
            } else {
                value = Some(member);
                if !slot.is_choice && !slot.is_primitive {
                    break;
                }
            }
        }
        spread(Property { owner: slot.owner, element: slot.element, of }, value, companion, visit)
    }
}

/// The children of one name, for those who walk a document without an expression.
pub(crate) struct Children(Member);

impl Children {
    pub(crate) fn named(name: &str) -> Children {
        Children(Member::named(name))
    }

    /// Those of an element, in order.
    pub(crate) fn of<'a>(&self, parent: &Node<'a>) -> SmallVec<[Node<'a>; 2]> {
        let mut all = SmallVec::new();
        let done: Result<(), std::convert::Infallible> = self.0.each(parent, &mut |it| {
            all.push(it);
            Ok(())
        });
        debug_assert!(done.is_ok());
        all
    }
}

/// Gives each child of an element to `visit`, in the order of the document.
pub(super) fn children<'a, E>(parent: &Node<'a>, visit: &mut impl FnMut(Node<'a>) -> Result<(), E>) -> Result<(), E> {
    let Some(object) = parent.object() else { return Ok(()) };
    let owner = r4().of(parent.of);
    let has_companions = object.children().any(|it| bare(it.key()).1);
    for member in object.children() {
        let (name, is_companion) = bare(member.key());
        let Some(property) = owner.property(name) else { continue };
        let twin = match has_companions && tables().class(property.of).is_primitive() {
            true => object.children().find(|it| bare(it.key()) == (name, !is_companion)),
            false => None,
        };
        let (value, companion) = match (is_companion, twin) {
            (true, Some(_)) => continue,
            (true, None) => (None, Some(member)),
            (false, twin) => (Some(member), twin),
        };
        let property = Property { owner: parent.of, element: property.element, of: property.of };
        spread(property, value, companion, visit)?;
    }
    Ok(())
}

/// A member name without the `_` of a companion, and whether it had one.
fn bare(key: &str) -> (&str, bool) {
    match key.strip_prefix('_') {
        Some(bare) => (bare, true),
        None => (key, false),
    }
}

/// The type that a member like `valueQuantity` has for the element `value`.
fn choice(slot: &Slot, name: &str, key: &str) -> Option<TypeId> {
    if key.len() <= name.len() || !key.starts_with(name) {
        return None;
    }
    r4().of(slot.owner).property(key).filter(|it| it.element == slot.element).map(|it| it.of)
}

struct Property {
    owner: TypeId,
    element: u16,
    of: TypeId,
}

/// One node for a member, or one for each item of its array.
fn spread<'a, E>(
    property: Property,
    value: Option<Value<'a>>,
    companion: Option<Value<'a>>,
    visit: &mut impl FnMut(Node<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut give = |value: Option<Value<'a>>, companion: Option<Value<'a>>| {
        let value = value.filter(|it| !it.is_null());
        let companion = companion.filter(|it| it.is_object());
        if value.is_none() && companion.is_none() {
            return Ok(());
        }
        let own = value.filter(|_| is_resource(property.of)).and_then(Node::resource);
        let node = own.unwrap_or_else(|| Node::new(property.of, value, companion));
        visit(node.of_element(property.owner, property.element))
    };
    let arrays = |it: Option<Value<'a>>| it.is_some_and(Value::is_array);
    if !arrays(value) && !arrays(companion) {
        return give(value, companion);
    }
    let mut values = value.into_iter().flat_map(Value::children);
    let mut companions = companion.into_iter().flat_map(Value::children);
    loop {
        match (values.next(), companions.next()) {
            (None, None) => return Ok(()),
            (value, companion) => give(value, companion)?,
        }
    }
}

fn is_resource(of: TypeId) -> bool {
    tables().class(of) == super::types::Class::Resource
}
