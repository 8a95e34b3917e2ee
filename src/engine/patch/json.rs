//! JSON Patch, RFC 6902.

use super::{OPERATIONS, refused, tree};
use fhir::json::Doc;
use fhir::{Failure, IssueType, Result};
use json_patch::{Patch, PatchErrorKind};

/// The document with a patch carried out, all of it or nothing.
pub(super) fn patch(before: &Doc, patch: &[u8]) -> Result<String> {
    let patch: Patch = serde_json::from_slice(patch).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        Failure::new(IssueType::Structure, format!("The body is not a JSON Patch (RFC 6902); see {at}."))
    })?;
    if patch.0.len() > OPERATIONS {
        return Err(Failure::new(IssueType::TooCostly, format!("A patch has at most {OPERATIONS} operations.")));
    }
    let mut document = tree(before.root())?;
    // Not `patch`, which undoes what it did when an operation fails, and panics where it cannot: this copy is dropped.
    json_patch::patch_unsafe(&mut document, &patch).map_err(|error| {
        let number = error.operation + 1;
        match error.kind {
            PatchErrorKind::TestFailed => {
                let told = format!("Operation {number} of the patch tests for what the resource does not have.");
                Failure::new(IssueType::BusinessRule, told)
            }
            PatchErrorKind::InvalidPointer | PatchErrorKind::InvalidFromPointer => {
                refused(format!("Operation {number} of the patch points to what is not there."))
            }
            _ => refused(format!("Operation {number} of the patch cannot be carried out.")),
        }
    })?;
    Ok(document.to_string())
}
