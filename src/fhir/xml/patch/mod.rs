//! XML Patch (http.html#patch, RFC 5261): `add`, `replace` and `remove` of one element or attribute each, on a resource's
//! XML.
//!
//! A resource has elements and attributes, and no text between them, so the RFC's text nodes, comments and white space
//! directives have nothing to be about; a narrative is one thing. Names are compared with their namespaces, as the RFC
//! has it: an unprefixed name in a selector is in the default namespace of the patch.

mod operation;
mod select;
mod tree;

#[cfg(test)]
mod tests;

use super::error::{Problem, XmlError};
use super::source::{Next, Source};
use operation::Operation;
use std::fmt;
use tree::Element;

/// Why a patch is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum PatchError {
    /// The patch is no XML, or no patch.
    Malformed(XmlError),
    /// The patch has more operations than are taken.
    TooMany,
    /// An operation, counted from 1, cannot be carried out; the sentence holds no value of the resource.
    Refused(usize, String),
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatchError::Malformed(error) => write!(f, "The body is not an XML Patch (RFC 5261): {error}."),
            PatchError::TooMany => f.write_str("The patch has too many operations."),
            PatchError::Refused(number, told) => write!(f, "Operation {number} of the patch {told}."),
        }
    }
}

impl std::error::Error for PatchError {}

/// The XML of a resource with a patch of up to `most` operations carried out, all of it or nothing. Whether the result
/// is a resource is for its reader to see.
pub fn patch(resource: &str, patch: &str, most: usize) -> Result<String, PatchError> {
    let malformed = |text: &str, problem: Problem| PatchError::Malformed(problem.located(text, String::new()));
    let mut document = document(resource).map_err(|it| malformed(resource, it))?;
    let operations = operations(patch, most).map_err(|it| malformed(patch, it))?;
    if operations.len() > most {
        return Err(PatchError::TooMany);
    }
    for (i, operation) in operations.into_iter().enumerate() {
        operation.apply(&mut document).map_err(|told| PatchError::Refused(i + 1, told))?;
    }
    let mut out = String::with_capacity(resource.len());
    document.write_children(&mut out);
    Ok(out)
}

/// The document whose only child is a resource.
fn document(resource: &str) -> Result<Element, Problem> {
    let mut source = Source::new(resource)?;
    let mut document = Element::default();
    while let Next::Child(tag) = source.next()? {
        document.children.push(tree::read(&mut source, tag, 1)?);
    }
    Ok(document)
}

/// The operations in the root element of a patch; the first too many ends the reading.
fn operations(patch: &str, most: usize) -> Result<Vec<Operation>, Problem> {
    let patch = patch.strip_prefix('\u{feff}').unwrap_or(patch);
    let mut source = Source::new(patch)?;
    let Next::Child(root) = source.next()? else {
        return Err(Problem::new(0, "the document is empty"));
    };
    if root.name() != "diff" {
        return Err(root.problem("the root element is named diff"));
    }
    let mut operations = Vec::new();
    while let Next::Child(tag) = source.next_in(&root)? {
        operations.push(Operation::read(&mut source, tag)?);
        if operations.len() > most {
            return Ok(operations);
        }
    }
    match source.next()? {
        Next::Child(more) => Err(more.problem("there is another element after the patch")),
        Next::End => Ok(operations),
    }
}
