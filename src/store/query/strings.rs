//! Comparisons of texts as conditions on `param, norm, exact`.

use super::filter::Filters;
use super::marked::is_marked;
use super::sql::Sql;
use fhir::search::fold::fold;
use fhir::search::{ParamId, StringTest};

impl Filters<'_> {
    pub(crate) fn string_condition(&self, param: ParamId, string: &StringTest) -> Sql {
        let whole = self.dialect.whole();
        let mut sql = Sql::new("param = ? AND ");
        sql.bind(param.0 as i64);
        match string {
            StringTest::Prefix(text) => {
                let from = fold(text);
                let head = self.dialect.head(&from);
                match head.len() < from.len() {
                    true => sql.push("norm = ? AND ").bind(head.to_owned()).append(starting(whole, from)),
                    false => sql.append(starting("norm", from)),
                };
            }
            StringTest::Exact(text) => {
                let norm = self.norm(param, text);
                sql.push("norm = ? AND exact = ?").bind(self.dialect.head(&norm).to_owned());
                let exact = self.hash.exact(text);
                sql.bind(if is_marked(param) { self.hash.marked_exact(param, exact) } else { exact });
            }
            StringTest::Contains(text) => {
                sql.push(&self.dialect.contains(whole)).bind(fold(text));
            }
            StringTest::Folded(text) => {
                let norm = self.norm(param, text);
                sql.push("norm = ?").bind(self.dialect.head(&norm).to_owned());
                if whole != "norm" {
                    sql.push(&format!(" AND {whole} = ?")).bind(norm);
                }
            }
            StringTest::Suffix(text) => {
                let end = fold(text);
                // By characters from the end; from the 0th, everything would be taken.
                sql.push(&format!("(? = 0 OR {} = ?)", self.dialect.end(whole)));
                let length = end.chars().count() as i64;
                sql.bind(length).bind(length).bind(end);
            }
        }
        sql
    }

    /// A whole text as the index has it.
    fn norm(&self, param: ParamId, text: &str) -> String {
        match is_marked(param) {
            true => self.hash.marked(param, &fold(text)),
            false => fold(text),
        }
    }
}

/// That a column starts with a text.
fn starting(column: &str, text: String) -> Sql {
    let end = behind_prefix(&text);
    let mut sql = Sql::new(&format!("{column} >= ?"));
    sql.bind(text);
    if let Some(end) = end {
        sql.push(&format!(" AND {column} < ?")).bind(end);
    }
    sql
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
