//! Composite values (search.html#composite): those of the components, joined by `$`.

use super::super::composite::{components, kept_as};
use super::{Query, Reader, Result, invalid, shown, split};
use crate::search::{Clause, ParamId, Test, TokenTest};
use crate::spec::SearchParam;

impl<'a> Query<'a> {
    /// `code-value-quantity=8480-6$gt120,8462-4$gt80`
    pub(super) fn composite(&self, param: &'a SearchParam, modifier: Option<&str>, values: &[&str]) -> Result<Clause> {
        let code = &param.code;
        if let Some(modifier) = modifier {
            return invalid(format!("{code} is a composite, which takes no :{} but :missing only.", shown(modifier)));
        }
        let Some(parts) = components(self.spec, param) else {
            return invalid(format!("{code} is a composite of a shape that this server has no index for."));
        };
        let mut tests = Vec::new();
        for value in values {
            let texts = split(value, '$');
            if texts.len() != parts.len() || texts.contains(&"") {
                return invalid(format!("{code} takes {} values joined by $.", parts.len()));
            }
            for kept in kept_as(self.spec, self.of, param) {
                let id = self.id(&kept.code);
                let read =
                    |(param, text): (&&'a SearchParam, &&str)| Reader { query: self, param, id, code }.test(None, text);
                let read = parts.iter().zip(&texts).map(read).collect::<Result<Vec<_>>>()?;
                tests.extend(joined(id, code, read)?);
            }
        }
        Ok(Clause::Any(tests))
    }
}

/// One test for each choice among the components' alternatives.
fn joined(param: ParamId, code: &str, components: Vec<Vec<Test>>) -> Result<Vec<Test>> {
    let mut components = components.into_iter();
    let firsts = components.next().unwrap_or_default();
    if firsts.iter().any(|it| matches!(it, Test::Token(_, TokenTest::System(_)))) {
        return invalid(format!("{code} needs a code before the $: a system alone is not served in a composite."));
    }
    let lasts = components.reduce(pairs).unwrap_or_default();
    let composite = |first: &Test, last: &Test| Test::Composite {
        param,
        first: Box::new(first.clone()),
        last: Box::new(last.clone()),
    };
    Ok(firsts.iter().flat_map(|first| lasts.iter().map(move |last| composite(first, last))).collect())
}

/// Tests on one number and on another as tests on both.
fn pairs(left: Vec<Test>, right: Vec<Test>) -> Vec<Test> {
    let pair = |(left, right): (&Test, &Test)| match (left, right) {
        (Test::Number(param, left), Test::Number(_, right)) => Some(Test::Numbers(*param, *left, *right)),
        _ => None,
    };
    left.iter().flat_map(|it| right.iter().map(move |other| (it, other))).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{RangeTest, UnitTest};
    use crate::spec::r4;

    fn clause(of: &str, name: &str, value: &str) -> Result<Clause> {
        Query {
            spec: r4(),
            of: r4().resource(of).unwrap(),
            base: "http://here",
            now: 0,
            codes: &crate::search::NO_CODES,
        }
        .clause(name, value)
    }

    #[test]
    fn parts_are_split_but_where_escaped() {
        let param = ParamId::of("Observation", "code-value-quantity");
        let test = |system: &str| Test::Composite {
            param,
            first: Box::new(Test::Token(param, TokenTest::Coding(system.into(), "a,b".into()))),
            last: Box::new(Test::Quantity(param, UnitTest::Named("mg$".into()), RangeTest::Above(5.4))),
        };
        let read = clause("Observation", "code-value-quantity", r"x\$y|a\,b$gt5.4||mg\$,z|a\,b$gt5.4||mg\$").unwrap();
        assert_eq!(read, Clause::Any(vec![test("x$y"), test("z")]));
    }

    #[test]
    fn a_union_is_asked_for_in_each_of_its_parts() {
        let Ok(Clause::Any(tests)) = clause("Observation", "combo-code-value-concept", "a$b") else { unreachable!() };
        assert_eq!(tests.len(), 2);
        let Ok(Clause::None(tests)) = clause("Observation", "combo-code-value-concept:missing", "true") else {
            unreachable!()
        };
        assert_eq!(tests.len(), 2);
    }

    #[test]
    fn two_numbers_make_one_test() {
        let read = clause("MolecularSequence", "chromosome-window-coordinate", "X$gt1$lt9").unwrap();
        let Clause::Any(tests) = read else { unreachable!() };
        let [Test::Composite { last, .. }] = tests.as_slice() else { unreachable!() };
        assert!(matches!(**last, Test::Numbers(_, RangeTest::Above(1.0), RangeTest::Below(9.0))));
    }

    #[test]
    fn what_does_not_fit_the_components_is_refused() {
        for (name, value) in [
            ("code-value-quantity", "a"),
            ("code-value-quantity", "a$"),
            ("code-value-quantity", "$5"),
            ("code-value-quantity", "a$5$6"),
            ("code-value-quantity", "a$five"),
            ("code-value-quantity", "loinc|$5"),
            ("code-value-quantity", ""),
            ("code-value-quantity", &"a$5,".repeat(2000)),
            ("code-value-quantity:not", "a$5"),
            ("code-value-quantity:missing", "maybe"),
        ] {
            assert!(clause("Observation", name, value).is_err(), "{name}={value}");
        }
    }
}
