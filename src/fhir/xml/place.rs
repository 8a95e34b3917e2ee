//! Where in a resource reading has come to.

use std::fmt::Write;

/// A step from an element to one in it.
pub(super) struct Step<'s> {
    pub(super) name: &'s str,
    /// The type, of a choice.
    pub(super) of: Option<&'s str>,
    /// Which one it is, of an element that may repeat.
    pub(super) position: Option<usize>,
}

/// The FHIRPath of the element at the end of a way.
pub(super) fn expression(path: &[Step<'_>]) -> String {
    let mut out = String::new();
    for step in path {
        let dot = if out.is_empty() { "" } else { "." };
        let _ = write!(out, "{dot}{}", step.name);
        if let Some(of) = step.of {
            let _ = write!(out, ".ofType({of})");
        }
        if let Some(position) = step.position {
            let _ = write!(out, "[{position}]");
        }
    }
    out
}
