//! Every expression that R4 itself has.

use super::super::Expression;
use crate::spec::r4;

#[test]
fn every_search_parameter_compiles() {
    let expressions = r4().params.iter().flat_map(|it| {
        let parts = it.components.iter().map(|it| (&it.expression, &it.definition));
        std::iter::once((&it.expression, &it.url)).chain(parts)
    });
    let mut count = 0;
    for (expression, url) in expressions.filter(|it| !it.0.is_empty()) {
        Expression::parse(expression).unwrap_or_else(|error| panic!("{url}: {error}"));
        count += 1;
    }
    assert!(count > 1300);
}

#[test]
fn every_invariant_compiles() {
    let mut count = 0;
    for of in r4().types() {
        for constraint in of.constraints.iter().chain(of.elements.iter().flat_map(|it| &it.constraints)) {
            Expression::parse(&constraint.expression).unwrap_or_else(|error| panic!("{}: {error}", constraint.key));
            count += 1;
        }
    }
    assert!(count > 500);
}
