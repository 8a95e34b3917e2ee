//! Reads the tables.

use super::Spec;
use super::rows::Rows;
use super::text::{self, Malformed};

macro_rules! table {
    ($name:literal, $read:path) => {
        sound($name, $read(include_str!(concat!("../../../profiles/r4/", $name))))
    };
}

/// R4 from the tables compiled into the program.
pub(super) fn r4() -> Spec {
    let rows = Rows {
        types: table!("types.txt", text::types),
        params: table!("params.txt", text::params),
        compartments: table!("compartments.txt", text::compartments),
        operations: table!("operations.txt", text::operations),
        value_sets: table!("codes.txt", text::codes),
    };
    Spec::build(rows).unwrap_or_else(|misfit| panic!("profiles/r4: {misfit}"))
}

/// The tables are part of the program: one that cannot be read is a mistake in it, not an input's.
fn sound<T>(name: &str, read: Result<T, Malformed>) -> T {
    read.unwrap_or_else(|problem| panic!("profiles/r4/{name}, {problem}"))
}
