//! Full text (search.html#content and `:text`), its pure half: the words of a text, what a query asks of them, and which
//! texts of a resource belong to which parameter.
//!
//! Index and query take words apart by the same function, [`words`], which folds as strings do ([`super::fold`]).

mod parse;
mod resource;
#[cfg(test)]
mod tests;

pub use parse::parse;
pub use resource::{Text, texts};

use super::fold::fold;
use super::{Clause, ParamId, Test};

/// Longer words are no words that anybody types; they are left out.
const LONGEST: usize = 64;

/// What a text must have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// All of these.
    All(Vec<TextTest>),
    /// One of these.
    Any(Vec<TextTest>),
    /// These words, folded, one behind the other.
    Phrase(Vec<String>),
    /// A word that starts with this one, folded.
    Prefix(String),
    /// A word that differs from this one, folded, in at most so many letters (two neighbours in the wrong order count
    /// once).
    Near(String, u8),
    /// A word that sounds like this one.
    Sound(String),
}

impl TextTest {
    /// Texts with words that start with each of these, in any order (`:text`).
    pub fn starts(text: &str) -> Option<TextTest> {
        each_word(text, TextTest::Prefix)
    }

    /// Texts with each of these words as people mistype them (`:fuzzy`): one letter may differ from three letters on,
    /// two from six on.
    pub fn near(text: &str) -> Option<TextTest> {
        each_word(text, |word| {
            let edits = match word.chars().count() {
                0..=2 => 0,
                3..=5 => 1,
                _ => 2,
            };
            TextTest::Near(word, edits)
        })
    }

    /// Texts with words that sound like each of these (`:phonetic`).
    pub fn sounds(text: &str) -> Option<TextTest> {
        each_word(text, TextTest::Sound)
    }
}

fn each_word(text: &str, test: impl Fn(String) -> TextTest) -> Option<TextTest> {
    let tests: Vec<TextTest> = words(text).into_iter().map(test).collect();
    (!tests.is_empty()).then_some(TextTest::All(tests))
}

/// The full-text tests of a filter, those within chains included.
pub fn asked(filter: &[Clause]) -> Vec<(ParamId, &TextTest)> {
    let tests = filter.iter().flat_map(|it| match it {
        Clause::Any(tests) | Clause::None(tests) => tests,
    });
    let asked = tests.flat_map(|test| match test {
        Test::Text(param, text) => vec![(*param, text)],
        Test::Chain { filter, .. } | Test::Has { filter, .. } | Test::All(filter) => asked(filter),
        _ => Vec::new(),
    });
    asked.collect()
}

/// The words of a text, folded. What is neither letter nor digit parts them; an ideograph is a word of its own, as
/// nothing parts words in such scripts.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words = Vec::new();
    for run in folded.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()) {
        let mut rest = run;
        while let Some(at) = rest.find(is_ideograph) {
            let (before, from) = rest.split_at(at);
            let size = from.chars().next().map_or(0, char::len_utf8);
            let (ideograph, behind) = from.split_at(size);
            words.extend([before, ideograph].into_iter().filter(|it| !it.is_empty()).map(str::to_owned));
            rest = behind;
        }
        if !rest.is_empty() {
            words.push(rest.to_owned());
        }
    }
    words.retain(|it| it.len() <= LONGEST);
    words
}

/// Han, Hiragana and Katakana.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{3ffff}')
}
