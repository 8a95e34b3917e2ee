//! What we add on top of the standard, one module each.

mod convert;
pub mod demo;
mod effective;
mod everything;
mod export_audit;
mod graphql;
mod lastn;
mod meta;
mod reindex;
mod sharing;
mod snapshot;
mod stats;
mod summary;
mod terminology;
mod validate;

pub use ::convert::terminology::{Choices as ReleaseChoices, Files as ReleaseFiles, read as read_release};
pub use terminology::{LoadedRows, load_code_system};

use engine::Operation;

/// Every operation that the features add.
pub fn operations() -> Vec<Operation> {
    let mut all = everything::operations().to_vec();
    all.push(export_audit::operation());
    all.extend([
        summary::operation(),
        lastn::operation(),
        stats::operation(),
        sharing::operation(),
        snapshot::operation(),
        validate::operation(),
        convert::operation(),
        graphql::operation(),
    ]);
    all.extend(meta::operations());
    all.extend(reindex::operations());
    all.extend(terminology::operations());
    all
}
