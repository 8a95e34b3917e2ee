//! FHIR's XML (xml.html), both ways, by R4's tables: [`read()`] makes the JSON text that the rest of the house works on,
//! [`write()`] makes XML of a parsed resource, [`patch()`] changes it. The code names no type: order, arrays, attributes and choices come from
//! [`crate::spec`].
//!
//! Nothing is lost on the way: a decimal keeps its digits, a narrative its letters, a primitive its id and extensions.
//! What XML can say and JSON cannot (comments, processing instructions, prefixes) is no content of a resource and is
//! left out.
//!
//! Reading is strict, because what two readers may take differently is what attacks are made of: no document type and
//! so no entities but XML's five, no names outside the two namespaces, no attribute or element that the type does not
//! have, every element in its place (xml.html: "elements must always appear in the order documented"), and nesting and
//! size within the same limits as JSON's. Values are the validator's to judge.

mod error;
mod member;
mod narrative;
mod patch;
mod place;
mod read;
mod source;
mod text;
mod write;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;

pub use error::{Unwritable, XmlError};
pub use patch::{PatchError, patch};
pub use read::read;
pub use write::{Layout, write};

/// The namespace of FHIR's elements.
pub const FHIR: &str = "http://hl7.org/fhir";
/// The namespace of the narrative.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";
