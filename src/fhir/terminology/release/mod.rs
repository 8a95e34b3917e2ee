//! Releases: versions of large code systems from their publishers' files (terminologies-systems.html), as they are kept for
//! being looked up. A concept has a *place*, a number given so that what is beneath a concept is a few ranges; what a
//! filter chooses is a set of places ([`Places`]), and only the concepts that are shown are ever read.

mod about;
mod arrange;
mod draft;
mod implicit;
mod links;
mod members;
mod places;
mod relations;
mod slice;
#[cfg(test)]
mod tests;
mod words;

pub use about::About;
pub use arrange::{Arranged, EFFECTIVE_TIME, LONG, MEMBERSHIP, ORIGIN, PostedTerm};
pub use draft::{DesignationUse, Draft, DraftCell, DraftConcept, DraftDesignation, DraftProperty, DraftValue, Origin};
pub use implicit::{implicit, is_version, later};
pub use links::Links;
pub use members::{MEMBERS, MemberCell, MemberRow, MemberRows, MemberTable};
pub use places::Places;
pub use relations::{CONCRETE, CONCRETES, RELATIONS, Relation};
pub use slice::Row;
pub use words::{LONGEST_TERM, split, words};
