//! The page of somebody who is signed in, and signing out.

use super::browser::Browser;
use super::form::Form;
use super::problem::Result;
use super::{Desk, end_session, sign_in, sign_on};
use crate::auth::visit::Visitor;
use crate::auth::{account, factor};
use crate::mail::{self, EmailAddress};
use crate::pages::{self, AccountView};
use axum::response::Response;

/// `GET /auth/{tenant}/account`
pub async fn show(desk: &Desk<'_>) -> Result<Response> {
    let browser = Browser::of(desk)?;
    match browser.visitor(desk).await? {
        None => sign_in::ask(desk, &browser, "account").await,
        Some(visitor) => page(desk, &browser, &visitor).await,
    }
}

/// `POST /auth/{tenant}/account`: signs out here, or everywhere with all that apps were granted.
pub async fn leave(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let visitor = browser.visitor(desk).await?;
    match (&visitor, form.get("leave")) {
        (Some(visitor), Some("everywhere")) => account::sign_out(&*desk.session, &visitor.account.key).await?,
        // Whose sign-in has ended meanwhile signs in once more, so that it is known whose grants end.
        (None, Some("everywhere")) => return sign_in::ask(desk, &browser, "account").await,
        _ => {}
    }
    let Some(visitor) = visitor else { return Ok(sign_on::signed_out(desk)) };
    let to = sign_on::destination(desk, &visitor).await?;
    end_session::leave(desk, &browser, &visitor).await?;
    sign_on::leave(desk, to.as_deref())
}

async fn page(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor) -> Result<Response> {
    let factors = factor::of(&*desk.session, &visitor.account.key).await?.factors;
    let email = visitor.account.value.email.as_ref().map(EmailAddress::as_str);
    let view = AccountView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/account", desk.tenant()),
        csrf: &browser.csrf(desk),
        user: &visitor.account.value.name,
        since: visitor.visit.value.began,
        app: factors.app.map(|it| it.since),
        passkeys: factors.passkeys.len(),
        recovery: factors.recovery.len(),
        email: mail::is_on().then(|| email.unwrap_or("none")),
    };
    // The form's answer may lead on to the provider that signed the user in.
    let to = sign_on::destination(desk, visitor).await?;
    browser.page(desk, 200, pages::account(&view), to.as_deref())
}
