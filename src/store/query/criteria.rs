//! Criteria as a text that is the same for all who mean the same by them, however they put it: the order of parameters and
//! of alternatives says nothing (search.html#combining), nor does saying one twice.

use fhir::search::{Clause, Filter, Test};

/// The text that stands for criteria.
pub(crate) fn canonical(filter: &Filter) -> String {
    sorted(filter.iter().map(clause))
}

fn clause(clause: &Clause) -> String {
    match clause {
        Clause::Any(tests) => format!("any({})", sorted(tests.iter().map(test))),
        Clause::None(tests) => format!("none({})", sorted(tests.iter().map(test))),
    }
}

fn test(test: &Test) -> String {
    match test {
        Test::Chain { param, of, filter, .. } => format!("chain({param:?} {of:?} {})", canonical(filter)),
        Test::Has { of, param, filter } => format!("has({param:?} {of:?} {})", canonical(filter)),
        Test::All(filter) => format!("all({})", canonical(filter)),
        other => format!("{other:?}"),
    }
}

fn sorted(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.collect();
    parts.sort_unstable();
    parts.dedup();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::search::{ParamId, TokenTest};

    fn code(code: &str) -> Test {
        Test::Token(ParamId::of("Patient", "identifier"), TokenTest::Code(code.into()))
    }

    fn any(codes: &[&str]) -> Clause {
        Clause::Any(codes.iter().map(|it| code(it)).collect())
    }

    fn chain(filter: Filter) -> Clause {
        let param = ParamId::of("Patient", "link");
        Clause::Any(vec![Test::Chain { param, is_single: false, of: "Patient".into(), filter }])
    }

    #[test]
    fn order_and_repetition_say_nothing() {
        let one = vec![any(&["a", "b"]), any(&["c"])];
        let other = vec![any(&["c"]), any(&["b", "a", "b"]), any(&["c"])];
        assert_eq!(canonical(&one), canonical(&other));
        assert_eq!(canonical(&vec![chain(one)]), canonical(&vec![chain(other)]));
    }

    #[test]
    fn other_criteria_are_others() {
        let all = [
            vec![],
            vec![any(&[])],
            vec![any(&["a", "b"])],
            vec![any(&["a"]), any(&["b"])],
            vec![Clause::None(vec![code("a"), code("b")])],
            vec![any(&["a\",b"])],
            vec![chain(vec![any(&["a", "b"])])],
        ];
        let mut texts: Vec<String> = all.iter().map(canonical).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), all.len());
    }
}
