//! Where references point to (references.html).

use super::context::Context;
use super::item::{Item, Node};
use super::types::tables;
use crate::spec::{TypeId, r4};

/// What a Reference or canonical points to: in the document if it is there, else what the services answer.
pub(super) fn resolve<'a>(item: &Item<'a>, context: &Context<'a>) -> Option<Item<'a>> {
    let (text, named) = match item {
        Item::Node(node) if r4().is_a(node.of, tables().reference) => {
            let reference = node.value()?;
            (reference.str("reference"), reference.str("type"))
        }
        other => (other.as_str(), None),
    };
    let by_type = || named.and_then(|it| r4().resource(it)).map(|it| Item::Node(Node::phantom(it)));
    match text {
        Some(text) => in_document(text, context)
            .or_else(|| if text.starts_with('#') { None } else { context.services.resolve(text, context) })
            .or_else(by_type),
        None => by_type(),
    }
}

/// The resource type that a reference's text names: `Patient/1`, `https://…/Patient/1/_history/2`,
/// `Patient?identifier=…`.
pub(super) fn type_in(reference: &str) -> Option<TypeId> {
    let (path, criteria) = match reference.split_once('?') {
        Some((path, _)) => (path, true),
        None => (reference, false),
    };
    let mut parts = path.rsplit('/');
    let last = parts.next()?;
    if criteria {
        return r4().resource(last);
    }
    let before = parts.next()?;
    match before {
        "_history" => r4().resource(parts.nth(1)?),
        name => r4().resource(name),
    }
}

/// A contained resource (references.html#contained), or a Bundle's entry (bundle.html#references).
fn in_document<'a>(reference: &str, context: &Context<'a>) -> Option<Item<'a>> {
    match reference.strip_prefix('#') {
        Some("") => Some(context.root.clone()),
        Some(id) => contained(&context.resource, id).or_else(|| contained(&context.root, id)),
        None => entry(reference, context),
    }
}

fn contained<'a>(resource: &Item<'a>, id: &str) -> Option<Item<'a>> {
    let contained = resource.node()?.value()?.get("contained")?;
    let found = contained.each().find(|it| it.str("id") == Some(id))?;
    Node::resource(found).map(Item::Node)
}

fn entry<'a>(reference: &str, context: &Context<'a>) -> Option<Item<'a>> {
    let root = context.root.node().filter(|it| it.of == tables().bundle)?;
    let unversioned = reference.split("/_history/").next().unwrap_or(reference);
    let is_relative = !unversioned.contains(':');
    let answers = |url: &str| {
        url == unversioned
            || is_relative && url.strip_suffix(unversioned).is_some_and(|base| base.is_empty() || base.ends_with('/'))
    };
    let found = root.value()?.get("entry")?.each().find(|it| it.str("fullUrl").is_some_and(answers))?;
    Node::resource(found.get("resource")?).map(Item::Node)
}
