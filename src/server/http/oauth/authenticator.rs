//! Setting an authenticator app up, by a code of it, and taking it away.

use super::browser::Browser;
use super::form::Form;
use super::owner::{self, Owner};
use super::problem::{Problem, Result};
use super::recovery::{self, Made};
use super::{Desk, next, passkey};
use crate::auth::factor::{self, assurance, totp};
use crate::auth::throttle;
use crate::auth::visit::Visitor;
use crate::pages::{self, AppView};
use axum::response::Response;

/// `GET /auth/{tenant}/authenticator`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    match owner::of(desk, &browser, "authenticator", to).await? {
        Ok(owner) => offer(desk, &browser, &owner, to, None).await,
        Err(asked) => Ok(asked),
    }
}

/// Shows a new secret, or the one that is being set up if its code was wrong.
async fn offer(
    desk: &Desk<'_>,
    browser: &Browser,
    owner: &Owner,
    to: &str,
    wrong: Option<(&[u8], u16, &str)>,
) -> Result<Response> {
    let (account, key) = (owner.account(), &desk.known.tenant.secrets().page_key);
    let secret = match wrong {
        Some((secret, ..)) => secret.to_vec(),
        None => totp::new_secret()?.to_vec(),
    };
    let factors = factor::of(&*desk.session, &account.key).await?.factors;
    let page = pages::authenticator(&AppView {
        step: &browser.step(desk, "authenticator", to),
        offer: &factor::offered(key, &account.value.id, browser.cookie(), &secret)?,
        secret: &totp::base32(&secret),
        uri: &totp::uri(&secret, &format!("MediSync {}", desk.tenant()), &account.key),
        is_demanded: owner.is_half(),
        passkeys: passkey::here(desk).map(|_| next::by_way_of(desk, "passkeys", to)).as_deref(),
        since: factors.app.map(|it| it.since),
        problem: wrong.map(|(_, _, told)| told),
    });
    next::page(desk, browser, wrong.map_or(200, |(_, status, _)| status), page, Some(to)).await
}

/// `POST /auth/{tenant}/authenticator`
pub async fn change(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    browser.check(desk, form.get("csrf"))?;
    match (owner::of(desk, &browser, "authenticator", to).await?, form.get("action")) {
        (Err(asked), _) => Ok(asked),
        (Ok(Owner::In(visitor)), Some("remove")) => remove(desk, &browser, &visitor).await,
        (Ok(owner), _) => confirm(desk, &browser, &owner, form, to).await,
    }
}

/// Sets the app up once it has shown a code.
async fn confirm(desk: &Desk<'_>, browser: &Browser, owner: &Owner, form: &Form, to: &str) -> Result<Response> {
    let (account, key) = (owner.account(), &desk.known.tenant.secrets().page_key);
    let id = &account.value.id;
    let secret = factor::read_offered(key, id, browser.cookie(), form.need("offer")?)?;
    let secret =
        secret.ok_or_else(|| Problem::request("The form is not yours, or is too old. Go back and try again."))?;
    let address = desk.address();
    let wait = throttle::second(&*desk.session, &account.key, &address, true, desk.now).await?;
    if wait > 0 {
        let told = format!("Too many attempts. Wait {} s and try again.", wait.div_euclid(1000) + 1);
        return offer(desk, browser, owner, to, Some((&secret, 429, &told))).await;
    }
    let mut user = factor::of(&*desk.session, &account.key).await?;
    if !user.factors.set_up(key, id, &secret, form.get("code").unwrap_or_default(), desk.now)? {
        let told = "The code is wrong. Is the telephone's clock right? Type the code that is shown now.";
        return offer(desk, browser, owner, to, Some((&secret, 400, told))).await;
    }
    let made = Made::with(&mut user, key, id)?;
    let amr = assurance::with_code(owner.amr());
    let Some(browser) = owner.proved(desk, browser, vec![user.change()?], amr).await? else {
        let told = "Something else was changed just now. Type the code that is shown now.";
        return offer(desk, browser, owner, to, Some((&secret, 409, told))).await;
    };
    throttle::second_succeeded(&*desk.session, &account.key, &address).await?;
    tracing::info!(tenant = desk.tenant(), user = id, "an authenticator app was set up");
    recovery::shown(desk, &browser, made, to)
}

/// Takes the app away; whoever asks for it has proved a second factor just now.
async fn remove(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor) -> Result<Response> {
    let mut user = factor::of(&*desk.session, &visitor.account.key).await?;
    user.factors.app = None;
    owner::removed(desk, browser, visitor, (user, Vec::new())).await
}
