//! Sign-on by other OpenID providers: the person is sent there, comes back with a code, and goes on as after a sign-in by
//! password (OpenID Connect Core section 3.1). Each provider has addresses of its own, so that no answer of one is taken for
//! another's (RFC 9700 section 4.4).

mod back;
mod log_out;
mod users;

pub use back::back;
pub use log_out::{destination, hear};

use super::browser::{self, Browser};
use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, authorize, next};
use crate::auth::federation::{self, Asked, Attempt, Metadata, Provider, TIME};
use crate::auth::kept::{self, Entry};
use crate::auth::secret;
use crate::http::page;
use crate::pages::{self, RefusedView, Way};
use axum::response::Response;
use serde_json::json;

/// What the address of a provider's is followed by.
const BACK: &str = "/back";
const LOGOUT: &str = "/logout";
const JWKS: &str = "/jwks";

/// What is asked for below `sign-on/`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// `[provider]`: to sign in there.
    Begin,
    /// `[provider]/back`: the answer.
    Back,
    /// `[provider]/logout`: the provider says that somebody has signed out.
    Logout,
    /// `[provider]/jwks`: the key by which this server proves to be the client.
    Jwks,
}

/// The step that a path below `sign-on/` asks for, and of which provider.
pub fn step(path: &str) -> Option<(&str, Step)> {
    let steps = [(BACK, Step::Back), (LOGOUT, Step::Logout), (JWKS, Step::Jwks)];
    let found = steps.into_iter().find_map(|(end, step)| Some((path.strip_suffix(end)?, step)));
    found.or(Some((path, Step::Begin))).filter(|(provider, _)| !provider.is_empty() && !provider.contains('/'))
}

/// The ways to sign in by providers, and go on to `next`.
pub async fn ways(desk: &Desk<'_>, next: &str) -> Result<Vec<Way>> {
    let way = |entry: Entry<Provider>| Way {
        href: next::by_way_of(desk, &format!("sign-on/{}", entry.key), next),
        label: entry.value.label,
    };
    Ok(federation::all(&*desk.session).await?.into_iter().map(way).collect())
}

/// `GET /auth/{tenant}/sign-on/{provider}`: sends the browser to the provider. Nothing is done that another site's link could
/// not do as well; it is the way back that only this browser can go.
pub async fn begin(desk: &Desk<'_>, id: &str, form: &Form) -> Result<Response> {
    let to = next::of(form)?;
    let provider = existing(desk, id).await?;
    let metadata = match metadata(desk, &provider).await {
        Ok(metadata) => metadata,
        Err(cause) => return away(desk, id, to, &cause),
    };
    let browser = Browser::of(desk)?;
    let (state, tenant) = (secret::new()?, &desk.known.tenant);
    let attempt = Attempt { provider: id.to_owned(), browser: secret::hash(browser.cookie()), next: to.to_owned() };
    let change = kept::insert(secret::hash(&state), &attempt, Some(desk.now + TIME))?;
    kept::write(&*desk.session, vec![change]).await?;
    let asked = Asked {
        redirect_uri: &address(desk, id, BACK),
        nonce: &Attempt::nonce(tenant, &state),
        challenge: &secret::hash(&Attempt::verifier(tenant, &state)),
        state: &state,
        // Whoever is signed in and is asked to sign in is to do so anew, and whom the app wants to.
        is_anew: browser.visitor(desk).await?.is_some() || authorize::is_anew(to),
    };
    browser.redirect(desk, &asked.address(&provider.value, &metadata))
}

/// `GET /auth/{tenant}/sign-on/{provider}/jwks`: the key by which this server proves to the provider that it is the client (RFC 7517 section
/// 5).
pub async fn keys(desk: &Desk<'_>, id: &str) -> Result<Response> {
    let provider = existing(desk, id).await?.value;
    let keys: Vec<_> = provider.key.iter().map(|it| &it.public).collect();
    super::metadata::document(&json!({ "keys": keys }))
}

/// What a provider tells of itself, or why it does not.
async fn metadata(desk: &Desk<'_>, provider: &Entry<Provider>) -> std::result::Result<Metadata, String> {
    desk.server.providers.of(desk.tenant(), &provider.value, desk.now).await
}

async fn existing(desk: &Desk<'_>, id: &str) -> Result<Entry<Provider>> {
    let unknown = || Problem { status: 404, ..Problem::request("The tenant has no such provider.") };
    kept::find::<Provider>(&*desk.session, id).await?.ok_or_else(unknown)
}

/// An address of a provider's.
fn address(desk: &Desk<'_>, id: &str, end: &str) -> String {
    format!("{}/sign-on/{id}{end}", desk.issuer())
}

/// The page for those whose provider cannot be asked now. Where this server was sent shows in the log alone.
fn away(desk: &Desk<'_>, id: &str, next: &str, cause: &str) -> Result<Response> {
    tracing::warn!(tenant = desk.tenant(), provider = id, cause, "a provider for sign-on does not answer as it must");
    let told = "The provider that signs you in does not answer as it must. Try again in a moment.";
    let mut response = refused(desk, 503, next, told);
    response.headers_mut().insert(axum::http::header::RETRY_AFTER, axum::http::HeaderValue::from_static("10"));
    Ok(response)
}

/// The page that says why somebody is not signed in, with the way back to where it began.
fn refused(desk: &Desk<'_>, status: u16, next: &str, told: &str) -> Response {
    let again = next::address(desk, next);
    let view = RefusedView { tenant: (desk.tenant(), &desk.base()), told, again: &again };
    page::response(status, pages::refused(&view))
}

/// The page of those who have signed out.
pub fn signed_out(desk: &Desk<'_>) -> Response {
    page::response(200, pages::signed_out((desk.tenant(), &desk.base())))
}

/// Sends a browser on, or shows that its user has signed out.
pub fn leave(desk: &Desk<'_>, to: Option<&str>) -> Result<Response> {
    match to {
        Some(to) => browser::redirect(to),
        None => Ok(signed_out(desk)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, step};

    #[test]
    fn a_provider_has_addresses_of_its_own() {
        let read = |path| step(path).map(|(provider, step)| (provider, step as u8));
        assert_eq!(read("north"), Some(("north", Step::Begin as u8)));
        assert_eq!(read("north/back"), Some(("north", Step::Back as u8)));
        assert_eq!(read("north/logout"), Some(("north", Step::Logout as u8)));
        assert_eq!(read("north/jwks"), Some(("north", Step::Jwks as u8)));
        for path in ["", "/back", "north/", "north/other", "north/back/back"] {
            assert!(read(path).is_none(), "{path}");
        }
    }
}
