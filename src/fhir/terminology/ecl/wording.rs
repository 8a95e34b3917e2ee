//! Texts that names and values are searched for: words that words begin with, or a pattern with wildcards.

use super::lexer::Lexer;
use crate::Result;
use crate::terminology::release::words;

/// A text that is searched for. Case makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wording {
    /// `match:"two words"`: each is the beginning of a word.
    Words(String),
    /// `wild:"*itis"`: the whole text, in which `*` stands for anything.
    Wild(String),
}

impl Wording {
    /// Reads one; `None` where something else comes.
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Result<Option<Wording>> {
        let is_wild = lexer.eat_word("wild");
        if is_wild || lexer.eat_word("match") {
            lexer.expect(":")?;
        } else if !lexer.is_next("\"") {
            return Ok(None);
        }
        let text = lexer.quoted()?;
        Ok(Some(if is_wild { Wording::Wild(text) } else { Wording::Words(text) }))
    }

    /// Whether a text is so.
    pub fn is_in(&self, text: &str) -> bool {
        match self {
            Wording::Words(sought) => {
                let own: Vec<String> = words(text).collect();
                words(sought).all(|it| own.iter().any(|word| word.starts_with(&it)))
            }
            Wording::Wild(pattern) => fits(&pattern.to_lowercase(), &text.to_lowercase()),
        }
    }

    /// Beginnings of words that every text has which is so, and no others with them.
    pub fn beginnings(&self) -> String {
        match self {
            Wording::Words(text) => text.clone(),
            Wording::Wild(pattern) => {
                let pieces = pattern.split('*').enumerate();
                // What a piece begins with may be the end of a word, but for the first one.
                let whole = pieces.map(|(at, piece)| match at {
                    0 => piece,
                    _ => piece.trim_start_matches(char::is_alphanumeric),
                });
                whole.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Whether the words of names, each by itself, tell all that is asked.
    pub fn is_one_word(&self) -> bool {
        matches!(self, Wording::Words(text) if words(text).nth(1).is_none() && !text.contains(|it: char| it.is_ascii_digit()))
    }
}

/// Whether a text is what a pattern says. Where it is not, the last `*` takes one character more, and those before it need not.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(here) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, here));
                at += 1;
            }
            Some(expected) if expected == character => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, here) = (back + 1, taken + 1);
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
            assert_eq!(Wording::Wild(pattern.into()).is_in(text), fit, "{pattern} {text}");
        }
    }

    #[test]
    fn beginnings_are_of_words_that_must_be_there() {
        for (pattern, expected) in
            [("heart att*", "heart att"), ("*itis", ""), ("*itis of heart*", "of heart"), ("acute * of", "acute of")]
        {
            let beginnings = Wording::Wild(pattern.into()).beginnings();
            assert_eq!(words(&beginnings).collect::<Vec<_>>(), words(expected).collect::<Vec<_>>(), "{pattern}");
        }
    }

    proptest! {
        /// A pattern is what it is as an expression with `.*`.
        #[test]
        fn patterns_are_expressions(pattern in "[ab*]{0,8}", text in "[ab]{0,8}") {
            let expression = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(fits(&pattern, &text), expression.is_match(&text));
        }
    }
}
