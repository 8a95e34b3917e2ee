//! What a resource can be found by: every search parameter's expression evaluated on it, the selected elements
//! told to an [`IndexSink`] by the parameter's type (the tables of search.html#number and on).

pub(super) mod coded;
mod composite;
mod patients;
mod select;
mod text;
mod value;

use super::alternatives::own_alternatives;
use super::composite::kept_as;
use super::concerned::may_refer_to_patient;
use super::modifier::aside;
use super::text::Text;
use super::{IndexSink, ParamId, Shelf};
use crate::json::Value;
use crate::mask::{labelled, says_labelled};
use crate::path::{Context, Item};
use crate::spec::{ParamType, Spec, TypeId};
use composite::Component;
use rustc_hash::FxHashSet;
use select::Selector;
use std::sync::OnceLock;
use value::Teller;

/// Pairs of values of one composite that are kept of a resource: codes are multiplied with each other, and a large
/// resource can have as many as it likes.
const PAIRS: usize = 10_000;

/// The search parameters of every resource type, their expressions compiled once, when first needed.
pub struct Indexer {
    spec: Spec,
    of_type: Vec<OnceLock<Vec<Indexed>>>,
    /// Whether it is for the parameters of a tenant's own, or for the standard's.
    is_own: bool,
}

/// A search parameter of one resource type.
struct Indexed {
    id: ParamId,
    code: Box<str>,
    kind: ParamType,
    /// Whether it tells patients in whose compartments the resource is.
    tells_owners: bool,
    /// See [`aside`].
    aside: Option<ParamId>,
    /// Its alternatives for this type; apart, for a union would drop elements that are equal and not the same.
    selectors: Vec<Selector>,
    /// Of a composite.
    components: Vec<Component>,
}

impl Indexer {
    /// An indexer for the standard's parameters of these tables.
    pub fn new(spec: &Spec) -> Indexer {
        Indexer::over(spec, false)
    }

    /// An indexer for the parameters of these tables that are a tenant's own; beside one for the standard's.
    pub fn of_own(spec: &Spec) -> Indexer {
        Indexer::over(spec, true)
    }

    fn over(spec: &Spec, is_own: bool) -> Indexer {
        Indexer { spec: spec.clone(), of_type: spec.types().iter().map(|_| OnceLock::new()).collect(), is_own }
    }

    /// Tells all that a resource of this type can be found by. `base` is this server's base URL, without a slash at
    /// its end: absolute references that start with it are the server's own.
    pub fn index(&self, of: TypeId, resource: Value<'_>, base: &str, sink: &mut dyn IndexSink) {
        self.index_some(of, resource, base, sink, |_, _| true);
    }

    /// Tells the values of some parameters alone: those whose code and type are asked for.
    pub fn index_some(
        &self,
        of: TypeId,
        resource: Value<'_>,
        base: &str,
        sink: &mut dyn IndexSink,
        is_asked: impl Fn(&str, ParamType) -> bool,
    ) {
        if !self.is_own && is_asked("identifier", ParamType::Token) {
            tell_identifiers(&self.spec.of(of).name, resource, sink);
        }
        if !self.is_own && is_asked("_security", ParamType::Token) {
            tell_labels(&self.spec.of(of).name, resource, sink);
        }
        let mut told = FxHashSet::default();
        self.each(of, resource, &is_asked, |param, context, items| {
            if param.tells_owners {
                told.extend(items.iter().filter_map(|it| it.node()?.value()).map(Value::index));
            }
            let (id, kind, aside) = (param.id, param.kind, param.aside);
            let target = param.selectors.iter().find_map(Selector::target).map(|it| &*self.spec.of(it).name);
            let mut teller =
                Teller { spec: &self.spec, base, id, kind, aside, target, sink, told: false, pairs: PAIRS };
            for item in items {
                match param.kind {
                    ParamType::Composite => teller.tell_match(&param.components, &context.on(item.clone())),
                    _ => teller.tell(item),
                }
            }
            if teller.told && Shelf::of(param.kind) == Some(Shelf::Key) {
                sink.present(param.id);
            }
        });
        if !self.is_own && is_asked("_patients", ParamType::Reference) && may_refer_to_patient(of) {
            patients::tell((&self.spec, of), resource, base, &told, sink);
        }
        if !self.is_own && is_asked("_codes", ParamType::Token) {
            coded::tell(resource, base, sink);
        }
    }

