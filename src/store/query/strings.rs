//! Comparisons of texts as conditions on `param, norm, exact`.

use super::filter::Filters;
use super::sql::Sql;
use fhir::search::fold::fold;
use fhir::search::{ParamId, StringTest};

impl Filters<'_> {
    pub(crate) fn string_condition(&self, param: ParamId, string: &StringTest) -> Sql {
        let mut sql = Sql::new("param = ? AND ");
        sql.bind(param.0 as i64);
        match string {
            StringTest::Prefix(text) => {
                let from = fold(text);
                let end = behind_prefix(&from);
                sql.push("norm >= ?").bind(from);
                if let Some(end) = end {
                    sql.push(" AND norm < ?").bind(end);
                }
            }
            StringTest::Exact(text) => {
                sql.push("norm = ? AND exact = ?").bind(fold(text)).bind(self.hash.exact(text));
            }
            StringTest::Contains(text) => {
                sql.push(&self.dialect.contains("norm")).bind(fold(text));
            }
            StringTest::Folded(text) => {
                sql.push("norm = ?").bind(fold(text));
            }
            StringTest::Suffix(text) => {
                let end = fold(text);
                // By characters from the end; from the 0th, everything would be taken.
                sql.push(&format!("(? = 0 OR {} = ?)", self.dialect.end("norm")));
                let length = end.chars().count() as i64;
                sql.bind(length).bind(length).bind(end);
            }
        }
        sql
    }
}

/// The least text behind all that start with `prefix`, in the order of code points; `None` if there is none.
fn behind_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Stepping over the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
