//! Signing in with name and password.

use super::browser::Browser;
use super::form::Form;
use super::people;
use super::problem::Result;
use super::{Desk, next, passkey, second, sign_on};
use crate::auth::factor::assurance;
use crate::auth::session_limits::SessionLimits;
use crate::auth::visit::Visitor;
use crate::auth::{account, old_hash, throttle};
use crate::pages::{self, Link, SignInView};
use axum::response::Response;

/// The page that asks for name and password, and goes on to `next`, an address below the issuer.
pub async fn ask(desk: &Desk<'_>, browser: &Browser, next: &str) -> Result<Response> {
    show(desk, browser, next, "", None).await
}

/// Who signed in just now, as whoever changes something about signing in has to; or the page that asks for it.
pub async fn recent(desk: &Desk<'_>, browser: &Browser, next: &str) -> Result<Result<Visitor, Response>> {
    let Some(visitor) = browser.visitor(desk).await? else { return Ok(Err(ask(desk, browser, next).await?)) };
    if SessionLimits::of(&*desk.session).await?.is_recent(visitor.visit.value.began, desk.now) {
        return Ok(Ok(visitor));
    }
    let told = "It has been a while: sign in again, so that it is surely you who changes something here.";
    Ok(Err(show(desk, browser, next, &visitor.account.key, Some((200, told))).await?))
}

/// The page again, as something other than name and password was refused.
pub async fn refused(desk: &Desk<'_>, browser: &Browser, next: &str, told: &str) -> Result<Response> {
    show(desk, browser, next, "", Some((401, told))).await
}

async fn show(
    desk: &Desk<'_>,
    browser: &Browser,
    next: &str,
    username: &str,
    problem: Option<(u16, &str)>,
) -> Result<Response> {
    let links = people::beside_sign_in(desk).await?;
    let links: Vec<Link<'_>> = links.iter().map(|(label, href)| Link { label, href }).collect();
    let page = pages::sign_in(&SignInView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/sign-in", desk.tenant()),
        csrf: &browser.csrf(desk),
        next,
        username,
        passkey: passkey::form(desk, browser, next)?.as_ref(),
        ways: &sign_on::ways(desk, next).await?,
        problem: problem.map(|(_, told)| told),
        links: &links,
    });
    next::page(desk, browser, problem.map_or(200, |(status, _)| status), page, Some(next)).await
}

/// `POST /auth/{tenant}/sign-in`. Whether a name is known shows neither in the answer nor in the time it takes.
pub async fn sign_in(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let next = next::of(form)?;
    let (username, given) = (form.get("username").unwrap_or_default(), form.get("password").unwrap_or_default());
    let address = desk.address();
    let wait = throttle::sign_in(&*desk.session, username, &address, desk.now).await?;
    if wait > 0 {
        let told = format!("Too many attempts. Wait {} s and try again.", wait.div_euclid(1000) + 1);
        return show(desk, &browser, next, username, Some((429, &told))).await;
    }
    let account = account::find(&*desk.session, username).await?.filter(|it| it.value.is_enabled);
    if let Some(account) = &account {
        // What is no user's name may be somebody's password.
        desk.note_user(&account.key, Some(&account.value.fhir_user));
    }
    let hash = account.as_ref().map(|it| it.value.password.clone());
    let is_right = old_hash::verify(&*desk.session, given, hash).await?;
    let Some(account) = account.filter(|_| is_right) else {
        let told = "Name and password do not go together.";
        return show(desk, &browser, next, username, Some((401, told))).await;
    };
    throttle::succeeded(&*desk.session, username, &address).await?;
    old_hash::renew(&*desk.session, username, given).await?;
    second::proceed(desk, &browser, &account, assurance::password(), next).await
}
