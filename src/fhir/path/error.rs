//! Why an expression could not be read or carried out.

use std::borrow::Cow;

/// What is wrong with an expression, or with what it was asked to do. Never quotes a resource's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is not FHIRPath, or names a type or function that does not exist.
    #[error("the FHIRPath expression is wrong at character {position}: {problem}")]
    Syntax {
        /// Counted in characters from 1.
        position: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Evaluation broke a rule, such as a comparison of a string with a number.
    #[error("the FHIRPath expression cannot be evaluated: {0}")]
    Evaluation(Cow<'static, str>),
    /// The expression asks for something this server does not do.
    #[error("the FHIRPath expression uses {0}, which is not supported here")]
    Unsupported(&'static str),
    /// The evaluation took more steps, or made larger values, than one may.
    #[error("the FHIRPath expression takes too much work on this resource")]
    TooCostly,
}

/// The result of whatever may fail with a [`PathError`].
pub(super) type Result<T> = std::result::Result<T, PathError>;

/// An evaluation error with this sentence.
pub(super) fn fail<T>(problem: impl Into<Cow<'static, str>>) -> Result<T> {
    Err(PathError::Evaluation(problem.into()))
}
