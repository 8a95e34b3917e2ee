//! XML Patch, RFC 5261.

use super::{OPERATIONS, refused};
use crate::Engine;
use fhir::json::Doc;
use fhir::xml::{self, Layout, PatchError};
use fhir::{Failure, Issue, IssueType, Result};

/// The document with a patch carried out on its XML, all of it or nothing.
pub(super) fn patch(engine: &Engine, before: &Doc, patch: &[u8]) -> Result<String> {
    let patch =
        std::str::from_utf8(patch).map_err(|_| Failure::new(IssueType::Structure, "The patch is not UTF-8 text."))?;
    let before = xml::write(before.root(), Layout::Compact)
        .map_err(|_| refused("The resource has what XML cannot say: change it with a JSON Patch or FHIRPath Patch."))?;
    let after = xml::patch(&before, patch, OPERATIONS).map_err(|error| match &error {
        PatchError::Malformed(_) => Failure::new(IssueType::Structure, error.to_string()),
        PatchError::TooMany => {
            Failure::new(IssueType::TooCostly, format!("A patch has at most {OPERATIONS} operations."))
        }
        PatchError::Refused(..) => refused(error.to_string()),
    })?;
    xml::read(&after, &engine.settings.json).map_err(|error| {
        let told = format!("What the patch would leave is no resource: {}.", error.problem);
        Failure::of(vec![Issue::error(IssueType::Structure, told).at(error.expression)])
    })
}
