//! Searches over whole records of Synthea: every answer is compared with what a naive walk over the raw
//! Bundles finds.
//!
//! The records are loaded once, into a tenant of their own. The walk knows where each resource was stored, and
//! nothing else of the server. Pages are small, so that most comparisons follow many `next` links.

mod chains;
mod compartments;
mod dates;
mod elements;
mod includes;
mod matches;
mod mixed;
mod order;
mod records;
mod special;
mod walk;
