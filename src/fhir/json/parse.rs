//! The parser: RFC 8259, strictly, in one pass and without recursion.

use super::{Doc, Kind, Node, Span};
use rustc_hash::FxHashSet;

/// How much a document may hold.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Nesting of arrays and objects.
    pub depth: usize,
    /// Number of values.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 64, values: 10_000_000 }
    }
}

/// Why a text is not acceptable JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub struct JsonError {
    /// What is wrong, in words; holds no value of the document.
    pub problem: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in bytes, counted from 1.
    pub column: usize,
    /// Whether a limit was passed, rather than the grammar broken.
    pub limit: bool,
}

/// Objects with more members than this have their names checked by a set.
const FEW: usize = 24;

pub(super) fn parse(source: String, limits: &Limits) -> Result<Doc, JsonError> {
    let mut parser = Parser {
        bytes: source.as_bytes(),
        at: 0,
        // One value in about 24 bytes, as FHIR has it: grows seldom, wastes little.
        nodes: Vec::with_capacity(source.len() / 24 + 4),
        decoded: String::new(),
        limits,
    };
    match parser.document() {
        Ok(()) => {
            let Parser { nodes, decoded, .. } = parser;
            Ok(Doc { decoded, nodes, source })
        }
        Err(problem) => {
            let before = &source.as_bytes()[..parser.at.min(source.len())];
            let line = before.iter().filter(|it| **it == b'\n').count() + 1;
            let column = before.iter().rev().take_while(|it| **it != b'\n').count() + 1;
            Err(JsonError { problem: problem.text, line, column, limit: problem.limit })
        }
    }
}

/// Whether a text is a number of RFC 8259 section 6, and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let limits = Limits::default();
    let mut parser =
        Parser { bytes: text.as_bytes(), at: 0, nodes: Vec::new(), decoded: String::new(), limits: &limits };
    !text.is_empty() && parser.number().is_ok() && parser.at == text.len()
}

struct Problem {
    text: String,
    limit: bool,
}

