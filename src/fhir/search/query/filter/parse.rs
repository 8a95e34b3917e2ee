//! The grammar of `_filter` (search_filter.html).

use super::super::{Result, invalid};

/// Parentheses within parentheses, and changes between `and` and `or`, at the most.
const DEPTH: usize = 16;
/// Comparisons at the most.
const COMPARISONS: usize = 100;

/// A filter, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Is(Comparison),
}

/// `subject.name co "pet"`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    /// The references that lead to the resource that it is about.
    pub(super) path: Vec<Link>,
    /// The parameter's code.
    pub(super) code: String,
    pub(super) operator: String,
    pub(super) value: String,
}

/// `subject` or `subject[gender eq male]`, before a point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Link {
    /// The reference parameter's code.
    pub(super) code: String,
    /// What must hold of the very resource that it leads to.
    pub(super) condition: Option<Expr>,
}

/// Reads a filter whole.
pub(super) fn parse(text: &str) -> Result<Expr> {
    let mut parser = Parser { text, at: 0, comparisons: 0 };
    let expr = parser.filter(0)?;
    match parser.rest().is_empty() {
        true if depth(&expr) <= DEPTH => Ok(expr),
        true => too_deep(),
        false => parser.fail("'and', 'or' or the end is expected"),
    }
}

fn depth(expr: &Expr) -> usize {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => 1 + parts.iter().map(depth).max().unwrap_or(0),
        Expr::Not(inner) => 1 + depth(inner),
        Expr::Is(comparison) => {
            1 + comparison.path.iter().filter_map(|it| it.condition.as_ref()).map(depth).max().unwrap_or(0)
        }
    }
}

fn too_deep<T>() -> Result<T> {
    invalid(format!("_filter nests deeper than {DEPTH}."))
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    comparisons: usize,
}

impl<'t> Parser<'t> {
    /// Comparisons and groups joined by `and` and `or`, from left to right: neither binds tighter.
    fn filter(&mut self, depth: usize) -> Result<Expr> {
        if depth > DEPTH {
            return too_deep();
        }
        let mut left = self.term(depth)?;
        loop {
            let before = self.at;
            left = match self.word() {
                "and" => match (left, self.term(depth)?) {
                    (Expr::And(mut parts), right) => {
                        parts.push(right);
                        Expr::And(parts)
                    }
                    (left, right) => Expr::And(vec![left, right]),
                },
                "or" => match (left, self.term(depth)?) {
                    (Expr::Or(mut parts), right) => {
                        parts.push(right);
                        Expr::Or(parts)
                    }
                    (left, right) => Expr::Or(vec![left, right]),
                },
                _ => {
                    self.at = before;
                    return Ok(left);
                }
            };
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expr> {
        if self.takes('(') {
            return self.group(depth);
        }
        let before = self.at;
        if self.word() == "not" && self.takes('(') {
            return Ok(Expr::Not(Box::new(self.group(depth)?)));
        }
        self.at = before;
        self.comparison(depth).map(Expr::Is)
    }

    /// What follows an opening parenthesis.
    fn group(&mut self, depth: usize) -> Result<Expr> {
        let inner = self.filter(depth + 1)?;
        if self.takes(')') { Ok(inner) } else { self.fail("a closing parenthesis is expected") }
    }

    fn comparison(&mut self, depth: usize) -> Result<Comparison> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS {
            return invalid(format!("_filter takes at most {COMPARISONS} comparisons."));
        }
        let (path, code) = self.path(depth)?;
        let operator = self.word().to_owned();
        if operator.is_empty() {
            return self.fail("an operator such as eq is expected");
        }
        Ok(Comparison { path, code, operator, value: self.value()? })
    }

    /// Links, each ended by a point, and the parameter behind them.
    fn path(&mut self, depth: usize) -> Result<(Vec<Link>, String)> {
        let mut path = Vec::new();
        loop {
            let code = match self.word() {
                "" => return self.fail("the name of a search parameter is expected"),
                name => name.to_owned(),
            };
            let condition = if self.is_next('[') { Some(self.condition(depth)?) } else { None };
            match (self.is_next('.'), condition.is_some()) {
                (true, _) => path.push(Link { code, condition }),
                (false, true) => return self.fail("a point and a search parameter are expected behind the brackets"),
                (false, false) => return Ok((path, code)),
            }
        }
    }

    /// What follows an opening bracket.
    fn condition(&mut self, depth: usize) -> Result<Expr> {
        let inner = self.filter(depth + 1)?;
        if self.takes(']') { Ok(inner) } else { self.fail("a closing bracket is expected") }
    }

    /// Takes a character that comes next, without space before it.
    fn is_next(&mut self, c: char) -> bool {
        let is_next = self.rest().starts_with(c);
        self.at += if is_next { c.len_utf8() } else { 0 };
        is_next
    }

    /// A JSON string, or all up to white space or a closing bracket.
    fn value(&mut self) -> Result<String> {
        self.space();
        let rest = self.rest();
        let (length, value) = match rest.starts_with('"') {
            true => {
                let mut strings = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                match strings.next() {
                    Some(Ok(value)) => (strings.byte_offset(), value),
                    _ => return self.fail("a string in quotes is not ended, or not JSON"),
                }
            }
            false => {
                let end = rest.find(|it: char| it.is_whitespace() || it == ')' || it == ']').unwrap_or(rest.len());
                (end, rest[..end].to_owned())
            }
        };
        if value.is_empty() {
            return self.fail("a value is expected");
        }
        self.at += length;
        Ok(value)
    }

    /// The name or keyword that comes next; empty if there is none.
    fn word(&mut self) -> &'t str {
        self.space();
        let rest = self.rest();
        let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '-';
        let end = match rest.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_') {
            true => rest.find(|it| !is_part(it)).unwrap_or(rest.len()),
            false => 0,
        };
        self.at += end;
        &rest[..end]
    }

    fn takes(&mut self, c: char) -> bool {
        self.space();
        self.is_next(c)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, told: &str) -> Result<T> {
        let position = self.text.get(..self.at).map_or(0, |it| it.chars().count()) + 1;
        invalid(format!("_filter, at character {position}: {told}."))
    }
}
