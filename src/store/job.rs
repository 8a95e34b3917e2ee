//! Work in the background that a tenant has, and which node does it.

use std::time::Duration;

/// How long a claim holds after it was made or last renewed: whoever takes over from a node that was killed waits no
/// longer.
pub const LEASE: Duration = Duration::from_secs(15);

/// Proof that a tenant's work in the background is this node's to do, until [`LEASE`] is over or it is renewed
/// ([`crate::Store::renew`]). What is done twice all the same, because a node stood still for so long, must do no harm.
#[derive(Debug)]
pub struct Claim {
    pub(crate) tenant: String,
    /// Tells this claim from all others.
    pub(crate) turn: i64,
    /// How often the work was asked for when it was claimed.
    pub(crate) asked: i64,
}

impl Claim {
    /// The name of the tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }
}
