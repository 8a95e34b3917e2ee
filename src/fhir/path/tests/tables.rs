//! Every expression that R4 itself has.

use super::super::Expression;
use crate::spec::{TypeId, r4};

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

/// Invariants of R4 that name elements which R4 does not have.
const MISTAKEN: &[&str] = &[
    "ChargeItemDefinition cid-0: the FHIRPath expression cannot be evaluated: ChargeItemDefinition has no element 'name'",
];

#[test]
fn every_search_parameter_names_elements_that_are_there() {
    let mut mistaken = Vec::new();
    for param in r4().params.iter().filter(|it| !it.expression.is_empty()) {
        if let Err(error) = Expression::parse(&param.expression).and_then(|it| it.check(&param.base)) {
            mistaken.push(format!("{}: {error}", param.url));
        }
    }
    assert_eq!(mistaken, Vec::<String>::new());
}

#[test]
fn every_invariant_names_elements_that_are_there() {
    let mut mistaken = Vec::new();
    for (index, of) in r4().types().iter().enumerate() {
        let own = of.constraints.iter().map(|it| (it, vec![TypeId(index as u16)]));
        let elements = of.elements.iter().flat_map(|it| it.constraints.iter().map(|own| (own, it.types.clone())));
        for (constraint, types) in own.chain(elements) {
            if let Err(error) = Expression::parse(&constraint.expression).and_then(|it| it.check(&types)) {
                mistaken.push(format!("{} {}: {error}", of.name, constraint.key));
            }
        }
    }
    assert_eq!(mistaken, MISTAKEN);
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

/// Its regular expression is the largest in R4.
#[test]
fn the_largest_pattern_fits() {
    let of = r4().of(r4().type_named("ElementDefinition").unwrap());
    let rule = of.constraints.iter().find(|it| &*it.key == "eld-19").unwrap();
    for (path, answer) in [("Patient.name", "true"), ("Patient.value[x]:a", "true"), ("{}", "false")] {
        let resource =
            format!(r#"{{"resourceType":"StructureDefinition","snapshot":{{"element":[{{"path":"{path}"}}]}}}}"#);
        let expression = format!("snapshot.element.select({})", rule.expression);
        assert_eq!(super::answers(&expression, &resource), [answer], "{path}");
    }
}