fn wrong<T>(text: impl Into<String>) -> Result<T, Problem> {
    Err(Problem { text: text.into(), limit: false })
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    decoded: String,
    limits: &'a Limits,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), Problem> {
        // A byte order mark is tolerated, as RFC 8259 section 8.1 allows a parser to.
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            self.at = 3;
        }
        if self.bytes.len() > u32::MAX as usize / 2 {
            return Err(Problem { text: "the document is larger than 2 GiB".into(), limit: true });
        }
        self.values()?;
        self.space();
        if self.at < self.bytes.len() {
            return wrong("there is more text after the end of the value");
        }
        Ok(())
    }

    /// Parses one value with all that is below it; `open` holds the containers it is inside of.
    fn values(&mut self) -> Result<(), Problem> {
        let mut open: Vec<u32> = Vec::with_capacity(16);
        let mut key = (Span::default(), false);
        loop {
            self.space();
            let Some(first) = self.bytes.get(self.at).copied() else {
                return wrong("the document ends where a value was expected");
            };
            if self.nodes.len() >= self.limits.values {
                return Err(Problem {
                    text: format!("the document holds more than {} values", self.limits.values),
                    limit: true,
                });
            }
            let index = self.nodes.len() as u32;
            let start = self.at as u32;
            let mut node = Node {
                kind: Kind::Null,
                key_decoded: key.1,
                text_decoded: false,
                key: key.0,
                raw: Span { start, end: start },
                text: Span::default(),
                after: index + 1,
            };
            let mut entered = false;
            match first {
                b'"' => {
                    node.kind = Kind::String;
                    (node.text, node.text_decoded) = self.string()?;
                }
                b'{' | b'[' => {
                    node.kind = if first == b'{' { Kind::Object } else { Kind::Array };
                    if open.len() >= self.limits.depth {
                        return Err(Problem {
                            text: format!("the document nests deeper than {} levels", self.limits.depth),
                            limit: true,
                        });
                    }
                    self.at += 1;
                    entered = true;
                }
                b't' => self.literal("true", Kind::Bool, &mut node)?,
                b'f' => self.literal("false", Kind::Bool, &mut node)?,
                b'n' => self.literal("null", Kind::Null, &mut node)?,
                b'-' | b'0'..=b'9' => {
                    node.kind = Kind::Number;
                    self.number()?;
                }
                _ => return wrong("expected a value"),
            }
            node.raw.end = self.at as u32;
            self.nodes.push(node);
            if entered {
                open.push(index);
                self.space();
                if self.bytes.get(self.at) == Some(&closer(first)) {
                    self.at += 1;
                    self.close(&mut open);
                } else {
                    key = self.key(first == b'{')?;
                    continue;
                }
            }
            // Behind a value: close what ends here, go on with what a comma announces.
            loop {
                let Some(parent) = open.last().copied() else { return Ok(()) };
                let is_object = self.nodes[parent as usize].kind == Kind::Object;
                self.space();
                match self.bytes.get(self.at) {
                    Some(b',') => {
                        self.at += 1;
                        key = self.key(is_object)?;
                        break;
                    }
                    Some(b'}') if is_object => {
                        self.at += 1;
                        self.unique_keys(parent)?;
                        self.close(&mut open);
                    }
                    Some(b']') if !is_object => {
                        self.at += 1;
                        self.close(&mut open);
                    }
                    None => return wrong("the document ends inside an array or object"),
                    Some(_) if is_object => return wrong("expected ',' or '}'"),
                    Some(_) => return wrong("expected ',' or ']'"),
                }
            }
        }
    }

    fn close(&mut self, open: &mut Vec<u32>) {
        let after = self.nodes.len() as u32;
        if let Some(index) = open.pop() {
            let node = &mut self.nodes[index as usize];
            node.raw.end = self.at as u32;
            node.after = after;
        }
    }

    /// The member name and colon before a member's value; nothing before an item.
    fn key(&mut self, is_object: bool) -> Result<(Span, bool), Problem> {
        if !is_object {
            return Ok((Span::default(), false));
        }
        self.space();
        if self.bytes.get(self.at) != Some(&b'"') {
            return wrong("expected a member name in double quotes");
        }
        let key = self.string()?;
        self.space();
        if self.bytes.get(self.at) != Some(&b':') {
            return wrong("expected ':' after a member name");
        }
        self.at += 1;
        Ok(key)
    }

    fn unique_keys(&self, object: u32) -> Result<(), Problem> {
        let end = self.nodes.len() as u32;
        let mut names: Vec<&[u8]> = Vec::with_capacity(FEW);
        let mut index = object + 1;
        while index < end {
            let node = &self.nodes[index as usize];
            let buffer = if node.key_decoded { self.decoded.as_bytes() } else { self.bytes };
            names.push(&buffer[node.key.start as usize..node.key.end as usize]);
            index = node.after;
        }
        let twice = if names.len() <= FEW {
            names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| *name)
        } else {
            let mut seen = FxHashSet::default();
            names.iter().copied().find(|name| !seen.insert(*name))
        };
        match twice {
            None => Ok(()),
            Some(name) => wrong(format!(
                "the member \"{}\" is given twice in the object that ends",
                String::from_utf8_lossy(&name[..name.len().min(64)]).escape_debug()
            )),
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str, kind: Kind, node: &mut Node) -> Result<(), Problem> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return wrong("expected a value");
        }
        self.at += word.len();
        node.kind = kind;
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<(), Problem> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return wrong("a number needs digits before the point and no leading zeros");
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return wrong("a number needs digits after the point");
            }
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return wrong("a number's exponent needs digits");
            }
        }
        Ok(())
    }

    /// Reads a string at its opening quote; the span is in the source, or decoded if it has escapes.
    fn string(&mut self) -> Result<(Span, bool), Problem> {
        self.at += 1;
        let start = self.at;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    let span = Span { start: start as u32, end: self.at as u32 };
                    self.at += 1;
                    return Ok((span, false));
                }
                Some(b'\\') => return self.escaped(start),
                Some(0..=0x1F) => return wrong("a control character in a string must be escaped"),
                Some(_) => self.at += 1,
                None => return wrong("the document ends inside a string"),
            }
        }
    }

    fn escaped(&mut self, start: usize) -> Result<(Span, bool), Problem> {
        let from = self.decoded.len() as u32;
        let mut plain = start;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.copy(plain);
                    self.at += 1;
                    return Ok((Span { start: from, end: self.decoded.len() as u32 }, true));
                }
                Some(b'\\') => {
                    self.copy(plain);
                    let decoded = self.escape()?;
                    self.decoded.push(decoded);
                    plain = self.at;
                }
                Some(0..=0x1F) => return wrong("a control character in a string must be escaped"),
                Some(_) => self.at += 1,
                None => return wrong("the document ends inside a string"),
            }
        }
    }

    /// Copies source text from `plain` up to here; both stand at ASCII bytes, so on character borders.
    fn copy(&mut self, plain: usize) {
        self.decoded.push_str(&String::from_utf8_lossy(&self.bytes[plain..self.at]));
    }

    fn escape(&mut self) -> Result<char, Problem> {
        let letter = self.bytes.get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return wrong("unknown escape in a string"),
        })
    }

    fn unicode(&mut self) -> Result<char, Problem> {
        let high = self.hex()?;
        let code = match high {
            0xD800..=0xDBFF => {
                if !self.bytes[self.at.min(self.bytes.len())..].starts_with(b"\\u") {
                    return wrong("half a surrogate pair in a string");
                }
                self.at += 2;
                let low = self.hex()?;
                if !(0xDC00..=0xDFFF).contains(&low) {
                    return wrong("half a surrogate pair in a string");
                }
                0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
            }
            other => other,
        };
        match char::from_u32(code) {
            Some(it) => Ok(it),
            None => wrong("half a surrogate pair in a string"),
        }
    }

    fn hex(&mut self) -> Result<u32, Problem> {
        let digits = self.bytes.get(self.at..self.at + 4).filter(|it| it.iter().all(u8::is_ascii_hexdigit));
        let Some(digits) = digits else { return wrong("\\u needs four hexadecimal digits") };
        self.at += 4;
        Ok(digits.iter().fold(0, |sum, it| sum * 16 + (*it as char).to_digit(16).unwrap_or(0)))
    }
}

fn closer(opener: u8) -> u8 {
    if opener == b'{' { b'}' } else { b']' }
}
