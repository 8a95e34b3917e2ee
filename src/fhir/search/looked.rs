//! What a test looks at.

use super::{Clause, ParamId, Test, names_version};
use crate::spec::r4;
use rustc_hash::FxHashSet;
use std::slice::from_ref;
use std::sync::LazyLock;

/// Of what the first versions of this server had no index rows, and rules of privacy ask: what tells whom a resource is of or about, its
/// labels and what it contains.
static LATE: LazyLock<FxHashSet<ParamId>> = LazyLock::new(|| {
    let inline = r4().resources().map(|it| ParamId::inline_labels(&r4().of(it).name));
    inline.chain([ParamId::PATIENTS, ParamId::LABELS, ParamId::CODES, ParamId::CODED_BY]).collect()
});

impl Test {
    /// Whether it, or a test within it, asks what only index rows tell that an earlier version did not write: without them what
    /// is to be hidden would be found, and what refers to a version would not.
    pub fn asks_late_rows(&self) -> bool {
        let within = match self {
            Test::Chain { filter, .. } | Test::Has { filter, .. } | Test::Leads { filter, .. } | Test::All(filter) => {
                filter
            }
            _ => &[][..],
        };
        let mut tests = within.iter().flat_map(|(Clause::Any(tests) | Clause::None(tests))| tests);
        let asks_for_version = matches!(self, Test::Uri(_, uri) if !uri.contains(':') && names_version(uri));
        asks_for_version || self.params().iter().any(|it| LATE.contains(it)) || tests.any(Test::asks_late_rows)
    }

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
    fn what_rules_ask_of_late_rows_is_told_however_deep_it_lies() {
        let labelled = Test::Present(ParamId::inline_labels("Patient"), crate::search::Shelf::Key);
        let all = Test::All(vec![Clause::None(vec![labelled.clone()])]);
        let leads =
            Test::Leads { params: vec![ParamId::of("Task", "focus")], filter: vec![Clause::Any(vec![all.clone()])] };
        let owned = Test::Unowned { params: vec![ParamId::PATIENTS], of: "Patient".into() };
        let version = Test::Uri(ParamId::of("Provenance", "target:identifier"), "Patient/1/_history/2".into());
        assert!([labelled, all, leads, owned, version].iter().all(Test::asks_late_rows));
        assert!(!Test::Present(ParamId::of("Patient", "_security"), crate::search::Shelf::Key).asks_late_rows());
    }

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
