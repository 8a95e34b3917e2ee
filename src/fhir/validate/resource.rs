//! Resources: the root, those in a Bundle's entries or in Parameters, and contained ones.

use super::hint;
use super::walk::{Claim, Walk};
use crate::json::Value;
use crate::outcome::IssueType;
use crate::spec::{Spec, TypeId};
use rustc_hash::FxHashSet;

/// A resource that others may be contained in, with those it contains.
pub(super) struct Container<'a> {
    resource: Value<'a>,
    /// Contained resources by id, sorted; listed at the first look-up.
    by_id: Option<Vec<(&'a str, Value<'a>)>>,
}

impl<'a> Container<'a> {
    pub(super) fn new(resource: Value<'a>) -> Container<'a> {
        Container { resource, by_id: None }
    }

    fn by_id(&mut self) -> &[(&'a str, Value<'a>)] {
        let resource = self.resource;
        self.by_id.get_or_insert_with(|| {
            let contained = resource.get("contained").into_iter().flat_map(Value::each);
            let mut list: Vec<_> = contained.filter_map(|it| Some((it.str("id")?, it))).collect();
            list.sort_by_key(|(id, _)| *id);
            list
        })
    }
}

impl<'a, 's> Walk<'a, 's> {
    /// A resource that is not contained; `general` is the type that its element asks for.
    pub(super) fn resource(&mut self, value: Value<'a>, general: Option<TypeId>) {
        if let Some(of) = self.resource_type(value, general) {
            let outer = std::mem::replace(&mut self.container, Container::new(value));
            self.within(of, value);
            self.unreferenced(value);
            if self.validator.bundle == Some(of) {
                self.bundle(value);
            }
            self.container = outer;
        }
    }

    /// A contained resource (references.html#contained): `dom-2`, `dom-4`, `dom-5`, and an id to be referred by.
    pub(super) fn contained_resource(&mut self, value: Value<'a>, general: TypeId) {
        let Some(of) = self.resource_type(value, Some(general)) else {
            return;
        };
        if value.get("id").is_none() {
            self.report(
                IssueType::Required,
                value,
                "A contained resource must have an id, so that it can be referred to.",
            );
        }
        if let Some(nested) = value.get("contained") {
            self.report(IssueType::Invariant, nested, "A contained resource must not contain others (dom-2).");
        }
        for (name, invariant) in [("versionId", "dom-4"), ("lastUpdated", "dom-4"), ("security", "dom-5")] {
            if let Some(found) = value.get("meta").and_then(|it| it.get(name)) {
                let text = format!("A contained resource must not have meta.{name} ({invariant}).");
                self.report(IssueType::Invariant, found, text);
            }
        }
        self.within(of, value);
    }

    /// What is in a resource, with it as `%resource`.
    fn within(&mut self, of: TypeId, value: Value<'a>) {
        if !value.contains(self.root()) && value.get("meta").is_some_and(|it| it.get("profile").is_some()) {
            self.claim(Claim::Resource(value));
        }
        let outer = std::mem::replace(&mut self.conditions.resource, value);
        self.object(of, value);
        self.conditions.resource = outer;
    }

    /// Whether each contained resource is referred to, or refers to what contains it (dom-3). Any text `#id` counts as
    /// a reference: it may be a canonical or a uri.
    fn unreferenced(&mut self, resource: Value<'a>) {
        let Some(list) = resource.get("contained") else { return };
        let named: FxHashSet<&str> = resource.descendants().filter_map(|it| it.as_str()?.strip_prefix('#')).collect();
        for contained in list.each() {
            let is_named = contained.str("id").is_none_or(|it| named.contains(it));
            if !is_named && !contained.descendants().any(|it| it.as_str() == Some("#")) {
                let told = "dom-3: A contained resource must be referred to from elsewhere in the resource, or refer to \
                            the resource that contains it by #.";
                self.report(IssueType::Invariant, contained, told);
            }
        }
    }

    /// Whether the ids of contained resources differ from each other.
    pub(super) fn contained_ids(&mut self) {
        let twins: Vec<_> =
            self.container.by_id().windows(2).filter(|it| it[0].0 == it[1].0).map(|it| it[1].1).collect();
        for twin in twins {
            self.report(IssueType::Invariant, twin, "Each contained resource must have an id of its own.");
        }
    }

    /// The contained resource with this id, in the resource around this place.
    pub(super) fn contained(&mut self, id: &str) -> Option<Value<'a>> {
        let list = self.container.by_id();
        let found = list.binary_search_by_key(&id, |(it, _)| *it).ok()?;
        list.get(found).map(|(_, it)| *it)
    }

    fn resource_type(&mut self, value: Value<'a>, general: Option<TypeId>) -> Option<TypeId> {
        let spec = self.validator.spec;
        if !value.is_object() {
            self.report(IssueType::Structure, value, format!("A resource must be an object, but is {}.", value.kind()));
            return None;
        }
        let Some(name) = value.get("resourceType") else {
            self.report(IssueType::Required, value, "A resource must have a resourceType, such as Patient.");
            return None;
        };
        let of = name.as_str().and_then(|it| spec.resource(it));
        match of {
            None => {
                let text = format!("resourceType must be a resource type of R4.{}", meant(spec, name));
                self.report(IssueType::Structure, value, text);
            }
            Some(of) if general.is_some_and(|it| !spec.is_a(of, it)) => {
                self.report(IssueType::Structure, value, "This type of resource is not allowed here.");
            }
            Some(_) => {}
        }
        of
    }
}

fn meant(spec: &Spec, name: Value<'_>) -> String {
    let near = name.as_str().and_then(|it| hint::nearest(it, spec.resources().map(|it| &*spec.of(it).name)));
    near.map_or(String::new(), |it| format!(" Is {it} meant?"))
}
