//! Text to rows.

use super::{flag, level};
use crate::spec::rows::{CompartmentRow, ConstraintRow, ElementRow, OperationRow, ParamRow, TypeRow, ValueSetRow};
use crate::spec::{Kind, ParamType, Strength};
use std::borrow::Cow;
use std::str::Split;

/// A line that is not as the tables' text should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {problem}")]
pub struct Malformed {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// `types.txt`.
pub fn types(text: &str) -> Result<Vec<TypeRow<'_>>, Malformed> {
    let mut all: Vec<TypeRow> = Vec::new();
    for mut line in lines(text) {
        match (line.letter(), all.last_mut()) {
            ("T", _) => all.push(type_row(&mut line)?),
            ("E", Some(of)) => of.elements.push(element(&mut line)?),
            ("C", Some(of)) => {
                let row = constraint(&mut line)?;
                of.elements.last_mut().map_or(&mut of.constraints, |it| &mut it.constraints).push(row);
            }
            _ => return Err(line.malformed("neither T nor E nor C under a T")),
        }
    }
    Ok(all)
}

fn type_row<'a>(line: &mut Line<'a>) -> Result<TypeRow<'a>, Malformed> {
    Ok(TypeRow {
        name: line.plain(),
        kind: line.word(Kind::from_code)?,
        base: Some(line.plain()).filter(|it| !it.is_empty()),
        is_abstract: line.plain() == "abstract",
        elements: Vec::new(),
        constraints: Vec::new(),
    })
}

fn element<'a>(line: &mut Line<'a>) -> Result<ElementRow<'a>, Malformed> {
    let name = line.plain();
    let (min, max) = line.plain().split_once("..").ok_or(line.malformed("no cardinality"))?;
    let flags = line.plain();
    Ok(ElementRow {
        name,
        min: line.number(min)?,
        max: if max == "*" { None } else { Some(line.number(max)?) },
        is_array: flags.contains(flag::ARRAY),
        is_choice: flags.contains(flag::CHOICE),
        is_summary: flags.contains(flag::SUMMARY),
        is_modifier: flags.contains(flag::MODIFIER),
        is_attribute: flags.contains(flag::ATTRIBUTE),
        is_hierarchy: flags.contains(flag::HIERARCHY),
        types: line.list(),
        targets: line.list(),
        binding: match line.plain().split_once(' ') {
            Some((code, url)) => Some((line.known(Strength::from_code(code))?, url)),
            None => None,
        },
        max_length: match line.plain() {
            "" => None,
            digits => Some(line.number(digits)?),
        },
        fixed: Some(line.text()?).filter(|it| !it.is_empty()),
        constraints: Vec::new(),
    })
}

fn constraint<'a>(line: &mut Line<'a>) -> Result<ConstraintRow<'a>, Malformed> {
    Ok(ConstraintRow {
        key: line.plain(),
        is_error: line.plain() == "error",
        human: line.text()?,
        expression: line.text()?,
    })
}

/// `params.txt`.
pub fn params(text: &str) -> Result<Vec<ParamRow<'_>>, Malformed> {
    let mut all: Vec<ParamRow> = Vec::new();
    for mut line in lines(text) {
        match (line.letter(), all.last_mut()) {
            ("P", _) => all.push(param(&mut line)?),
            ("C", Some(of)) => of.components.push((line.plain(), line.text()?)),
            _ => return Err(line.malformed("neither P nor C under a P")),
        }
    }
    Ok(all)
}

fn param<'a>(line: &mut Line<'a>) -> Result<ParamRow<'a>, Malformed> {
    Ok(ParamRow {
        code: line.plain(),
        kind: line.word(ParamType::from_code)?,
        base: line.list(),
        targets: line.list(),
        url: line.plain(),
        expression: line.text()?,
        description: line.text()?,
        components: Vec::new(),
    })
}

