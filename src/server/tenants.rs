//! Which names tenants may have, and how one comes to be.

use crate::{auth, clock, random};
use anyhow::{Context, Result, bail};
use store::{DataKey, Marks, Sealing, Secrets, Store, Tenant};

/// Names that stand for something else where a tenant's name may stand.
const RESERVED: [&str; 6] = ["metadata", "auth", "fhir", "system", "admin", "www"];

/// The tenant whose users run the platform.
pub const PLATFORM: &str = "platform";

/// The tenant that `serve --demo` makes.
pub const DEMO: &str = "demo";

/// Whether a text can name a tenant: a letter, then letters, digits and hyphens, as in a host name (RFC 1123), all
/// lower case.
pub fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes[0].is_ascii_lowercase()
        && bytes.iter().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || *it == b'-')
        && text != "metadata"
}

/// Enters a new tenant with keys of its own; `None` if there is one of this name.
pub async fn create(store: &dyn Store, name: &str) -> Result<Option<Tenant>> {
    if RESERVED.contains(&name) {
        bail!("the name `{name}` is reserved");
    }
    if !is_name(name) {
        bail!("`{name}` cannot name a tenant: use up to 63 lower-case letters, digits and hyphens, a letter first");
    }
    let secrets = Secrets {
        index_key: random::bytes()?,
        page_key: random::bytes()?,
        token_key: auth::new_token_key()?,
        edition: 0,
        data_keys: vec![DataKey { number: 1, key: random::bytes()? }],
        sealing: Sealing::All,
        marks: Marks::default(),
    };
    let tenant = store.create_tenant(name, secrets, clock::now_ms()).await?;
    if let Some(tenant) = &tenant {
        store.open(tenant).await.with_context(|| format!("cannot make the tenant {name}'s database"))?;
    }
    Ok(tenant)
}

/// The tenant of this name.
pub async fn existing(store: &dyn Store, name: &str) -> Result<Tenant> {
    store
        .tenant(name)
        .await?
        .with_context(|| format!("there is no tenant `{name}`; `medisync tenant create {name}` makes one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        for name in ["a", "north-clinic", "ward7", &"x".repeat(63)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "7up", "-a", "North", "a.b", "a_b", "a/b", "metadata", "ä", &"x".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
