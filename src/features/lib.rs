//! What we add on top of the standard, one module each.

pub mod demo;
mod effective;
mod everything;
mod lastn;
mod reindex;
mod sharing;
mod snapshot;
mod stats;
mod terminology;
mod validate;

pub use convert::terminology::{Choices as ReleaseChoices, Files as ReleaseFiles, read as read_release};
pub use terminology::{LoadedRows, load_code_system};

use engine::Operation;

/// Every operation that the features add.
pub fn operations() -> Vec<Operation> {
    let mut all = everything::operations().to_vec();
    all.extend([
        lastn::operation(),
        stats::operation(),
        sharing::operation(),
        snapshot::operation(),
        validate::operation(),
    ]);
    all.extend(reindex::operations());
    all.extend(terminology::operations());
    all
}
