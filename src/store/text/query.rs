//! A test as a tantivy query. Queries are put together from terms; no text from outside is ever parsed as one.

use super::under::{Rest, Under};
use super::{Fields, sound, term};
use fhir::search::{ParamId, TextTest};
use tantivy::Term;
use tantivy::query::{BooleanQuery, FuzzyTermQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

/// The query of a test on a parameter's texts.
pub(super) fn query(fields: Fields, param: ParamId, test: &TextTest) -> tantivy::Result<Box<dyn Query>> {
    let each = |tests: &[TextTest]| tests.iter().map(|it| query(fields, param, it)).collect::<tantivy::Result<_>>();
    let word = |word: &str| Term::from_field_text(fields.word, &term(param, word));
    Ok(match test {
        TextTest::All(tests) => Box::new(BooleanQuery::intersection(each(tests)?)),
        TextTest::Any(tests) => Box::new(BooleanQuery::union(each(tests)?)),
        TextTest::Phrase(words) => match words.as_slice() {
            [one] => exact(word(one)),
            words => Box::new(PhraseQuery::new(words.iter().map(|it| word(it)).collect())),
        },
        TextTest::Prefix(start) => Box::new(Under::new(fields.word, term(param, start), Rest::Any)),
        TextTest::Near(near, 0) => exact(word(near)),
        TextTest::Near(near, edits) => {
            let near = FuzzyTermQuery::new(Term::from_field_text(fields.word, near), *edits, true).automaton()?;
            Box::new(Under::new(fields.word, term(param, ""), Rest::Near(near)))
        }
        TextTest::Sound(word) => Box::new(sounds(fields.sound, param, word)),
    })
}

fn exact(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn sounds(field: Field, param: ParamId, word: &str) -> BooleanQuery {
    let codes = sound::codes(word).into_iter();
    BooleanQuery::union(codes.map(|it| exact(Term::from_field_text(field, &term(param, &it)))).collect())
}
