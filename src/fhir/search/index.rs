//! What a resource can be found by. Being written.

/// Being written.
pub struct Indexer;
