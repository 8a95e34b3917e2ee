//! Recovery codes: shown once, and made anew.

use super::browser::Browser;
use super::form::Form;
use super::owner::kept_all;
use super::problem::{Problem, Result};
use super::{Desk, next, sign_in};
use crate::auth::factor::{self, OfUser};
use crate::auth::visit::Visitor;
use crate::pages::{self, RecoveryView};
use axum::response::Response;

/// Codes that were made, to be shown once; none where the user has some.
pub struct Made(Option<Vec<String>>);

impl Made {
    /// Codes for a user who has none, made as a factor is set up.
    pub fn with(user: &mut OfUser, key: &[u8], account: &str) -> Result<Made> {
        let is_due = user.factors.recovery.is_empty();
        Ok(Made(is_due.then(|| user.factors.renew_recovery(key, account)).transpose()?))
    }
}

/// The page of new codes, or what comes after it where there are none.
pub fn shown(desk: &Desk<'_>, browser: &Browser, made: Made, to: &str) -> Result<Response> {
    let Made(Some(codes)) = made else { return browser.redirect(desk, &next::address(desk, to)) };
    let place = (desk.tenant(), &*desk.base());
    browser.page(desk, 200, pages::recovery_codes(place, &codes, &next::address(desk, to)), None)
}

/// `GET /auth/{tenant}/recovery-codes`
pub async fn show(desk: &Desk<'_>) -> Result<Response> {
    let browser = Browser::of(desk)?;
    let visitor = match sign_in::recent(desk, &browser, "recovery-codes").await? {
        Ok(visitor) => visitor,
        Err(asked) => return Ok(asked),
    };
    let user = owner(desk, &visitor).await?;
    let view =
        RecoveryView { step: &browser.step(desk, "recovery-codes", "account"), left: user.factors.recovery.len() };
    browser.page(desk, 200, pages::recovery(&view), None)
}

/// `POST /auth/{tenant}/recovery-codes`: new ones in place of those before.
pub async fn renew(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let visitor = match sign_in::recent(desk, &browser, "recovery-codes").await? {
        Ok(visitor) => visitor,
        Err(asked) => return Ok(asked),
    };
    let mut user = owner(desk, &visitor).await?;
    let id = &visitor.account.value.id;
    let codes = user.factors.renew_recovery(&desk.known.tenant.secrets().page_key, id)?;
    kept_all(desk, vec![user.change()?]).await?;
    tracing::info!(tenant = desk.tenant(), user = id, "recovery codes were made anew");
    shown(desk, &browser, Made(Some(codes)), "account")
}

/// The factors of somebody who has some.
async fn owner(desk: &Desk<'_>, visitor: &Visitor) -> Result<OfUser> {
    let user = factor::of(&*desk.session, &visitor.account.key).await?;
    match user.factors.is_any() {
        true => Ok(user),
        false => Err(Problem::request("Recovery codes are for who has a second factor: set one up first.")),
    }
}