/// `compartments.txt`.
pub fn compartments(text: &str) -> Result<Vec<CompartmentRow<'_>>, Malformed> {
    let mut all: Vec<CompartmentRow> = Vec::new();
    for mut line in lines(text) {
        match (line.letter(), all.last_mut()) {
            ("K", _) => all.push(CompartmentRow { of: line.plain(), members: Vec::new() }),
            ("M", Some(of)) => of.members.push((line.plain(), line.list())),
            _ => return Err(line.malformed("neither K nor M under a K")),
        }
    }
    Ok(all)
}

/// `operations.txt`.
pub fn operations(text: &str) -> Result<Vec<OperationRow<'_>>, Malformed> {
    lines(text)
        .map(|mut line| match line.letter() {
            "O" => Ok(operation(&mut line)),
            _ => Err(line.malformed("not O")),
        })
        .collect()
}

fn operation<'a>(line: &mut Line<'a>) -> OperationRow<'a> {
    let (code, levels) = (line.plain(), line.plain());
    OperationRow {
        code,
        resources: line.list(),
        url: line.plain(),
        system: levels.contains(level::SYSTEM),
        on_type: levels.contains(level::TYPE),
        instance: levels.contains(level::INSTANCE),
        affects_state: levels.contains(level::AFFECTS_STATE),
    }
}

/// `codes.txt`.
pub fn codes(text: &str) -> Result<Vec<ValueSetRow<'_>>, Malformed> {
    let mut all: Vec<ValueSetRow> = Vec::new();
    for mut line in lines(text) {
        match (line.letter(), all.last_mut()) {
            ("V", _) => all.push(ValueSetRow {
                url: line.plain(),
                codes: Vec::new(),
                open: Some(line.text()?).filter(|it| !it.is_empty()),
            }),
            ("S", Some(of)) => of.codes.push((line.plain(), line.columns.collect())),
            _ => return Err(line.malformed("neither V nor S under a V")),
        }
    }
    Ok(all)
}

/// A line and how far it is read. A column that is not there reads as empty.
struct Line<'a> {
    number: usize,
    columns: Split<'a, char>,
}

/// The lines that hold rows: not empty, not a `#` comment.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    text.lines()
        .enumerate()
        .filter(|(_, it)| !it.is_empty() && !it.starts_with('#'))
        .map(|(at, it)| Line { number: at + 1, columns: it.split('\t') })
}

impl<'a> Line<'a> {
    fn letter(&mut self) -> &'a str {
        self.plain()
    }

    /// A column that holds names, codes or URLs and so needs no escapes.
    fn plain(&mut self) -> &'a str {
        self.columns.next().unwrap_or_default()
    }

    fn list(&mut self) -> Vec<&'a str> {
        match self.plain() {
            "" => Vec::new(),
            names => names.split(' ').collect(),
        }
    }

    fn word<T>(&mut self, from_code: impl Fn(&str) -> Option<T>) -> Result<T, Malformed> {
        let found = from_code(self.plain());
        self.known(found)
    }

    fn known<T>(&self, found: Option<T>) -> Result<T, Malformed> {
        found.ok_or(self.malformed("a word that is not among those for its column"))
    }

    fn number<T: std::str::FromStr>(&self, digits: &str) -> Result<T, Malformed> {
        digits.parse().map_err(|_| self.malformed("not a number where one belongs"))
    }

    /// A column of free text.
    fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let raw = self.plain();
        if !raw.contains('\\') {
            return Ok(Cow::Borrowed(raw));
        }
        let mut text = String::with_capacity(raw.len());
        let mut letters = raw.chars();
        while let Some(letter) = letters.next() {
            text.push(match (letter, letter == '\\') {
                (other, false) => other,
                _ => match letters.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some('\\') => '\\',
                    _ => return Err(self.malformed("an escape that is not \\n, \\r, \\t or \\\\")),
                },
            });
        }
        Ok(Cow::Owned(text))
    }

    fn malformed(&self, problem: &'static str) -> Malformed {
        Malformed { line: self.number, problem }
    }
}
