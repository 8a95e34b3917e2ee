//! What a resource can be found by. Being written.
/// x
pub struct Indexer;
