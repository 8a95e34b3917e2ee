//! Signing in with name and password.

use super::Desk;
use super::authorize;
use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use crate::auth::{account, password, throttle, visit};
use crate::pages::{self, SignInView};
use axum::response::Response;

/// What may be asked for next: nothing that leads away from this server.
const NEXT: &str = "authorize?";

/// The page that asks for name and password, and goes on to `next`, an address below the issuer.
pub async fn ask(desk: &Desk<'_>, browser: &Browser, next: &str) -> Result<Response> {
    show(desk, browser, next, "", None).await
}

async fn show(
    desk: &Desk<'_>,
    browser: &Browser,
    next: &str,
    username: &str,
    problem: Option<(u16, &str)>,
) -> Result<Response> {
    let page = pages::sign_in(&SignInView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/sign-in", desk.tenant()),
        csrf: &browser.csrf(desk),
        next,
        username,
        problem: problem.map(|(_, told)| told),
    });
    let to = destination(desk, next).await;
    browser.page(desk, problem.map_or(200, |(status, _)| status), page, to.as_deref())
}

/// Where the app that asked is answered: the sign-in may lead there by way of what it goes on to.
async fn destination(desk: &Desk<'_>, next: &str) -> Option<String> {
    let form = Form::parse(next.strip_prefix(NEXT)?.as_bytes()).ok()?;
    Some(authorize::read(desk, &form).await.ok()?.redirect_uri)
}

/// `POST /auth/{tenant}/sign-in`. Whether a name is known shows neither in the answer nor in the time it takes.
pub async fn sign_in(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let next = form.get("next").unwrap_or("account");
    if !next.starts_with(NEXT) && next != "account" {
        return Err(Problem::request("The form leads somewhere else."));
    }
    let (username, given) = (form.get("username").unwrap_or_default(), form.get("password").unwrap_or_default());
    let address = desk.address();
    let wait = throttle::sign_in(&*desk.session, username, &address, desk.now).await?;
    if wait > 0 {
        let told = format!("Too many attempts. Wait {} s and try again.", wait.div_euclid(1000) + 1);
        return show(desk, &browser, next, username, Some((429, &told))).await;
    }
    let account = account::find(&*desk.session, username).await?.filter(|it| it.value.is_enabled);
    let hash = account.map(|it| it.value.password);
    if !password::verify(given.to_owned(), hash).await? {
        let told = "Name and password do not go together.";
        return show(desk, &browser, next, username, Some((401, told))).await;
    }
    throttle::succeeded(&*desk.session, username, &address).await?;
    // A cookie that was there before the sign-in may be known to somebody else.
    visit::end(&*desk.session, browser.cookie()).await?;
    let browser = Browser::given(visit::begin(&*desk.session, username, crate::clock::now_ms()).await?);
    browser.redirect(desk, &format!("/auth/{}/{next}", desk.tenant()))
}
