//! Which conditions an index lists the resources of, so that no others are looked at.

use super::{Clause, Shelf, StringTest, Test};

impl Clause {
    /// Whether an index lists what passes. What asks for something to be absent no index lists.
    pub fn is_indexed(&self) -> bool {
        match self {
            Clause::Any(tests) => tests.iter().all(Test::is_indexed),
            Clause::None(_) => false,
        }
    }
}

impl Test {
    fn is_indexed(&self) -> bool {
        match self {
            // All texts of the parameter are gone through.
            Test::String(_, StringTest::Contains(_) | StringTest::Suffix(_)) => false,
            Test::Present(_, shelf) => *shelf == Shelf::Key,
            Test::Unowned { .. } | Test::Leads { .. } => false,
            // All resources at the other end are gone through, unless an index lists those that pass there.
            Test::Chain { filter, .. } | Test::Has { filter, .. } | Test::All(filter) => {
                filter.iter().any(Clause::is_indexed)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NO_CODES, Query};
    use crate::spec::r4;

    #[test]
    fn what_no_index_lists_is_known() {
        for (name, value, expected) in [
            ("name", "x", true),
            ("name:exact", "x", true),
            ("name:contains", "x", false),
            ("gender:not", "male", false),
            ("gender:missing", "false", true),
            ("gender:missing", "true", false),
            ("name:missing", "false", false),
            ("organization.name", "x", true),
            ("organization.name:contains", "x", false),
            ("_has:Observation:patient:code", "x", true),
            ("_has:Observation:patient:code:not", "x", false),
            ("_filter", "gender eq male and name co x", true),
            ("_filter", "gender eq male or name co x", false),
        ] {
            let of = r4().resource("Patient").unwrap();
            let query = Query { spec: r4(), of, base: "", now: 0, codes: &NO_CODES };
            assert_eq!(query.clause(name, value).unwrap().is_indexed(), expected, "{name}={value}");
        }
    }
}
