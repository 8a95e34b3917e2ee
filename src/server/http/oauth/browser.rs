//! What a browser holds: a random cookie. It stands for a sign-in, and forms prove by a text made of it that they are
//! this server's (cross-site request forgery).

use super::problem::{Problem, Result};
use super::{Desk, next};
use crate::auth::secret;
use crate::auth::visit::{self, Visitor};
use crate::http::page;
use crate::pages::{CONTENT_SECURITY_POLICY, FormView, Page};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY as CSP, COOKIE, LOCATION, SET_COOKIE};
use axum::response::Response;

/// A browser.
#[derive(Clone)]
pub struct Browser {
    cookie: String,
    is_new: bool,
}

impl Browser {
    /// The browser that a request comes from.
    pub fn of(desk: &Desk<'_>) -> Result<Browser> {
        let name = name(desk);
        let headers = desk.parts.headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut pairs = headers.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        match pairs.find(|(it, value)| *it == name && value.len() == 43) {
            Some((_, cookie)) => Ok(Browser { cookie: cookie.to_owned(), is_new: false }),
            None => Ok(Browser { cookie: secret::new()?, is_new: true }),
        }
    }

    /// A browser that is given this cookie.
    pub fn given(cookie: String) -> Browser {
        Browser { cookie, is_new: true }
    }

    /// The cookie.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Who is signed in.
    pub async fn visitor(&self, desk: &Desk<'_>) -> Result<Option<Visitor>> {
        let visitor = visit::visitor(&*desk.session, &self.cookie, desk.now).await?;
        if let Some(visitor) = &visitor {
            desk.note_user(&visitor.account.key, Some(visitor.fhir_user()));
        }
        Ok(visitor)
    }

    /// The proof that goes with every form.
    pub fn csrf(&self, desk: &Desk<'_>) -> String {
        secret::derived(&desk.known.tenant.secrets().page_key, &self.purpose())
    }

    /// A step of a person's: the form of a page below the issuer, that goes on to `next`.
    pub fn step(&self, desk: &Desk<'_>, page: &str, next: &str) -> FormView {
        FormView {
            tenant: desk.tenant().to_owned(),
            base: desk.base(),
            action: next::address(desk, page),
            csrf: self.csrf(desk),
            next: next.to_owned(),
        }
    }

    fn purpose(&self) -> String {
        format!("form of {}", self.cookie)
    }

    /// Fails unless a form has the proof, and the browser says nothing else.
    pub fn check(&self, desk: &Desk<'_>, csrf: Option<&str>) -> Result<()> {
        let site = desk.parts.headers.get("sec-fetch-site").and_then(|it| it.to_str().ok());
        let is_own = site.is_none_or(|it| it == "same-origin");
        let key = &desk.known.tenant.secrets().page_key;
        if is_own && !self.is_new && csrf.is_some_and(|it| secret::is_derived(key, &self.purpose(), it)) {
            return Ok(());
        }
        let told = "The form is not one that this server gave your browser, or is too old. Go back and try again.";
        Err(Problem { status: 403, ..Problem::request(told) })
    }

    /// A page for this browser. `to` is where its forms may lead beside this server.
    pub fn page(&self, desk: &Desk<'_>, status: u16, page: Page, to: Option<&str>) -> Result<Response> {
        let sheet = format!("/auth/{}/theme.css", desk.tenant());
        let mut response = page::response(status, page.with_sheet(&sheet));
        if let Some(to) = to {
            // Browsers apply form-action to where a form's answer redirects as well.
            let own = "form-action 'self'";
            let policy = CONTENT_SECURITY_POLICY.replace(own, &format!("{own} {}", origin(to)));
            response.headers_mut().insert(CSP, header(&policy)?);
        }
        self.keep(desk, &mut response)?;
        Ok(response)
    }

    /// Sends the browser elsewhere.
    pub fn redirect(&self, desk: &Desk<'_>, to: &str) -> Result<Response> {
        let mut response = redirect(to)?;
        self.keep(desk, &mut response)?;
        Ok(response)
    }

    fn keep(&self, desk: &Desk<'_>, response: &mut Response) -> Result<()> {
        if self.is_new {
            let (path, secure) = match is_https(desk) {
                true => ("/".to_owned(), "; Secure"),
                false => (format!("/auth/{}", desk.tenant()), ""),
            };
            let cookie = format!("{}={}; Path={path}; HttpOnly; SameSite=Lax{secure}", name(desk), self.cookie);
            response.headers_mut().append(SET_COOKIE, header(&cookie)?);
        }
        Ok(())
    }
}

/// A redirection that is followed by GET.
pub fn redirect(to: &str) -> Result<Response> {
    let mut response = crate::http::answer::response(303, "text/plain", Default::default());
    response.headers_mut().insert(LOCATION, header(to)?);
    Ok(response)
}

pub fn header(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|_| Problem::request("The request has characters that no header can hold."))
}

/// A cookie that another tenant's pages get, for a while.
pub fn cookie(desk: &Desk<'_>, tenant: &str, name: &str, value: &str) -> String {
    let (path, secure) = if is_https(desk) { ("/".to_owned(), "; Secure") } else { (format!("/auth/{tenant}"), "") };
    let name = prefixed(desk, &format!("{tenant}-{name}"));
    format!("{name}={value}; Path={path}; Max-Age=600; HttpOnly; SameSite=Lax{secure}")
}

/// Such a cookie, as this tenant got it.
pub fn cookie_of<'d>(desk: &Desk<'d>, name: &str) -> Option<&'d str> {
    let name = prefixed(desk, &format!("{}-{name}", desk.tenant()));
    let headers = desk.parts.headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = headers.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
    pairs.find(|(it, _)| *it == name).map(|(_, value)| value)
}

fn is_https(desk: &Desk<'_>) -> bool {
    desk.origin.starts_with("https://")
}

/// The cookie's name. Under https a name with this prefix is taken from this host alone, and never by http (RFC 6265bis).
fn name(desk: &Desk<'_>) -> String {
    prefixed(desk, desk.tenant())
}

fn prefixed(desk: &Desk<'_>, name: &str) -> String {
    let prefix = if is_https(desk) { "__Host-" } else { "" };
    format!("{prefix}medisync-{name}")
}

/// What a policy calls the place of a redirect URI: its origin, or the scheme of a private one.
fn origin(uri: &str) -> &str {
    let scheme = uri.find(':').map_or(uri.len(), |it| it + 1);
    match uri.get(scheme..).and_then(|it| it.strip_prefix("//")) {
        Some(rest) => {
            let host = rest.find(['/', '?']).unwrap_or(rest.len());
            uri.get(..scheme + 2 + host).unwrap_or(uri)
        }
        None => uri.get(..scheme).unwrap_or(uri),
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn a_policy_names_origins_and_private_schemes() {
        for (uri, expected) in [
            ("https://app.example:8443/back?x=1", "https://app.example:8443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("org.example.app:/back", "org.example.app:"),
        ] {
            assert_eq!(origin(uri), expected);
        }
    }
}
