//! Why a text is no FHIR XML, and why a resource cannot be written as XML.

use crate::outcome::{Failure, Issue, IssueType};

/// Why a text is not acceptable as FHIR's XML, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (line {line}, column {column})")]
pub struct XmlError {
    /// What is wrong: a sentence that holds no value of the document.
    pub problem: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in bytes, counted from 1.
    pub column: usize,
    /// FHIRPath of the element that was being read; empty before the first.
    pub expression: String,
    /// Whether a limit was passed, rather than a rule broken.
    pub limit: bool,
}

impl From<XmlError> for Failure {
    fn from(error: XmlError) -> Failure {
        let code = if error.limit { IssueType::TooCostly } else { IssueType::Structure };
        let told = format!("The body is not acceptable XML: {error}.");
        let failure = Failure::of(vec![Issue::error(code, told).at(error.expression)]);
        if error.limit { failure.with_status(413) } else { failure }
    }
}

/// Why a resource cannot be written as XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expression} {problem}")]
pub struct Unwritable {
    /// What is wrong, to go on after the element's name; holds no value of the resource.
    pub problem: String,
    /// FHIRPath of the element.
    pub expression: String,
}

/// A problem at a byte of the source.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) text: String,
    pub(super) at: usize,
    pub(super) limit: bool,
}

impl Problem {
    pub(super) fn new(at: usize, text: impl Into<String>) -> Problem {
        Problem { text: text.into(), at, limit: false }
    }

    pub(super) fn limit(at: usize, text: impl Into<String>) -> Problem {
        Problem { limit: true, ..Problem::new(at, text) }
    }

    /// The same, said of the element at `expression` of `source`.
    pub(super) fn located(self, source: &str, expression: String) -> XmlError {
        let before = &source.as_bytes()[..self.at.min(source.len())];
        let line = before.iter().filter(|it| **it == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|it| **it != b'\n').count() + 1;
        XmlError { problem: self.text, line, column, expression, limit: self.limit }
    }
}
