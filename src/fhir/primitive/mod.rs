//! The primitive types' formats (datatypes.html#primitive).

pub mod datetime;
