//! Composite parameters (search.html#composite) as this server keeps them.

use super::alternatives::own_alternatives;
use crate::spec::{ParamType, SearchParam, Spec, TypeId};

/// The parameters that a composite's components are; `None` where it has a shape that has no index: the first must be
/// compared for equality, and behind it comes one other, or two numbers.
pub(super) fn components<'s>(spec: &'s Spec, param: &SearchParam) -> Option<Vec<&'s SearchParam>> {
    let parts = param.components.iter().map(|it| spec.param_by_url(&it.definition)).collect::<Option<Vec<_>>>()?;
    let kinds: Vec<ParamType> = parts.iter().map(|it| it.kind).collect();
    let (first, rest) = kinds.split_first()?;
    let is_equality = matches!(first, ParamType::Token | ParamType::Reference | ParamType::Uri);
    let is_kept = match rest {
        [last] => !matches!(last, ParamType::Composite | ParamType::Special),
        [ParamType::Number, ParamType::Number] => true,
        _ => false,
    };
    (is_equality && is_kept).then_some(parts)
}

/// Whether the components of a composite make a shape that is indexed.
pub fn has_components_served(spec: &Spec, param: &SearchParam) -> bool {
    components(spec, param).is_some()
}

/// The parameters under which the matches of a parameter are kept: its own, or, where each alternative of a composite's
/// expression is the expression of another of the standard's composites with the same components, those others.
pub(super) fn kept_as<'s>(spec: &'s Spec, of: TypeId, param: &'s SearchParam) -> Vec<&'s SearchParam> {
    if param.kind != ParamType::Composite {
        return vec![param];
    }
    let alternatives = own_alternatives(spec, param, of);
    // A tenant's own ones may go.
    let is_other = |it: &&SearchParam| it.own.is_none() && is_alike(spec, it, param) && it.code != param.code;
    let others: Vec<&SearchParam> = spec.params_of(of).into_iter().filter(is_other).collect();
    let keeper =
        |alternative: &&str| others.iter().copied().find(|it| own_alternatives(spec, it, of) == [*alternative]);
    let keepers: Option<Vec<_>> = alternatives.iter().map(keeper).collect();
    keepers.filter(|it| it.len() > 1).unwrap_or_else(|| vec![param])
}

/// Whether two composites have the same components but for their names.
fn is_alike(spec: &Spec, a: &SearchParam, b: &SearchParam) -> bool {
    let shape = |it: &SearchParam| {
        let kind = |definition: &str| spec.param_by_url(definition).map(|it| it.kind);
        it.components.iter().map(|it| (kind(&it.definition), it.expression.clone())).collect::<Vec<_>>()
    };
    a.kind == b.kind && shape(a) == shape(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    #[test]
    fn every_composite_of_r4_has_an_index() {
        let composites: Vec<_> = r4().params.iter().filter(|it| it.kind == ParamType::Composite).collect();
        assert_eq!(composites.len(), 46);
        assert!(composites.iter().all(|it| components(r4(), it).is_some()));
    }

    #[test]
    fn the_union_of_two_composites_is_kept_as_both() {
        let of = r4().resource("Observation").unwrap();
        for (code, expected) in [
            ("combo-code-value-quantity", &["code-value-quantity", "component-code-value-quantity"][..]),
            ("code-value-quantity", &["code-value-quantity"]),
            ("code", &["code"]),
        ] {
            let kept: Vec<&str> = kept_as(r4(), of, r4().param(of, code).unwrap()).iter().map(|it| &*it.code).collect();
            assert_eq!(kept, expected);
        }
    }
}
