//! The engine against the official suite and against R4's own expressions.

mod official;
mod syntax;
mod tables;
mod xml;
