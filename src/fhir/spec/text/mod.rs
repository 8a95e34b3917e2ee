//! Rows as text: one line per row, columns parted by tabs, the first a letter that says what the row is. A row
//! belongs to the row above it that may hold it: an `E`lement to its `T`ype, a `C`onstraint to either.
//! `profiles/r4/README.md` describes every line. Lists in a column are parted by a space; `\n`, `\r`, `\t` and
//! `\\` stand for themselves, escaped. Columns that are empty up to the end of the line are left out.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Malformed, codes, compartments, operations, params, types};
pub use write::{write_codes, write_compartments, write_operations, write_params, write_types};

/// What is noted in an element's column of flags.
mod flag {
    pub const ARRAY: char = 'a';
    pub const CHOICE: char = 'c';
    pub const SUMMARY: char = 's';
    pub const MODIFIER: char = 'm';
    pub const ATTRIBUTE: char = '@';
    pub const HIERARCHY: char = '^';
}

/// What is noted in an operation's column of levels.
mod level {
    pub const SYSTEM: char = 's';
    pub const TYPE: char = 't';
    pub const INSTANCE: char = 'i';
    pub const AFFECTS_STATE: char = 'w';
}