    /// Tells the texts of string, token and reference parameters (search.html#modifiers, `:text`).
    pub(super) fn texts(&self, of: TypeId, resource: Value<'_>, tell: &mut dyn FnMut(Text<'_>)) {
        let is_text = |_: &str, kind| text::has_text(kind);
        self.each(of, resource, is_text, |param, _, items| {
            for text in items.iter().flat_map(|it| text::texts(&self.spec, param.kind, it)) {
                tell(Text { param: param.id, is_string: param.kind == ParamType::String, text });
            }
        });
    }

    /// The elements that each parameter asked for selects.
    fn each(
        &self,
        of: TypeId,
        resource: Value<'_>,
        is_asked: impl Fn(&str, ParamType) -> bool,
        mut take: impl FnMut(&Indexed, &Context<'_>, &[Item<'_>]),
    ) {
        let Some(context) = Context::resource(resource) else { return };
        let Some(slot) = self.of_type.get(usize::from(of.0)) else { return };
        for param in slot.get_or_init(|| compile(&self.spec, of, self.is_own)).iter() {
            if !is_asked(&param.code, param.kind) {
                continue;
            }
            let selected = param.selectors.iter().flat_map(|it| it.select(&context));
            take(param, &context, &selected.collect::<Vec<_>>());
        }
    }
}

/// Tells what logical references call the resource (references.html#logical).
fn tell_identifiers(of: &str, resource: Value<'_>, sink: &mut dyn IndexSink) {
    for identifier in resource.get("identifier").into_iter().flat_map(Value::each) {
        if let Some(value) = identifier.str("value") {
            sink.identified(of, identifier.str("system"), value);
        }
    }
}

/// Tells the security labels of elements; those for which nothing less than the resource can be hidden, as its own too. Those
/// of the resource as a whole are told once more, for whatever points at it.
fn tell_labels(of: &str, resource: Value<'_>, sink: &mut dyn IndexSink) {
    let (inline, security) = (ParamId::inline_labels(of), ParamId::of(of, "_security"));
    let labels = labelled(resource);
    for label in &labels {
        sink.token(inline, label.system, label.code);
        if label.path.is_none() {
            sink.token(security, label.system, label.code);
            sink.token(ParamId::LABELS, label.system, label.code);
            sink.present(security);
        }
    }
    let whole = resource.get("meta").and_then(|it| it.get("security")).into_iter().flat_map(Value::each);
    for label in whole {
        if let Some(code) = label.str("code") {
            sink.token(ParamId::LABELS, label.str("system"), code);
        }
    }
    if !labels.is_empty() || says_labelled(resource) {
        sink.present(inline);
    }
}

fn compile(spec: &Spec, of: TypeId, is_own: bool) -> Vec<Indexed> {
    let name = &spec.of(of).name;
    let telling = patients::telling(spec, of);
    // `_id` is found by the resource's own row, and `_lastUpdated` is the store's to set.
    let params = spec.params_of(of).into_iter().filter(|it| !matches!(&*it.code, "_id" | "_lastUpdated"));
    params
        .filter(|it| it.own.is_some() == is_own)
        .filter(|it| Shelf::of(it.kind).is_some() && !it.expression.is_empty())
        // The matches of some composites are kept as other ones'.
        .filter(|it| it.kind != ParamType::Composite || kept_as(spec, of, it).iter().any(|kept| kept.code == it.code))
        .filter_map(|it| {
            let alternatives = own_alternatives(spec, it, of).into_iter().map(|it| Selector::parse(spec, it));
            let selectors = alternatives.collect::<Result<Vec<_>, _>>().ok()?;
            let components = composite::compile(spec, it)?;
            let id = ParamId::of_param(name, it);
            let aside = aside(name, it);
            let tells_owners = telling.contains(&&*it.code);
            Some(Indexed { id, code: it.code.clone(), kind: it.kind, tells_owners, aside, selectors, components })
        })
        .collect()
}

#[cfg(test)]
mod tests;
