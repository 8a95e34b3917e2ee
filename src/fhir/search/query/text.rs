//! Full text in a query: `_text`, `_content` (search.html#content), `:text` (search.html#modifiers), and two modifiers of
//! our own for strings, `:fuzzy` and `:phonetic`.

use super::{Query, Result, invalid, shown, split, unescape};
use crate::search::text::parse;
use crate::search::{Clause, Test, TextTest};
use crate::spec::{ParamType, SearchParam};

impl Query<'_> {
    /// The clause of a full-text parameter or modifier; `None` where neither is one.
    pub(super) fn full_text(&self, param: &SearchParam, modifier: Option<&str>, value: &str) -> Option<Result<Clause>> {
        let is_whole = is_full_text(param);
        let read: &dyn Fn(&str) -> Result<TextTest> = match (modifier, param.kind) {
            (None, _) if is_whole => &|text| whole(param, text),
            (Some(modifier), _) if is_whole => {
                return Some(invalid(format!("{} takes no :{}.", param.code, shown(modifier))));
            }
            (Some("text"), ParamType::String | ParamType::Reference) => &|text| words(param, TextTest::starts(text)),
            (Some("text"), ParamType::Token) if &*param.code != "_id" => &|text| words(param, TextTest::starts(text)),
            (Some("fuzzy"), ParamType::String) => &|text| words(param, TextTest::near(text)),
            (Some("phonetic"), ParamType::String) => &|text| words(param, TextTest::sounds(text)),
            _ => return None,
        };
        let tests = split(value, ',').into_iter().map(|it| Ok(Test::Text(self.id(&param.code), read(&unescape(it))?)));
        Some(tests.collect::<Result<_>>().map(Clause::Any))
    }

    /// `_content co "fever"` in a `_filter` (search_filter.html).
    pub(super) fn text_compared(&self, param: &SearchParam, operator: &str, value: &str) -> Result<Clause> {
        match operator {
            "co" => Ok(Clause::Any(vec![Test::Text(self.id(&param.code), whole(param, value)?)])),
            _ => invalid(format!("_filter: {} goes with the operator co alone.", param.code)),
        }
    }
}

/// Whether a parameter is `_text` or `_content`.
pub fn is_full_text(param: &SearchParam) -> bool {
    matches!(&*param.code, "_text" | "_content")
}

/// The query of `_text` and `_content`.
fn whole(param: &SearchParam, text: &str) -> Result<TextTest> {
    parse(text).or_else(|told| invalid(format!("{} {told}", param.code)))
}

fn words(param: &SearchParam, test: Option<TextTest>) -> Result<TextTest> {
    test.map_or_else(|| invalid(format!("{} asks for no word: give letters or digits.", param.code)), Ok)
}
