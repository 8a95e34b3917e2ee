//! Parameters that have no expression (search.html#special): `_list`, `_query`, `_filter`.

use super::{Left, Query, Result, invalid, is_id, shown, split, unescape};
use crate::search::{Clause, ParamId, Test};

impl Query<'_> {
    /// The clause of such a parameter; `None` for others.
    pub(super) fn special(&self, name: &str, value: &str, left: &Left<'_>) -> Option<Result<Clause>> {
        match name {
            "_filter" => Some(self.filter(value, left)),
            "_list" => Some(list(value)),
            "_query" => Some(invalid("_query names a query, and this server defines none.")),
            _ => None,
        }
    }
}

/// search.html#list: the items of a List.
fn list(value: &str) -> Result<Clause> {
    let ids: Vec<String> = split(value, ',').into_iter().map(unescape).collect();
    if let Some(wrong) = ids.iter().find(|it| !is_id(it)) {
        return invalid(match wrong.strip_prefix('$') {
            Some(name) => format!("_list: this server has no functional list such as ${}.", shown(name)),
            None => "_list takes the id of a List.".to_owned(),
        });
    }
    let filter = vec![Clause::Any(ids.into_iter().map(Test::Id).collect())];
    Ok(Clause::Any(vec![Test::Has { of: "List".to_owned(), param: ParamId::of("List", "item"), filter }]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    fn clause(name: &str, value: &str) -> Result<Clause> {
        Query {
            spec: r4(),
            of: r4().resource("Patient").unwrap(),
            base: "http://here",
            now: 0,
            codes: &crate::search::NO_CODES,
        }
        .clause(name, value)
    }

    #[test]
    fn a_list_is_what_points_to_its_items() {
        let item = ParamId::of("List", "item");
        let ids = Clause::Any(vec![Test::Id("42".into()), Test::Id("43".into())]);
        let has = Test::Has { of: "List".into(), param: item, filter: vec![ids] };
        assert_eq!(clause("_list", "42,43").unwrap(), Clause::Any(vec![has]));
    }

    #[test]
    fn functional_lists_and_named_queries_are_refused_by_name() {
        assert!(clause("_list", "$current-allergies").unwrap_err().told().contains("$current-allergies"));
        assert!(clause("_list", "a/b").unwrap_err().told().contains("id of a List"));
        assert!(clause("_list", "").is_err());
        assert!(clause("_query", "current-high-risk").unwrap_err().told().contains("_query"));
    }
}
