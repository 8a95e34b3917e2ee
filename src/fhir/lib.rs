//! What the FHIR R4 standard says, as code and tables. Pure: no I/O, no async, no tenants.

pub mod json;
pub mod mask;
pub mod outcome;
pub mod path;
pub mod primitive;
#[cfg(test)]
mod r4_package;
pub mod search;
pub mod spec;
pub mod terminology;
pub mod units;
pub mod validate;
pub mod walk;
pub mod xml;

pub use outcome::{Failure, Issue, IssueType, Result, Severity};
