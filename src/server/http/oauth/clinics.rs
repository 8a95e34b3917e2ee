//! A person's clinics: the places of a tenant that the person acts in, one at a time, and the accounts of other tenants,
//! which are linked and switched to.
//!
//! What crosses from one tenant to the other is a cookie that the one sets for the other's path: so whoever comes with it
//! comes in the browser that set out, and no link that somebody sends can bring it.

use super::browser::{self, Browser};
use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, next, sign_in};
use crate::auth::clinics::{self, Offer};
use crate::auth::factor::assurance::{self, Proved};
use crate::auth::factor::{self, pending};
use crate::auth::kept::{self, Entry};
use crate::auth::session_limits::SessionLimits;
use crate::auth::visit::{self, Visitor};
use crate::auth::{account, roles, secret};
use crate::pages::{self, ClinicsView, PlaceView};
use crate::tenants;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use std::sync::Arc;
use store::{Key, Session};

/// What the cookies are called: of an offer, and of who switches.
const OFFER: &str = "clinic-offer";
const ARRIVAL: &str = "clinic-arrival";

/// `GET /auth/{tenant}/clinics`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    match browser.visitor(desk).await? {
        None => sign_in::ask(desk, &browser, "clinics").await,
        Some(visitor) => drawn(desk, &browser, &visitor, next::given(form)?, 200, None).await,
    }
}

async fn page(
    desk: &Desk<'_>,
    browser: &Browser,
    visitor: &Visitor,
    status: u16,
    problem: Option<&str>,
) -> Result<Response> {
    drawn(desk, browser, visitor, None, status, problem).await
}

async fn drawn(
    desk: &Desk<'_>,
    browser: &Browser,
    visitor: &Visitor,
    next: Option<&str>,
    status: u16,
    problem: Option<&str>,
) -> Result<Response> {
    let mut places = Vec::new();
    for reference in roles::places(&visitor.account.value) {
        let label = place_name(desk, reference).await?;
        let is_now = visitor.place() == Some(reference);
        places.push(PlaceView { reference: reference.to_owned(), label, is_now });
    }
    let view = ClinicsView {
        tenant: (desk.tenant(), &desk.base()),
        csrf: &browser.csrf(desk),
        user: &visitor.account.value.name,
        clinics: &clinics::list(&*desk.session, &visitor.account.key).await?,
        places: &places,
        next,
        problem,
    };
    next::page(desk, browser, status, pages::clinics(&view), next).await
}

/// What a place is called: its resource's name, or the reference where it has none or is gone.
async fn place_name(desk: &Desk<'_>, reference: &str) -> Result<String> {
    let (of, id) = reference.split_once('/').unwrap_or_default();
    let found = account::found(&*desk.session, &Key::new(of, id)).await?;
    let name = found.as_ref().and_then(|it| it.root().str("name"));
    Ok(name.unwrap_or(reference).to_owned())
}

/// Has the user act in another place from now on, whichever browser and app she uses: what apps were granted before goes on there
/// when it is refreshed, and holds nowhere until then.
async fn act(desk: &Desk<'_>, browser: &Browser, mut visitor: Visitor, form: &Form) -> Result<Response> {
    let place = form.need("place")?;
    if !roles::places(&visitor.account.value).contains(&place) {
        return page(desk, browser, &visitor, 404, Some("You have no role there any more.")).await;
    }
    visitor.visit.value.place = Some(place.to_owned());
    visitor.account.value.place = Some(place.to_owned());
    let changes = vec![visitor.visit.replace()?, visitor.account.replace()?];
    kept::decided(kept::write(&*desk.session, changes).await?)?;
    tracing::info!(tenant = desk.tenant(), user = visitor.account.value.id, place, "a user acts in another place");
    let to = next::given(form)?.unwrap_or("clinics");
    browser.redirect(desk, &next::address(desk, to))
}

/// `POST /auth/{tenant}/clinics`: has the user act elsewhere, sets out to link an account, switches, or ends a link.
pub async fn change(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let Some(visitor) = browser.visitor(desk).await? else {
        return sign_in::ask(desk, &browser, "clinics").await;
    };
    match form.get("action") {
        Some("act") => act(desk, &browser, visitor, form).await,
        Some("link") => set_out(desk, &browser, &visitor, form).await,
        Some("go") => go(desk, &browser, &visitor, form.need("link")?).await,
        Some("end") => end(desk, &browser, &visitor, form.need("link")?).await,
        _ => Err(Problem::request("The form does not say what to do.")),
    }
}

async fn set_out(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, form: &Form) -> Result<Response> {
    // Whoever sits before a screen that was left open is not to link the account with his own.
    if let Err(page) = sign_in::recent(desk, browser, "clinics").await? {
        return Ok(page);
    }
    let to = form.get("clinic").unwrap_or_default().trim().to_lowercase();
    if !tenants::is_name(&to) || to == desk.tenant() || desk.server.gate.known(&to).await.is_err() {
        let told = "There is no other clinic of this name here.";
        return page(desk, browser, visitor, 400, Some(told)).await;
    }
    let cookie = clinics::offer(&*desk.session, &visitor.account.key, &to, desk.now).await?;
    sent(desk, browser, &to, (OFFER, &format!("{}.{cookie}", desk.tenant())), "link")
}

/// Leads to another tenant's page, with a cookie for its path.
fn sent(desk: &Desk<'_>, browser: &Browser, to: &str, cookie: (&str, &str), path: &str) -> Result<Response> {
    let mut response = browser.redirect(desk, &format!("/auth/{to}/{path}"))?;
    let cookie = browser::cookie(desk, to, cookie.0, cookie.1);
    response.headers_mut().append(SET_COOKIE, browser::header(&cookie)?);
    Ok(response)
}

