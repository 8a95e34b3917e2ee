//! The words and signs of a query (GraphQL section 2.1).

use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};

/// The longest query, in bytes.
const LONGEST: usize = 64 * 1024;

/// A word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Sign(char),
    /// `...`
    Spread,
    Name(String),
    /// An integer or decimal, as it is written.
    Number(String),
    Text(String),
}

/// The words and signs of a query, and where each begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>> {
    if text.len() > LONGEST {
        let told = format!("A query is {LONGEST} bytes long at the most.");
        return Err(Failure::new(IssueType::TooLong, told));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let at = text.len() - rest.len();
        if first == '#' {
            rest = rest.find(['\n', '\r']).and_then(|it| rest.get(it..)).unwrap_or_default();
            continue;
        }
        let (token, behind) = token(first, rest).ok_or_else(|| wrong(text, at))?;
        tokens.push((token, at));
        rest = behind;
    }
}

/// The token that a text begins with, and what is behind it.
fn token(first: char, rest: &str) -> Option<(Token, &str)> {
    if let Some(behind) = rest.strip_prefix("...") {
        return Some((Token::Spread, behind));
    }
    if "!$()[]{}:=@|&".contains(first) {
        return Some((Token::Sign(first), rest.get(1..)?));
    }
    if let Some(block) = rest.strip_prefix("\"\"\"") {
        let (inner, behind) = block.split_once("\"\"\"")?;
        return Some((Token::Text(inner.trim().to_owned()), behind));
    }
    if let Some(inner) = rest.strip_prefix('"') {
        return string(inner);
    }
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let is_number = |it: char| it.is_ascii_digit() || matches!(it, '-' | '+' | '.' | 'e' | 'E');
    let is_start = first.is_ascii_alphabetic() || first == '_';
    let end = match is_start {
        true => rest.find(|it| !is_name(it)),
        false => rest.find(|it| !is_number(it)),
    };
    let (word, behind) = rest.split_at(end.unwrap_or(rest.len()));
    match is_start {
        true => Some((Token::Name(word.to_owned()), behind)),
        false => word.parse::<f64>().ok().map(|_| (Token::Number(word.to_owned()), behind)),
    }
}

/// A string behind its first quote: JSON's escapes are GraphQL's.
fn string(inner: &str) -> Option<(Token, &str)> {
    let mut is_escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            '\n' | '\r' => return None,
            '"' if !is_escaped => {
                let quoted = format!("\"{}\"", inner.get(..at)?.replace('\t', "\\t"));
                let text = serde_json::from_str(&quoted).ok()?;
                return Some((Token::Text(text), inner.get(at + 1..)?));
            }
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    None
}

/// That something else is expected at a place.
pub(super) fn wrong(text: &str, at: usize) -> Failure {
    let place = text.get(..at).unwrap_or_default().chars().count() + 1;
    let found: String = text.get(at..).unwrap_or_default().chars().take(20).collect();
    let found = if found.is_empty() { "its end".to_owned() } else { shown(&found) };
    let told = format!("The query is no GraphQL: {found} at character {place} is not expected.");
    Failure::new(IssueType::Invalid, told)
}
