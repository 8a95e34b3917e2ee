//! The page of somebody who is signed in: all sign-ins of theirs, and signing out.

use super::browser::Browser;
use super::form::Form;
use super::problem::Result;
use super::{Desk, acting, end_session, next, sign_in, sign_on};
use crate::auth::client::Client;
use crate::auth::visit::Visitor;
use crate::auth::{account, factor, kept, logout, sign_ins};
use crate::mail::{self, EmailAddress};
use crate::pages::{self, AccountView, SignInItem};
use axum::response::Response;
use std::collections::BTreeSet;

/// `GET /auth/{tenant}/account`
pub async fn show(desk: &Desk<'_>) -> Result<Response> {
    let browser = Browser::of(desk)?;
    match browser.visitor(desk).await? {
        None => sign_in::ask(desk, &browser, "account").await,
        Some(visitor) => page(desk, &browser, &visitor).await,
    }
}

/// `POST /auth/{tenant}/account`: signs out here, or everywhere with all that apps were granted, or ends one sign-in with what
/// apps were granted in it.
pub async fn leave(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let visitor = browser.visitor(desk).await?;
    if let Some(sid) = form.get("end") {
        let Some(visitor) = visitor else { return sign_in::ask(desk, &browser, "account").await };
        return end(desk, &browser, &visitor, sid).await;
    }
    match (&visitor, form.get("leave")) {
        (Some(visitor), Some("everywhere")) => {
            account::sign_out(&*desk.session, desk.tenant(), &visitor.account.key).await?
        }
        // Whose sign-in has ended meanwhile signs in once more, so that it is known whose grants end.
        (None, Some("everywhere")) => return sign_in::ask(desk, &browser, "account").await,
        _ => {}
    }
    let Some(visitor) = visitor else { return Ok(sign_on::signed_out(desk)) };
    let to = sign_on::destination(desk, &visitor).await?;
    end_session::leave(desk, &browser, &visitor).await?;
    sign_on::leave(desk, to.as_deref())
}

async fn end(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, sid: &str) -> Result<Response> {
    let is_here = visitor.visit.value.sid.as_deref() == Some(sid);
    let to = if is_here { sign_on::destination(desk, visitor).await? } else { None };
    sign_ins::end(&*desk.session, &visitor.account.key, sid).await?;
    logout::wake(desk.tenant());
    if !is_here {
        return browser.redirect(desk, &next::address(desk, "account"));
    }
    end_session::leave(desk, browser, visitor).await?;
    sign_on::leave(desk, to.as_deref())
}

/// The user's sign-ins that hold, or by which apps go on; the newest first.
async fn items(desk: &Desk<'_>, visitor: &Visitor) -> Result<Vec<SignInItem>> {
    let (session, own) = (&*desk.session, visitor.visit.value.sid.as_deref());
    let mut items = Vec::new();
    for entry in sign_ins::all(session, &visitor.account.key).await? {
        let mut apps = BTreeSet::new();
        for granted in sign_ins::living(session, &entry.value).await? {
            apps.extend(kept::find::<Client>(session, &granted.client).await?.map(|it| it.value.name));
        }
        let is_open = sign_ins::is_open(session, &entry.value, desk.now).await?;
        let is_signed_out = entry.value.began <= visitor.account.value.signed_out;
        if (is_open && !is_signed_out) || !apps.is_empty() {
            items.push(SignInItem {
                sid: sign_ins::sid(&entry).to_owned(),
                is_here: own == Some(sign_ins::sid(&entry)),
                device: entry.value.device.browser,
                place: entry.value.device.place.to_string(),
                since: entry.value.began,
                is_open,
                apps: apps.into_iter().collect(),
            });
        }
    }
    items.sort_by_key(|it| std::cmp::Reverse((it.is_here, it.since)));
    Ok(items)
}

async fn page(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor) -> Result<Response> {
    let factors = factor::of(&*desk.session, &visitor.account.key).await?.factors;
    let email = visitor.account.value.email.as_ref().map(EmailAddress::as_str);
    let acting = acting::shown(desk, visitor).await?;
    let view = AccountView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/account", desk.tenant()),
        csrf: &browser.csrf(desk),
        user: &visitor.account.value.name,
        sign_ins: &items(desk, visitor).await?,
        app: factors.app.map(|it| it.since),
        passkeys: factors.passkeys.len(),
        recovery: factors.recovery.len(),
        acting: acting.as_deref(),
        email: mail::is_on().then(|| email.unwrap_or("none")),
    };
    // The form's answer may lead on to the provider that signed the user in.
    let to = sign_on::destination(desk, visitor).await?;
    browser.page(desk, 200, pages::account(&view), to.as_deref())
}
