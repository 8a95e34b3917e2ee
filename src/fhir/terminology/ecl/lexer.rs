//! The words and signs of an expression.

use crate::outcome::shown;
use crate::{Failure, IssueType, Result};

/// The longest expression, in bytes.
const LONGEST: usize = 10_000;

/// Goes over an expression from sign to sign. Space and comments between these count for nothing.
#[derive(Clone)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Result<Lexer<'t>> {
        match text.len() > LONGEST {
            true => {
                let told = format!("An expression constraint is {LONGEST} bytes long at the most.");
                Err(Failure::new(IssueType::TooLong, told))
            }
            false => Ok(Lexer { text, at: 0 }),
        }
    }

    /// What comes next, behind space and comments.
    pub(super) fn rest(&mut self) -> &'t str {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let next = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            let next = match next.strip_prefix("/*").map(|it| it.split_once("*/")) {
                Some(Some((_, behind))) => behind,
                // A comment without an end is none.
                _ => next,
            };
            self.at = self.text.len() - next.len();
            if next.len() == rest.len() {
                return next;
            }
        }
    }

    pub(super) fn is_end(&mut self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn is_next(&mut self, sign: &str) -> bool {
        self.rest().starts_with(sign)
    }

    /// Goes behind a sign, if it is the next one.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let is_next = self.is_next(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    /// Goes behind a word in any case, if it is the next one, whole.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest();
        let Some((head, tail)) = rest.split_at_checked(word.len()) else { return false };
        let is_next = head.eq_ignore_ascii_case(word) && !tail.starts_with(|it: char| it.is_alphanumeric());
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// Goes behind the beginning of a filter of this kind, if it is what comes next.
    pub(super) fn eat_filter(&mut self, kind: &str) -> bool {
        let before = self.at;
        let is_next = self.eat("{{") && self.eat_word(kind);
        if !is_next {
            self.at = before;
        }
        is_next
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(self.wrong(sign)),
        }
    }

    /// The digits that come next.
    pub(super) fn digits(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The sign, digits and point that come next.
    pub(super) fn number(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_ascii_digit() && !matches!(it, '+' | '-' | '.')).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The letters that come next.
    pub(super) fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_ascii_alphabetic()).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The text in the quotation marks that come next; a backslash stands before one that is part of it, and before itself.
    pub(super) fn quoted(&mut self) -> Result<String> {
        self.expect("\"")?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (mut text, mut is_escaped) = (String::new(), false);
        for (at, character) in rest.char_indices() {
            match character {
                '\\' if !is_escaped => is_escaped = true,
                '"' if !is_escaped => {
                    self.at += at + 1;
                    return Ok(text);
                }
                _ => {
                    if is_escaped && !matches!(character, '"' | '\\') {
                        text.push('\\');
                    }
                    is_escaped = false;
                    text.push(character);
                }
            }
        }
        self.at = self.text.len();
        Err(self.wrong("a quotation mark"))
    }

    /// The text up to a sign, which is gone behind.
    pub(super) fn until(&mut self, sign: &str) -> Result<&'t str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.split_once(sign) {
            Some((before, _)) => {
                self.at += before.len() + sign.len();
                Ok(before)
            }
            None => Err(self.wrong(sign)),
        }
    }

    /// What comes behind the parenthesis that closes the one that comes next.
    pub(super) fn behind_parentheses(&mut self) -> &'t str {
        let rest = self.rest();
        let (mut depth, mut is_term) = (0_u32, false);
        for (at, character) in rest.char_indices() {
            match character {
                '|' => is_term = !is_term,
                '(' if !is_term => depth += 1,
                ')' if !is_term => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return rest.get(at + 1..).unwrap_or_default().trim_start();
                    }
                }
                _ => {}
            }
        }
        ""
    }

    /// That something else is expected here.
    pub(super) fn wrong(&mut self, expected: &str) -> Failure {
        let found: String = self.rest().chars().take(20).collect();
        let place = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        let found = if found.is_empty() { "its end".to_owned() } else { shown(&found).to_string() };
        let told = format!("The expression constraint has {found} at character {place}, where {expected} is expected.");
        Failure::new(IssueType::Invalid, told)
    }

    /// That this is not read here.
    pub(super) fn refused(&self, what: &str) -> Failure {
        let told = format!("This server does not know {what} in expression constraints.");
        Failure::new(IssueType::NotSupported, told)
    }
}
