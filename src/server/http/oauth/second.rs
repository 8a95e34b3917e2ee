//! The second step of signing in: a code of an authenticator app, or a recovery code.

use super::browser::Browser;
use super::form::Form;
use super::problem::Result;
use super::{Desk, next, passkey};
use crate::auth::account::Account;
use crate::auth::factor;
use crate::auth::factor::assurance::{self, Proved};
use crate::auth::factor::pending::{self, Half};
use crate::auth::kept::{self, Entry};
use crate::auth::{throttle, visit};
use crate::clock;
use crate::pages::{self, SecondView};
use axum::response::Response;
use store::LedgerChange;

/// Goes on with a user who has proved so much: signs in where that suffices, or asks for the rest.
pub async fn proceed(
    desk: &Desk<'_>,
    browser: &Browser,
    account: &Entry<Account>,
    proved: impl Into<Proved>,
    to: &str,
) -> Result<Response> {
    let mut proved = proved.into();
    proved.goes_on = visit::going_on(&*desk.session, browser.cookie(), &account.key).await?;
    desk.note_user(&account.key, Some(&account.value.fhir_user));
    // A cookie that was there before may be known to somebody else.
    desk.end_visit(browser, proved.goes_on.as_deref()).await?;
    // Behind what the sign-in itself may have ended.
    let now = clock::now_ms().max(account.value.signed_out + 1);
    let is_enough = factor::suffice(&*desk.session, account, &proved.amr).await?;
    let ((cookie, changes), then) = match is_enough {
        true => (visit::begun(&*desk.session, account, proved, desk.device(), now).await?, next::address(desk, to)),
        false => (pending::begun(&account.key, proved, now)?, next::by_way_of(desk, "second", to)),
    };
    kept::decided(kept::write(&*desk.session, changes).await?)?;
    Browser::given(cookie).redirect(desk, &then)
}

/// `GET /auth/{tenant}/second`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    match pending::half(&*desk.session, browser.cookie()).await? {
        // What it goes on to asks who it is.
        None => browser.redirect(desk, &next::address(desk, to)),
        Some(half) => ask(desk, &browser, &half, to, None).await,
    }
}

async fn ask(
    desk: &Desk<'_>,
    browser: &Browser,
    half: &Half,
    to: &str,
    problem: Option<(u16, &str)>,
) -> Result<Response> {
    let factors = factor::of(&*desk.session, &half.account.key).await?.factors;
    if !factors.is_any() {
        return browser.redirect(desk, &next::by_way_of(desk, "authenticator", to));
    }
    let page = pages::second(&SecondView {
        step: &browser.step(desk, "second", to),
        user: &half.account.value.name,
        has_app: factors.app.is_some(),
        passkey: passkey::form(desk, browser, to)?.as_ref(),
        problem: problem.map(|(_, told)| told),
    });
    next::page(desk, browser, problem.map_or(200, |(status, _)| status), page, Some(to)).await
}

/// `POST /auth/{tenant}/second`
pub async fn prove(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    browser.check(desk, form.get("csrf"))?;
    let Some(half) = pending::half(&*desk.session, browser.cookie()).await? else {
        return browser.redirect(desk, &next::address(desk, to));
    };
    let (given, address) = (form.get("code").unwrap_or_default().trim(), desk.address());
    let is_code = given.bytes().all(|it| it.is_ascii_digit() || it == b' ');
    let wait = throttle::second(&*desk.session, &half.account.key, &address, is_code, desk.now).await?;
    if wait > 0 {
        let told = format!("Too many attempts. Wait {} s and try again.", wait.div_euclid(1000) + 1);
        return ask(desk, &browser, &half, to, Some((429, &told))).await;
    }
    let mut user = factor::of(&*desk.session, &half.account.key).await?;
    let (key, id) = (&desk.known.tenant.secrets().page_key, &half.account.value.id);
    let is_right = match is_code {
        true => user.factors.take_code(key, id, given, desk.now)?,
        false => user.factors.take_recovery(key, id, given),
    };
    if !is_right {
        let told = "The code is wrong, too old, or was used before.";
        return ask(desk, &browser, &half, to, Some((401, told))).await;
    }
    if !is_code {
        tracing::info!(tenant = desk.tenant(), user = id, "a recovery code was used");
    }
    let amr = assurance::with_code(&half.pending.value.amr);
    match complete(desk, &half, vec![user.change()?], amr).await? {
        Some(browser) => {
            throttle::second_succeeded(&*desk.session, &half.account.key, &address).await?;
            browser.redirect(desk, &next::address(desk, to))
        }
        None => ask(desk, &browser, &half, to, Some((401, "The code was used just now. Wait for the next one."))).await,
    }
}

/// Signs in whoever has proved the rest, with what that changes, all at once; `None` if something was changed meanwhile.
pub async fn complete(
    desk: &Desk<'_>,
    half: &Half,
    mut changes: Vec<LedgerChange>,
    amr: Vec<String>,
) -> Result<Option<Browser>> {
    let proved = half.pending.value.proved(amr);
    let (cookie, begun) = visit::begun(&*desk.session, &half.account, proved, desk.device(), clock::now_ms()).await?;
    changes.push(half.pending.delete());
    changes.extend(begun);
    Ok(kept::write(&*desk.session, changes).await?.then(|| Browser::given(cookie)))
}
