//! The text of `_text` and `_content` (search.html#content): words, `"phrases"`, `beginn*`, `and`, `or`, parentheses.

use super::{TextTest, words};

/// Parentheses within parentheses, at the most.
const DEPTH: usize = 8;
/// Words and phrases in one query, at the most.
const TERMS: usize = 32;

/// Reads a query; fails with the sentence that says what is wrong with it.
pub fn parse(text: &str) -> Result<TextTest, &'static str> {
    let tokens = tokens(text)?;
    if tokens.iter().filter(|it| matches!(it, Token::Test(_))).count() > TERMS {
        return Err("has more than 32 words.");
    }
    let mut parser = Parser { tokens: tokens.into_iter().peekable() };
    let test = parser.either(DEPTH)?;
    match parser.tokens.next() {
        None => Ok(test),
        Some(_) => Err(UNBALANCED),
    }
}

const UNBALANCED: &str = "has a parenthesis or a quotation mark without its other half.";
const EMPTY: &str = "asks for no word: give letters or digits on both sides of and, of or, and within parentheses.";

enum Token {
    Open,
    Close,
    And,
    Or,
    Test(TextTest),
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        rest = match first {
            '(' => {
                tokens.push(Token::Open);
                behind
            }
            ')' => {
                tokens.push(Token::Close);
                behind
            }
            '"' => {
                let (phrase, behind) = behind.split_once('"').ok_or(UNBALANCED)?;
                tokens.extend(phrase_of(phrase));
                behind
            }
            _ => {
                let end = rest.find(|it: char| it.is_whitespace() || "()\"".contains(it)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                tokens.extend(word_of(word));
                behind
            }
        }
        .trim_start();
    }
    Ok(tokens)
}

fn phrase_of(text: &str) -> Option<Token> {
    let words = words(text);
    (!words.is_empty()).then_some(Token::Test(TextTest::Phrase(words)))
}

/// A word as typed: an operator, a beginning, or what may be several words (`well-being`) and then is a phrase.
fn word_of(text: &str) -> Option<Token> {
    match text {
        "and" | "AND" => return Some(Token::And),
        "or" | "OR" => return Some(Token::Or),
        _ => {}
    }
    match (text.strip_suffix('*'), words(text).as_slice()) {
        (Some(_), [word]) => Some(Token::Test(TextTest::Prefix(word.clone()))),
        _ => phrase_of(text),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn either(&mut self, depth: usize) -> Result<TextTest, &'static str> {
        let mut tests = vec![self.every(depth)?];
        while self.tokens.next_if(|it| matches!(it, Token::Or)).is_some() {
            tests.push(self.every(depth)?);
        }
        Ok(only(tests, TextTest::Any))
    }

    fn every(&mut self, depth: usize) -> Result<TextTest, &'static str> {
        let mut tests = vec![self.one(depth)?];
        loop {
            let is_joined = self.tokens.next_if(|it| matches!(it, Token::And)).is_some();
            match self.tokens.peek() {
                Some(Token::Open | Token::Test(_)) => tests.push(self.one(depth)?),
                _ if is_joined => return Err(EMPTY),
                _ => return Ok(only(tests, TextTest::All)),
            }
        }
    }

    fn one(&mut self, depth: usize) -> Result<TextTest, &'static str> {
        match self.tokens.next() {
            Some(Token::Test(test)) => Ok(test),
            Some(Token::Open) if depth == 0 => Err("has more than 8 parentheses within each other."),
            Some(Token::Open) => {
                let test = self.either(depth - 1)?;
                match self.tokens.next() {
                    Some(Token::Close) => Ok(test),
                    _ => Err(UNBALANCED),
                }
            }
            _ => Err(EMPTY),
        }
    }
}

fn only(mut tests: Vec<TextTest>, all: impl Fn(Vec<TextTest>) -> TextTest) -> TextTest {
    match (tests.len(), tests.pop()) {
        (1, Some(test)) => test,
        (_, last) => {
            tests.extend(last);
            all(tests)
        }
    }
}
