//! Where a person goes on to after a step: below this tenant's issuer, and nowhere else.

use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, authorize};
use crate::pages::Page;
use axum::response::Response;

/// What an app's request begins with.
const REQUEST: &str = "authorize?";
/// Pages that a person may come from.
const PAGES: [&str; 9] =
    ["account", "acting", "authenticator", "clinics", "email", "link", "passkeys", "password", "recovery-codes"];

/// What a form goes on to; the account where it does not say.
pub fn of(form: &Form) -> Result<&str> {
    let next = form.get("next").unwrap_or("account");
    match next.starts_with(REQUEST) || PAGES.contains(&next) {
        true => Ok(next),
        false => Err(Problem::request("The form leads somewhere else.")),
    }
}

/// What a form goes on to, if it says so.
pub fn given(form: &Form) -> Result<Option<&str>> {
    form.get("next").map(|_| of(form)).transpose()
}

/// Its address.
pub fn address(desk: &Desk<'_>, next: &str) -> String {
    format!("/auth/{}/{next}", desk.tenant())
}

/// The address of a step that goes on to it.
pub fn by_way_of(desk: &Desk<'_>, step: &str, next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/auth/{}/{step}?{query}", desk.tenant())
}

/// Where the app that asked is answered.
async fn destination(desk: &Desk<'_>, next: &str) -> Option<String> {
    let form = Form::parse(next.strip_prefix(REQUEST)?.as_bytes()).ok()?;
    Some(authorize::read(desk, &form).await.ok()?.redirect_uri)
}

/// A page whose form may lead to the app that asked, by way of what it goes on to.
pub async fn page(desk: &Desk<'_>, browser: &Browser, status: u16, page: Page, next: Option<&str>) -> Result<Response> {
    let to = match next {
        Some(next) => destination(desk, next).await,
        None => None,
    };
    browser.page(desk, status, page, to.as_deref())
}
