//! Setting an authenticator app up, by a code of it, and taking it away.

use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use super::recovery::{self, Made};
use super::second::complete;
use super::{Desk, next, sign_in};
use crate::auth::account::Account;
use crate::auth::factor::demand::Demand;
use crate::auth::factor::pending::{self, Half};
use crate::auth::factor::{self, OfUser, assurance, totp};
use crate::auth::kept::{self, Entry};
use crate::auth::throttle;
use crate::auth::visit::Visitor;
use crate::pages::{self, AppView};
use axum::response::Response;

/// Who may set a factor up.
enum Owner {
    /// Who signed in just now.
    In(Visitor),
    /// Who has none and needs one to sign in.
    Half(Half),
}

impl Owner {
    fn account(&self) -> &Entry<Account> {
        match self {
            Owner::In(visitor) => &visitor.account,
            Owner::Half(half) => &half.account,
        }
    }
}

/// Whoever may set a factor up in this browser, or else the page that asks who it is.
async fn owner(desk: &Desk<'_>, browser: &Browser, to: &str) -> Result<Result<Owner, Response>> {
    if let Some(half) = pending::half(&*desk.session, browser.cookie()).await? {
        let has_none = !factor::of(&*desk.session, &half.account.key).await?.factors.is_any();
        return Ok(match has_none {
            true => Ok(Owner::Half(half)),
            // Whoever has one proves that first.
            false => Err(browser.redirect(desk, &next::by_way_of(desk, "second", to))?),
        });
    }
    let back = if to == "account" { "authenticator" } else { to };
    Ok(sign_in::recent(desk, browser, back).await?.map(Owner::In))
}

/// `GET /auth/{tenant}/authenticator`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    match owner(desk, &browser, to).await? {
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
        is_demanded: matches!(owner, Owner::Half(_)),
        since: factors.app.map(|it| it.since),
        problem: wrong.map(|(_, _, told)| told),
    });
    let leads_to = next::destination(desk, to).await;
    browser.page(desk, wrong.map_or(200, |(_, status, _)| status), page, leads_to.as_deref())
}

/// `POST /auth/{tenant}/authenticator`
pub async fn change(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    browser.check(desk, form.get("csrf"))?;
    match (owner(desk, &browser, to).await?, form.get("action")) {
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
    let Some(browser) = proved(desk, browser, owner, &user).await? else {
        let told = "Something else was changed just now. Type the code that is shown now.";
        return offer(desk, browser, owner, to, Some((&secret, 409, told))).await;
    };
    throttle::second_succeeded(&*desk.session, &account.key, &address).await?;
    tracing::info!(tenant = desk.tenant(), user = id, "an authenticator app was set up");
    recovery::shown(desk, &browser, made, to)
}

/// Keeps a factor that was set up, which its owner has thereby proved; the browser that goes on, or `None` if something
/// was changed meanwhile.
async fn proved(desk: &Desk<'_>, browser: &Browser, owner: &Owner, user: &OfUser) -> Result<Option<Browser>> {
    let visitor = match owner {
        Owner::Half(half) => return complete(desk, half, user, assurance::with_code(&half.pending.value.amr)).await,
        Owner::In(visitor) => visitor,
    };
    let mut visit = visitor.visit.clone();
    visit.value.amr = assurance::with_code(&visit.value.amr);
    let is_done = kept::write(&*desk.session, vec![user.change()?, visit.replace()?]).await?;
    Ok(is_done.then(|| browser.clone()))
}

/// Takes the app away; whoever asks for it has proved a second factor just now.
async fn remove(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor) -> Result<Response> {
    let mut user = factor::of(&*desk.session, &visitor.account.key).await?;
    user.factors.app = None;
    removed(desk, browser, visitor, user).await
}

/// Keeps what is left of a user's factors.
pub async fn removed(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, mut user: OfUser) -> Result<Response> {
    let is_demanded = Demand::of(&*desk.session).await?.is_of(&visitor.account.value.fhir_user);
    if is_demanded && !user.factors.is_any() {
        let told = "A second factor is demanded of you here: set another one up before you take the last one away.";
        return Err(Problem { status: 409, ..Problem::request(told) });
    }
    user.factors.drop_idle_recovery();
    if !kept::write(&*desk.session, vec![user.change()?]).await? {
        return Err(Problem { status: 409, ..Problem::request("Something else was changed just now; try again.") });
    }
    tracing::info!(tenant = desk.tenant(), user = visitor.account.value.id, "a second factor was taken away");
    browser.redirect(desk, &next::address(desk, "account"))
}
