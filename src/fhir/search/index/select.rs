//! The elements that a search parameter's expression selects.

use crate::path::{Context, Expression, Item, PathError};
use crate::spec::{Spec, TypeId};

/// What stands before the type in `Observation.subject.where(resolve() is Patient)`.
const FILTER: &str = ".where(resolve() is ";

/// One alternative of a parameter's expression.
///
/// Of a reference by an identifier alone (references.html#logical) nobody knows what it leads to until something with
/// that identifier is looked for. So a condition on what it leads to leaves it selected, unless it names a type itself.
pub(super) struct Selector {
    path: Expression,
    filter: Option<Filter>,
}

struct Filter {
    condition: Expression,
    of: TypeId,
}

impl Selector {
    pub(super) fn parse(spec: &Spec, text: &str) -> Result<Selector, PathError> {
        let filtered = text.strip_suffix(')').and_then(|it| it.split_once(FILTER));
        let filtered = filtered.and_then(|(path, of)| Some((path, spec.resource(of)?)));
        let Some((path, of)) = filtered else { return Ok(Selector { path: Expression::parse(text)?, filter: None }) };
        let condition = Expression::parse(&format!("resolve() is {}", spec.of(of).name))?;
        Ok(Selector { path: Expression::parse(path)?, filter: Some(Filter { condition, of }) })
    }

    /// The type that the references are to lead to, where the expression says so.
    pub(super) fn target(&self) -> Option<TypeId> {
        self.filter.as_ref().map(|it| it.of)
    }

    /// The types of what it selects, as far as that is known beforehand.
    #[cfg(test)]
    pub(super) fn answers(&self, of: &[TypeId]) -> Option<Vec<TypeId>> {
        self.path.answers(of).unwrap_or_else(|it| panic!("{it}"))
    }

    /// What it selects; an expression that fails on this resource (a budget passed) selects nothing.
    pub(super) fn select<'a>(&'a self, context: &Context<'a>) -> Vec<Item<'a>> {
        let mut selected = self.path.evaluate(context).unwrap_or_default();
        if let Some(Filter { condition, .. }) = &self.filter {
            selected.retain(|it| is_open(it) || condition.truth(&context.on(it.clone())) == Ok(Some(true)));
        }
        selected
    }
}

/// Whether a reference names neither a place nor a type, but an identifier.
fn is_open(item: &Item<'_>) -> bool {
    let value = item.node().and_then(|it| it.value());
    value.is_some_and(|it| it.get("identifier").is_some() && it.get("reference").is_none() && it.get("type").is_none())
}
