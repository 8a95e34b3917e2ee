//! What a test looks at.

use super::{ParamId, Test};
use std::slice::from_ref;

impl Test {
    /// The parameters of the resource itself that the test looks at; those of tests within it ([`Test::All`]), and of other
    /// resources at the end of chains, are not among them.
    pub fn params(&self) -> &[ParamId] {
        match self {
            Test::Id(_) | Test::Of(_) | Test::Has { .. } | Test::All(_) => &[],
            Test::Present(param, _)
            | Test::Token(param, _)
            | Test::String(param, _)
            | Test::Date(param, _)
            | Test::Number(param, _)
            | Test::Quantity(param, ..)
            | Test::Local { param, .. }
            | Test::Url(param, _)
            | Test::Kin { param, .. }
            | Test::Uri(param, _)
            | Test::Near(param, _)
            | Test::Text(param, _)
            | Test::Chain { param, .. }
            | Test::Numbers(param, ..)
            | Test::Composite { param, .. } => from_ref(param),
            Test::Owned { params, .. } | Test::Unowned { params, .. } | Test::Leads { params, .. } => params,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Clause, NO_CODES, Query};
    use crate::spec::r4;

    #[test]
    fn a_test_looks_at_what_its_resource_has() {
        let of = r4().resource("Observation").unwrap();
        let query = Query { spec: r4(), of, base: "", now: 0, codes: &NO_CODES };
        for (name, value, looked_at) in [
            ("_id", "1", None),
            ("status", "final", Some("status")),
            ("date", "ge2026", Some("date")),
            ("subject:missing", "true", Some("subject")),
            ("subject:Patient.name", "x", Some("subject")),
            ("code:text", "x", Some("code")),
            ("code-value-quantity", "x$5", Some("code-value-quantity")),
            ("_has:DiagnosticReport:result:code", "x", None),
        ] {
            let (Clause::Any(tests) | Clause::None(tests)) = query.clause(name, value).unwrap();
            let found: Vec<ParamId> = tests.iter().flat_map(|it| it.params().to_vec()).collect();
            let expected: Vec<ParamId> = looked_at.map(|it| ParamId::of("Observation", it)).into_iter().collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
