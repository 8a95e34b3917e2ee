//! From text to tokens (FHIRPath N1, section "Lexical Elements").

use super::error::{PathError, Result};
use super::temporal::Stamp;

/// A token; `at` is the byte where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub at: usize,
    pub kind: TokenKind,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name or a keyword.
    Name(String),
    /// A name in backticks, never a keyword.
    Quoted(String),
    String(String),
    /// Digits, perhaps with a fraction: kept as text.
    Number(String),
    Date(Stamp),
    DateTime(Stamp),
    Time(Stamp),
    /// `$this`, `$index`, `$total`, without the `$`.
    Dollar(String),
    /// `%name`, without the `%`.
    Variable(String),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 22] =
    ["<=", ">=", "!=", "!~", "(", ")", "[", "]", "{", "}", ".", ",", "+", "-", "*", "/", "|", "&", "=", "~", "<", ">"];

/// All tokens of `text`, the last one being [`TokenKind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
    loop {
        lexer.space()?;
        let at = lexer.at;
        let kind = lexer.token()?;
        let end = kind == TokenKind::End;
        tokens.push(Token { at, kind });
        if end {
            return Ok(tokens);
        }
    }
}

/// A syntax error at this byte of the text.
pub(super) fn wrong<T>(text: &str, at: usize, problem: impl Into<String>) -> Result<T> {
    let before = text.get(..at).unwrap_or(text);
    Err(PathError::Syntax { position: before.chars().count() + 1, problem: problem.into() })
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn wrong<T>(&self, problem: impl Into<String>) -> Result<T> {
        wrong(self.text, self.at, problem)
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return self.wrong("the comment is not closed"),
                }
            } else {
                let trimmed = rest.trim_start();
                if trimmed.len() == rest.len() {
                    return Ok(());
                }
                self.at += rest.len() - trimmed.len();
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(TokenKind::End) };
        match first {
            '\'' => Ok(TokenKind::String(self.quoted('\'')?)),
            '`' => Ok(TokenKind::Quoted(self.quoted('`')?)),
            '@' => self.temporal(),
            '$' => {
                self.at += 1;
                match self.name() {
                    "" => self.wrong("expected $this, $index or $total"),
                    name => Ok(TokenKind::Dollar(name.into())),
                }
            }
            '%' => {
                self.at += 1;
                let name = match self.rest().chars().next() {
                    Some(quote @ ('`' | '\'')) => self.quoted(quote)?,
                    _ => self.name().to_string(),
                };
                if name.is_empty() {
                    return self.wrong("expected the name of a variable after '%'");
                }
                Ok(TokenKind::Variable(name))
            }
            '0'..='9' => Ok(TokenKind::Number(self.number().into())),
            'a'..='z' | 'A'..='Z' | '_' => Ok(TokenKind::Name(self.name().into())),
            _ => match SYMBOLS.iter().find(|it| rest.starts_with(**it)) {
                Some(symbol) => {
                    self.at += symbol.len();
                    Ok(TokenKind::Symbol(symbol))
                }
                None => self.wrong("this character has no meaning in FHIRPath"),
            },
        }
    }

    fn take(&mut self, len: usize) -> &'t str {
        let taken = self.rest().get(..len).unwrap_or("");
        self.at += taken.len();
        taken
    }

    fn name(&mut self) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
        self.take(len)
    }

    fn number(&mut self) -> &'t str {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let rest = self.rest();
        let whole = digits(rest);
        let fraction = rest.get(whole..).and_then(|it| it.strip_prefix('.')).map_or(0, digits);
        self.take(if fraction > 0 { whole + 1 + fraction } else { whole })
    }

    /// `@2015-02`, `@2015-02-04T14:34+01:00`, `@T14:34`.
    fn temporal(&mut self) -> Result<TokenKind> {
        let rest = self.rest().get(1..).unwrap_or("");
        let found = if let Some(time) = rest.strip_prefix('T') {
            Stamp::scan_time(time).map(|(stamp, len)| (TokenKind::Time(stamp), len + 1))
        } else {
            Stamp::scan(rest).map(|(stamp, len)| {
                let has_t = rest.get(..len).is_some_and(|it| it.contains('T'));
                (if has_t { TokenKind::DateTime(stamp) } else { TokenKind::Date(stamp) }, len)
            })
        };
        match found {
            Some((kind, len)) => {
                self.at += 1 + len;
                Ok(kind)
            }
            None => self.wrong("expected a date, a date with time, or a time after '@'"),
        }
    }

    /// Reads up to the closing quote, with escapes.
    fn quoted(&mut self, quote: char) -> Result<String> {
        let start = self.at;
        let mut said = String::new();
        self.at += 1;
        loop {
            let Some(next) = self.rest().chars().next() else {
                return wrong(self.text, start, "the quote is not closed");
            };
            self.at += next.len_utf8();
            match next {
                '\\' => said.push(self.escape()?),
                next if next == quote => return Ok(said),
                next => said.push(next),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let letter = self.rest().chars().next();
        let meant = match letter {
            Some(plain @ ('\'' | '"' | '`' | '\\' | '/')) => plain,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('f') => '\u{C}',
            Some('u') => {
                let hex = self.rest().get(1..5).filter(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()));
                match hex.and_then(|it| u32::from_str_radix(it, 16).ok()).and_then(char::from_u32) {
                    Some(meant) => {
                        self.at += 5;
                        return Ok(meant);
                    }
                    None => return self.wrong("\\u needs four hexadecimal digits of a character"),
                }
            }
            _ => return self.wrong("unknown escape in a string"),
        };
        self.at += 1;
        Ok(meant)
    }
}
