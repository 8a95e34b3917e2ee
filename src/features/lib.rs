//! What we add on top of the standard, one module each.

pub mod demo;
