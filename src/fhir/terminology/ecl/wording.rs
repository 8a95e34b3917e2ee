//! Texts that names and values are searched for: words that words begin with, or a pattern with wildcards.

use super::lexer::Lexer;
use crate::Result;
use crate::terminology::release::{split, words};

/// A text that is searched for. Case makes no difference. It is taken apart once, as it is held against many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording(Sought);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sought {
    /// Each is the beginning of a word.
    Words(Vec<String>),
    /// The whole text, in which `*` stands for anything.
    Wild(Vec<char>),
}

impl Wording {
    /// `match:"two words"`
    pub(super) fn words(text: &str) -> Wording {
        Wording(Sought::Words(words(text).collect()))
    }

    /// `wild:"*itis"`
    pub(super) fn wild(pattern: &str) -> Wording {
        Wording(Sought::Wild(pattern.to_lowercase().chars().collect()))
    }

    /// Reads one; `None` where something else comes.
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Result<Option<Wording>> {
        let is_wild = lexer.eat_word("wild");
        if is_wild || lexer.eat_word("match") {
            lexer.expect(":")?;
        } else if !lexer.is_next("\"") {
            return Ok(None);
        }
        let text = lexer.quoted()?;
        Ok(Some(if is_wild { Wording::wild(&text) } else { Wording::words(&text) }))
    }

    /// Whether a text is so.
    pub fn is_in(&self, text: &str) -> bool {
        match &self.0 {
            Sought::Words(sought) => sought.iter().all(|it| split(text).any(|word| begins(word, it))),
            Sought::Wild(pattern) => fits(pattern, &text.to_lowercase()),
        }
    }

    /// Beginnings of words that every text has which is so, and no others with them.
    pub fn beginnings(&self) -> String {
        match &self.0 {
            Sought::Words(words) => words.join(" "),
            Sought::Wild(pattern) => {
                let pieces = pattern.split(|it| *it == '*').map(|it| it.iter().collect::<String>()).enumerate();
                // What a piece begins with may be the end of a word, but for the first one.
                let whole = pieces.map(|(at, piece)| match at {
                    0 => piece,
                    _ => piece.trim_start_matches(char::is_alphanumeric).to_owned(),
                });
                whole.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Whether the words of names, each by itself, tell all that is asked.
    pub fn is_one_word(&self) -> bool {
        matches!(&self.0, Sought::Words(words) if words.len() < 2 && !words.iter().any(|it| it.contains(|it: char| it.is_ascii_digit())))
    }
}

/// Whether a word begins so in lower case.
fn begins(word: &str, sought: &str) -> bool {
    match word.is_ascii() {
        true => word.get(..sought.len()).is_some_and(|it| it.eq_ignore_ascii_case(sought)),
        false => word.to_lowercase().starts_with(sought),
    }
}

/// Whether a text is what a pattern says. Where it is not, the last `*` takes one character more, and those before it need not.
fn fits(pattern: &[char], text: &str) -> bool {
    let next = |here: usize| text.get(here..).and_then(|it| it.chars().next());
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = next(here) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(expected) if *expected == character => {
                at += 1;
                here += character.len_utf8();
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                here = taken + next(taken).map_or(1, char::len_utf8);
                star = Some((back, here));
                at = back + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|it| *it == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_is_of_the_whole_text() {
        for (pattern, text, fit) in [
            ("*itis", "Acute appendicitis", true),
            ("acute*", "Acute appendicitis", true),
            ("appendicitis", "Acute appendicitis", false),
            ("*pend*cit*", "Acute appendicitis", true),
            ("a*a*s", "Acute appendicitis", true),
            ("*x*", "Acute appendicitis", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Wording::wild(pattern).is_in(text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn beginnings_are_of_words_that_must_be_there() {
        for (pattern, expected) in
            [("heart att*", "heart att"), ("*itis", ""), ("*itis of heart*", "of heart"), ("acute * of", "acute of")]
        {
            let beginnings = Wording::wild(pattern).beginnings();
            assert_eq!(words(&beginnings).collect::<Vec<_>>(), words(expected).collect::<Vec<_>>(), "{pattern}");
        }
    }

    proptest! {
        /// Each word that is sought is the beginning of one, in any case.
        #[test]
        fn words_begin_so(sought in "[aBé ]{0,4}", text in "[abBéÉ1 -]{0,12}") {
            let own: Vec<String> = words(&text).collect();
            let expected = words(&sought).all(|it| own.iter().any(|word| word.starts_with(&it)));
            prop_assert_eq!(Wording::words(&sought).is_in(&text), expected);
        }

        /// A pattern is what it is as an expression with `.*`.
        #[test]
        fn patterns_are_expressions(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let expression = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(Wording::wild(&pattern).is_in(&text), expression.is_match(&text));
        }
    }
}
