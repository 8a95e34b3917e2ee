//! The origins of a tenant's apps: of the addresses to which they have answers sent.

use super::Server;
use crate::auth::client::Client;
use crate::auth::kept;
use crate::clock;
use ::fhir::Result;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// How long they are remembered, in milliseconds: an app that was registered just now may call soon after.
const TIME: i64 = 5_000;
/// The most tenants whose origins are remembered.
const MOST: usize = 1024;

/// What was looked up, and until when it holds.
#[derive(Default)]
pub struct AppOrigins(RwLock<FxHashMap<String, (i64, Origins)>>);

type Origins = Arc<BTreeSet<String>>;

impl AppOrigins {
    /// The origins of the approved apps of a tenant.
    pub async fn of(&self, server: &Server, tenant: &str) -> Result<Origins> {
        let now = clock::now_ms();
        let remembered = self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some((_, origins)) = remembered.filter(|(until, _)| now < *until) {
            return Ok(origins);
        }
        let known = server.gate.known(tenant).await?;
        let session = server.engine.store().open(&known.tenant).await?;
        let apps = kept::all::<Client>(&*session).await?;
        let uris = apps.iter().filter(|it| it.value.is_approved).flat_map(|it| &it.value.redirect_uris);
        let origins: Origins = Arc::new(uris.filter_map(|it| web_origin(it)).map(str::to_owned).collect());
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(tenant.to_owned(), (now + TIME, origins.clone()));
        Ok(origins)
    }
}

/// Scheme, host and port of an address, as a browser names the origin of a page there.
fn web_origin(uri: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|it| uri.starts_with(it))?.len();
    let authority = uri.get(scheme..)?.find(['/', '?']).map_or(uri.len(), |it| scheme + it);
    uri.get(..authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (uri, origin) in [
            ("https://app.example:8443/back?x=1", Some("https://app.example:8443")),
            ("https://app.example?x", Some("https://app.example")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("org.example.app:/back", None),
        ] {
            assert_eq!(web_origin(uri), origin);
        }
    }
}
