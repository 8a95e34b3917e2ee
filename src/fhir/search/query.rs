//! Being written.
/// x
pub struct Modifier;
/// x
pub struct Prefix;
