//! The `Prefer` header (http.html#ops): what a write returns, and whether unknown parameters are errors.

use fhir::{Failure, IssueType, Result};

/// What a write's answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Return {
    /// Nothing but headers.
    Minimal,
    /// The resource.
    Representation,
    /// An OperationOutcome.
    Outcome,
}

/// What a client prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefer {
    /// `return=`, if given.
    pub(crate) returns: Option<Return>,
    /// `handling=strict`: an unknown search parameter is an error.
    pub(crate) is_strict: bool,
}

impl Prefer {
    /// Reads the header. Preferences of other standards (`respond-async`, `wait`) are passed over, as RFC 7240 has it;
    /// a value of ours that FHIR has not is refused.
    pub(crate) fn parse(header: Option<&str>) -> Result<Prefer> {
        let mut prefer = Prefer { returns: None, is_strict: false };
        for part in header.unwrap_or("").split([',', ';']).map(str::trim) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match (name.trim(), value.trim().trim_matches('"')) {
                ("return", "minimal") => prefer.returns = Some(Return::Minimal),
                ("return", "representation") => prefer.returns = Some(Return::Representation),
                ("return", "OperationOutcome") => prefer.returns = Some(Return::Outcome),
                ("handling", "strict") => prefer.is_strict = true,
                ("handling", "lenient") => prefer.is_strict = false,
                ("return", _) => return Err(unknown("return is minimal, representation or OperationOutcome")),
                ("handling", _) => return Err(unknown("handling is strict or lenient")),
                _ => {}
            }
        }
        Ok(prefer)
    }
}

fn unknown(expected: &str) -> Failure {
    Failure::new(IssueType::Value, format!("The header Prefer holds an unknown value: {expected}."))
}