/// Goes to the other tenant's session, or to its sign-in where it does not let users in like this.
async fn go(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, link: &str) -> Result<Response> {
    let Some(to) = clinics::find(&*desk.session, &visitor.account.key, link).await? else {
        return page(desk, browser, visitor, 404, Some("This link is gone.")).await;
    };
    let there = other(desk, &to).await?;
    let began = visitor.visit.value.began;
    match clinics::hand_over(&*there, link, desk.tenant(), began, desk.now).await? {
        Some(cookie) => sent(desk, browser, &to, (ARRIVAL, &cookie), "arrive"),
        None => browser.redirect(desk, &format!("/auth/{to}/account")),
    }
}

async fn end(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, link: &str) -> Result<Response> {
    if let Some(to) = clinics::find(&*desk.session, &visitor.account.key, link).await? {
        clinics::end(&*desk.session, link, &to).await?;
        // Without this side it leads nowhere; the other one goes where it can be reached.
        if let Ok(there) = other(desk, &to).await {
            clinics::end(&*there, link, desk.tenant()).await?;
        }
    }
    page(desk, browser, visitor, 200, None).await
}

async fn other(desk: &Desk<'_>, tenant: &str) -> Result<Arc<dyn Session>> {
    let known = desk.server.gate.known(tenant).await?;
    Ok(desk.server.engine.store().open(&known.tenant).await.map_err(::fhir::Failure::from)?)
}

/// An offer that this browser brings, with where it comes from.
struct Brought {
    from: String,
    session: Arc<dyn Session>,
    offer: Entry<Offer>,
}

async fn brought(desk: &Desk<'_>) -> Result<Option<Brought>> {
    let Some(value) = browser::cookie_of(desk, OFFER) else { return Ok(None) };
    let Some((from, cookie)) = value.split_once('.').filter(|(from, _)| tenants::is_name(from)) else {
        return Ok(None);
    };
    let session = other(desk, from).await?;
    let offer = clinics::offered(&*session, cookie).await?.filter(|it| it.value.to == desk.tenant());
    Ok(offer.map(|offer| Brought { from: from.to_owned(), session, offer }))
}

/// `GET /auth/{tenant}/link`: asks whether the account is to be linked with the one that was offered elsewhere.
pub async fn ask(desk: &Desk<'_>) -> Result<Response> {
    let browser = Browser::of(desk)?;
    let Some(brought) = brought(desk).await? else { return browser.redirect(desk, &clinics_of(desk)) };
    match sign_in::recent(desk, &browser, "link").await? {
        Err(page) => Ok(page),
        Ok(visitor) => {
            let place = (desk.tenant(), &*desk.base());
            let page = pages::link(place, &browser.csrf(desk), &visitor.account.value.name, &brought.from);
            browser.page(desk, 200, page, None)
        }
    }
}

/// `POST /auth/{tenant}/link`
pub async fn accept(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let visitor = match sign_in::recent(desk, &browser, "link").await? {
        Ok(visitor) => visitor,
        Err(page) => return Ok(page),
    };
    if let Some(Brought { from, session, offer }) = brought(desk).await? {
        let name = secret::new()?;
        let here = (&*desk.session, desk.tenant(), visitor.account.key.as_str());
        if clinics::link((&*session, &from, offer), here, &name).await? {
            tracing::info!(
                tenant = desk.tenant(),
                user = visitor.account.value.id,
                other = from,
                "accounts were linked"
            );
        }
    }
    browser.redirect(desk, &clinics_of(desk))
}

fn clinics_of(desk: &Desk<'_>) -> String {
    format!("/auth/{}/clinics", desk.tenant())
}

/// `GET /auth/{tenant}/arrive`: signs in who comes from a linked account, as far as this tenant's own rules are met.
pub async fn arrive(desk: &Desk<'_>) -> Result<Response> {
    let browser = Browser::of(desk)?;
    let to = format!("/auth/{}/account", desk.tenant());
    let Some(cookie) = browser::cookie_of(desk, ARRIVAL) else { return browser.redirect(desk, &to) };
    let Some(arrived) = clinics::arrived(&*desk.session, cookie).await? else { return browser.redirect(desk, &to) };
    let account = account::find(&*desk.session, &arrived.account).await?.filter(|it| it.value.is_enabled);
    let Some(account) = account else { return browser.redirect(desk, &to) };
    // The time since the password was given counts on, by this tenant's measure.
    let holds = SessionLimits::of(&*desk.session).await?.until(arrived.began, desk.now) > desk.now;
    if !holds || arrived.began <= account.value.signed_out {
        return browser.redirect(desk, &to);
    }
    let mut proved = Proved::from(assurance::linked());
    proved.goes_on = visit::going_on(&*desk.session, browser.cookie(), &account.key).await?;
    desk.end_visit(&browser, proved.goes_on.as_deref()).await?;
    let times = (arrived.began, desk.now);
    let ((cookie, changes), then) = match factor::suffice(&*desk.session, &account, &proved.amr).await? {
        true => (visit::begun_at(&*desk.session, &account, proved, desk.device(), times).await?, to),
        false => (pending::begun(&account.key, proved, desk.now)?, next::by_way_of(desk, "second", "account")),
    };
    kept::write(&*desk.session, changes).await?;
    tracing::info!(tenant = desk.tenant(), user = account.value.id, "a user came from a linked account");
    Browser::given(cookie).redirect(desk, &then)
}
