//! Who a tenant is.

use crate::Secrets;
use std::fmt;
use std::sync::Arc;

/// Proof that a tenant is in the directory; only a store makes one.
#[derive(Clone)]
pub struct Tenant {
    pub(crate) name: Arc<str>,
    pub(crate) secrets: Arc<Secrets>,
}

impl Tenant {
    /// Whether a tenant may be called so: 1 to 63 lower-case letters, digits and hyphens, not a hyphen first, so that the
    /// name can stand in a URL, a host's name and a file's.
    pub fn is_name(name: &str) -> bool {
        let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
        (1..=63).contains(&name.len()) && name.bytes().all(|it| is_plain(it) || it == b'-') && !name.starts_with('-')
    }

    /// The tenant's name, as in `/fhir/{tenant}`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tenant's keys.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}

/// Names the tenant, never its secrets.
impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tenant({})", self.name)
    }
}
