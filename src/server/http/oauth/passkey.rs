//! Signing in with a passkey, by itself or as the second step.

use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, next, sign_in};
use crate::auth::account::Account;
use crate::auth::factor::assurance::{self, Proved};
use crate::auth::factor::passkey::{Assertion, Here, Owner, Refused};
use crate::auth::factor::pending::{self, Half};
use crate::auth::factor::{self, challenge};
use crate::auth::kept::{self, Entry};
use crate::auth::{secret, visit};
use crate::clock;
use crate::pages::UseView;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::LedgerChange;

/// What the challenges of sign-ins are for.
const PURPOSE: &str = "signing in";

/// Where passkeys are used, if browsers have them here: on a host with a name, and where nobody listens (Web Authentication
/// section 5.1.3; w3.org/TR/secure-contexts).
pub fn here<'d>(desk: &'d Desk<'_>) -> Option<Here<'d>> {
    let (scheme, authority) = desk.origin.split_once("://")?;
    let rp = authority.split(':').next()?;
    let is_name = !rp.starts_with('[') && rp.parse::<std::net::Ipv4Addr>().is_err();
    let is_safe = scheme == "https" || rp == "localhost" || rp.ends_with(".localhost");
    (is_name && is_safe).then_some(Here { origin: &desk.origin, rp })
}

/// The form by which a passkey is used; none where browsers have none.
pub fn form(desk: &Desk<'_>, browser: &Browser, to: &str) -> Result<Option<UseView>> {
    let Some(here) = here(desk) else { return Ok(None) };
    let key = &desk.known.tenant.secrets().page_key;
    let challenge = challenge::new(key, browser.cookie(), PURPOSE, desk.now)?;
    Ok(Some(UseView { step: browser.step(desk, "passkey", to), challenge, rp: here.rp.to_owned() }))
}

/// `POST /auth/{tenant}/passkey`
pub async fn sign_in(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    browser.check(desk, form.get("csrf"))?;
    match proved(desk, &browser, form).await? {
        Ok(browser) => browser.redirect(desk, &next::address(desk, to)),
        Err(Refused(why)) => {
            tracing::info!(tenant = desk.tenant(), why, "a passkey is not taken");
            sign_in::refused(desk, &browser, to, "The passkey is not taken. Sign in another way.").await
        }
    }
}

/// Signs in by what the browser brings; gives the browser with its new cookie.
async fn proved(desk: &Desk<'_>, browser: &Browser, form: &Form) -> Result<Result<Browser, Refused>> {
    let given = |name| decoded(form, name);
    let (id, user_handle) = (form.need("id")?, given("user")?);
    let assertion = Assertion {
        client_data: given("client_data")?,
        authenticator_data: given("authenticator_data")?,
        signature: given("signature")?,
    };
    let Some(account) = owner(desk, id).await? else { return Ok(Err(Refused("nobody has it here"))) };
    let half = pending::half(&*desk.session, browser.cookie()).await?;
    if user_handle != account.value.id.as_bytes() || half.as_ref().is_some_and(|it| it.account.key != account.key) {
        return Ok(Err(Refused("it is another user's")));
    }
    let Some(here) = here(desk) else { return Ok(Err(Refused("there are none at this address"))) };
    let mut user = factor::of(&*desk.session, &account.key).await?;
    let found = user.factors.passkeys.iter_mut().find(|it| it.id == id);
    let Some(passkey) = found else { return Ok(Err(Refused("its user has it no longer"))) };
    let challenge = match passkey.verify(&assertion, &here, desk.now) {
        Ok(challenge) => challenge,
        Err(refused) => return Ok(Err(refused)),
    };
    let is_synced = passkey.is_synced;
    let key = &desk.known.tenant.secrets().page_key;
    let used = challenge::using(key, browser.cookie(), PURPOSE, &challenge, desk.now)?;
    let Some(used) = used else { return Ok(Err(Refused("the challenge is none of this browser's, or too old"))) };
    begin(desk, browser, (&account, half.as_ref()), vec![user.change()?, used], is_synced).await
}

/// Begins the sign-in with what it changes, all at once.
async fn begin(
    desk: &Desk<'_>,
    browser: &Browser,
    (account, half): (&Entry<Account>, Option<&Half>),
    mut changes: Vec<LedgerChange>,
    is_synced: bool,
) -> Result<Result<Browser, Refused>> {
    if half.is_none() && account.value.provider.is_some() {
        return Ok(Err(Refused("its user signs in by a provider")));
    }
    let before = half.map(|it| &*it.pending.value.amr).unwrap_or_default();
    let amr = assurance::with_passkey(before, is_synced);
    let mut proved = match half {
        Some(half) => half.pending.value.proved(amr),
        None => Proved::from(amr),
    };
    if half.is_none() {
        proved.goes_on = visit::going_on(&*desk.session, browser.cookie(), &account.key).await?;
    }
    let goes_on = proved.goes_on.clone();
    let (cookie, begun) = visit::begun(&*desk.session, account, proved, desk.device(), clock::now_ms()).await?;
    changes.extend(begun);
    changes.extend(half.map(|it| it.pending.delete()));
    if !kept::write(&*desk.session, changes).await? {
        return Ok(Err(Refused("the challenge was used before, or the user's factors were changed just now")));
    }
    // A cookie that was there before may be known to somebody else.
    desk.end_visit(browser, goes_on.as_deref()).await?;
    Ok(Ok(Browser::given(cookie)))
}

/// Whose passkey it is, if it is somebody's who may sign in.
async fn owner(desk: &Desk<'_>, id: &str) -> Result<Option<Entry<Account>>> {
    let Some(owner) = kept::find::<Owner>(&*desk.session, &secret::hash(id)).await? else { return Ok(None) };
    let account = kept::find::<Account>(&*desk.session, &owner.value.account).await?;
    Ok(account.filter(|it| it.value.is_enabled))
}

/// Bytes that a form carries in base64url.
pub fn decoded(form: &Form, name: &str) -> Result<Vec<u8>> {
    let decoded = URL_SAFE_NO_PAD.decode(form.need(name)?);
    decoded.map_err(|_| Problem::request(format!("{name} is not in base64url.")))
}
