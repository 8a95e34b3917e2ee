//! Who of a provider is whom here.

use crate::auth::kept::Kept;
use crate::auth::secret;
use serde::{Deserialize, Serialize};

/// That somebody whom a provider knows is a user here, kept under [`identity_key`].
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The provider's id.
    pub provider: String,
    /// The user's name here.
    pub account: String,
}

impl Kept for Identity {
    const KIND: &'static str = "identity";
}

/// The key of a provider's person: `sub` is one person's for an issuer (OpenID Connect Core section 5.7).
pub fn identity_key(provider: &str, issuer: &str, subject: &str) -> String {
    secret::hash(&format!("{} {} {provider} {issuer} {subject}", provider.len(), issuer.len()))
}

#[cfg(test)]
mod tests {
    use super::identity_key;

    #[test]
    fn a_person_is_one_issuers() {
        let key = identity_key("a", "https://a.example", "1");
        assert_eq!(key, identity_key("a", "https://a.example", "1"));
        assert_ne!(key, identity_key("b", "https://a.example", "1"));
        assert_ne!(key, identity_key("a", "https://b.example", "1"));
        assert_ne!(identity_key("a", "b c", "d"), identity_key("a", "b", "c d"));
    }
}
