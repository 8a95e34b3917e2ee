//! A walk through a resource's elements, each with the path of its definition, and those of the resources in it.

use super::below;
use super::element::group;
use super::label::{Label, labels_of};
use crate::json::Value;
use crate::spec::{Kind, TypeId, r4};

/// An element that was met: its value, its companion, or both.
pub(super) struct Met<'v> {
    /// The resource type that has it.
    pub(super) root: &'static str,
    /// The path of its definition in that type.
    pub(super) path: String,
    /// Its value.
    pub(super) value: Option<Value<'v>>,
    /// What stands beside a primitive's value (json.html#primitive).
    pub(super) companion: Option<Value<'v>>,
}

impl<'v> Met<'v> {
    /// The labels that it has itself. What an extension of a primitive has in turn goes with the primitive.
    pub(super) fn labels(&self) -> Vec<Label<'v>> {
        let beside = self.companion.into_iter().flat_map(Value::descendants);
        self.value.into_iter().chain(beside).flat_map(labels_of).collect()
    }
}

/// Goes along on a walk: between the two calls for an element are those for what it has.
pub(super) trait Visitor<'v> {
    /// An element is come to.
    fn enter(&mut self, element: &Met<'v>);
    /// The last one that was come to and not left is left.
    fn leave(&mut self);
}

/// Walks through what a resource has.
pub(super) fn walk<'v>(resource: Value<'v>, visitor: &mut dyn Visitor<'v>) {
    if let Some(of) = resource.str("resourceType").and_then(|it| r4().resource(it)) {
        members(resource, (of, ""), &r4().of(of).name, visitor);
    }
}

/// Walks through what an object of a type has, which lies at a path of a resource type.
fn members<'v>(object: Value<'v>, (of, at): (TypeId, &str), root: &'static str, visitor: &mut dyn Visitor<'v>) {
    let of = r4().of(of);
    for member in object.children() {
        let (name, is_companion) = match member.key().strip_prefix('_') {
            Some(name) => (name, true),
            None => (member.key(), false),
        };
        let Some(property) = of.property(name) else { continue };
        let Some(element) = of.elements.get(usize::from(property.element)) else { continue };
        let own = r4().of(property.of);
        let twins = match is_companion {
            true => object.get(name),
            false if own.kind == Kind::Primitive => object.get(&format!("_{name}")),
            false => None,
        };
        let mut twins = twins.into_iter().flat_map(Value::each);
        for item in member.each() {
            let twin = twins.next().filter(|it| !it.is_null());
            // A primitive is met by its value, and by its companion where it has none.
            if item.is_null() || is_companion && twin.is_some() {
                continue;
            }
            let (value, companion) = if is_companion { (None, Some(item)) } else { (Some(item), twin) };
            let met = Met { root, path: below(at, &element.name), value, companion };
            visitor.enter(&met);
            match own.kind {
                _ if is_companion => {}
                Kind::Primitive => {}
                Kind::Resource => walk(item, visitor),
                _ => members(item, (property.of, group(own, root).unwrap_or(&met.path)), root, visitor),
            }
            visitor.leave();
        }
    }
}
