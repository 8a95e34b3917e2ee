//! The matches of composite parameters (search.html#composite): the values that belong together.

use super::super::composite::components;
use super::super::{First, IndexSink, ParamId, Target};
use super::value::{Teller, number};
use crate::path::{Context, Expression, Item};
use crate::spec::{ParamType, SearchParam, Spec};

/// A component of a composite.
pub(super) struct Component {
    kind: ParamType,
    expression: Expression,
}

/// The components of a composite, none of another parameter; `None` where it has no index.
pub(super) fn compile(spec: &Spec, param: &SearchParam) -> Option<Vec<Component>> {
    if param.kind != ParamType::Composite {
        return Some(Vec::new());
    }
    let kinds = components(spec, param)?.into_iter().map(|it| it.kind);
    let compiled = kinds
        .zip(&param.components)
        .map(|(kind, component)| Some(Component { kind, expression: Expression::parse(&component.expression).ok()? }));
    compiled.collect()
}

impl Teller<'_> {
    /// Tells the values of the match that the context's focus is.
    pub(super) fn tell_match(&mut self, components: &[Component], context: &Context<'_>) {
        match components {
            [first, last] => {
                let values = last.values(context);
                for param in self.under(first, context, values.iter().map(codes).sum()) {
                    let (kind, sink) = (last.kind, &mut *self.sink);
                    let mut teller = Teller { id: param, kind, aside: None, sink, told: false, ..*self };
                    values.iter().for_each(|it| teller.tell(it));
                    self.told |= teller.told;
                }
            }
            [first, left, right] => {
                let (left, right) = (left.values(context), right.values(context));
                let pair = |left| right.iter().filter_map(number).map(move |right| (left, right));
                let pairs: Vec<(f64, f64)> = left.iter().filter_map(number).flat_map(pair).collect();
                for param in self.under(first, context, pairs.len()) {
                    pairs.iter().for_each(|(left, right)| self.sink.numbers(param, *left, *right));
                    self.told |= !pairs.is_empty();
                }
            }
            _ => {}
        }
    }

    /// The parameters for each form of each value of the first component, under each of which so many values are told.
    fn under(&mut self, first: &Component, context: &Context<'_>, values: usize) -> Vec<ParamId> {
        let mut firsts = Firsts { sink: self.sink, params: Vec::new() };
        let mut teller = Teller { kind: first.kind, aside: None, sink: &mut firsts, told: false, ..*self };
        first.values(context).iter().for_each(|it| teller.tell(it));
        firsts.params.sort_unstable();
        firsts.params.dedup();
        firsts.params.truncate(self.pairs / values.max(1));
        self.pairs -= firsts.params.len() * values;
        firsts.params
    }
}

impl Component {
    /// What it selects of a match; nothing where it fails.
    fn values<'a>(&'a self, context: &Context<'a>) -> Vec<Item<'a>> {
        self.expression.evaluate(context).unwrap_or_default()
    }
}

/// How many values an item may tell: a CodeableConcept each of its codings.
fn codes(item: &Item<'_>) -> usize {
    let codings = item.node().and_then(|it| it.value()?.get("coding"));
    codings.map_or(1, |it| it.each().count().max(1))
}

/// Takes the values of a first component.
struct Firsts<'s> {
    sink: &'s mut dyn IndexSink,
    params: Vec<ParamId>,
}

impl IndexSink for Firsts<'_> {
    fn token(&mut self, param: ParamId, system: Option<&str>, code: &str) {
        for first in [First::Code(code), First::Coding(system, code)] {
            self.params.push(self.sink.composite(param, first));
        }
    }
    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        self.params.push(self.sink.composite(param, First::Reference(target)));
    }
    fn uri(&mut self, param: ParamId, uri: &str) {
        self.params.push(self.sink.composite(param, First::Uri(uri)));
    }
}
