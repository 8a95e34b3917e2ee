//! A user's passkeys: made, named and taken away.

use super::browser::Browser;
use super::form::Form;
use super::owner::{self, Owner, kept_all};
use super::passkey::{decoded, here};
use super::problem::{Problem, Result};
use super::recovery::{self, Made};
use super::{Desk, next};
use crate::auth::factor::passkey::{Creation, LONGEST_NAME, MOST, Owner as Owned, Passkey, Refused};
use crate::auth::factor::{self, assurance, challenge};
use crate::auth::kept;
use crate::auth::secret;
use crate::auth::visit::Visitor;
use crate::pages::{self, MakeView, PasskeyView, PasskeysView};
use axum::response::Response;

/// `GET /auth/{tenant}/passkeys`
pub async fn show(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    match owner::of(desk, &browser, "passkeys", to).await? {
        Ok(owner) => page(desk, &browser, &owner, to, None).await,
        Err(asked) => Ok(asked),
    }
}

async fn page(
    desk: &Desk<'_>,
    browser: &Browser,
    owner: &Owner,
    to: &str,
    problem: Option<(u16, &str)>,
) -> Result<Response> {
    let account = owner.account();
    let passkeys = factor::of(&*desk.session, &account.key).await?.factors.passkeys;
    let known: Vec<&str> = passkeys.iter().map(|it| &*it.id).collect();
    let make = match here(desk).filter(|_| passkeys.len() < MOST) {
        None => None,
        Some(here) => Some(MakeView {
            challenge: challenge::new(key(desk), browser.cookie(), &purpose(&account.value.id), desk.now)?,
            rp: here.rp.to_owned(),
            user: account.value.id.clone(),
            username: account.key.clone(),
            name: account.value.name.clone(),
            known: known.join(" "),
        }),
    };
    let page = pages::passkeys(&PasskeysView {
        step: &browser.step(desk, "passkeys", to),
        passkeys: &passkeys.iter().map(view).collect::<Vec<_>>(),
        make: make.as_ref(),
        is_demanded: owner.is_half(),
        problem: problem.map(|(_, told)| told),
    });
    next::page(desk, browser, problem.map_or(200, |(status, _)| status), page, Some(to)).await
}

fn view(passkey: &Passkey) -> PasskeyView<'_> {
    let Passkey { id, name, is_synced, since, used, .. } = passkey;
    PasskeyView { id, name, is_synced: *is_synced, since: *since, used: *used }
}

fn key<'d>(desk: &'d Desk<'_>) -> &'d [u8] {
    &desk.known.tenant.secrets().page_key
}

/// What the challenge of a new passkey is for.
fn purpose(account: &str) -> String {
    format!("a new passkey of {account}")
}

/// `POST /auth/{tenant}/passkeys`
pub async fn change(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let (browser, to) = (Browser::of(desk)?, next::of(form)?);
    browser.check(desk, form.get("csrf"))?;
    let owner = match owner::of(desk, &browser, "passkeys", to).await? {
        Ok(owner) => owner,
        Err(asked) => return Ok(asked),
    };
    match (&owner, form.get("action")) {
        (Owner::In(visitor), Some("rename")) => rename(desk, &browser, visitor, form).await,
        (Owner::In(visitor), Some("remove")) => remove(desk, &browser, visitor, form).await,
        (_, Some("make")) => make(desk, &browser, &owner, form, to).await,
        _ => Err(Problem::request("The form does not say what is to be done.")),
    }
}

/// Keeps a passkey that the browser has made.
async fn make(desk: &Desk<'_>, browser: &Browser, owner: &Owner, form: &Form, to: &str) -> Result<Response> {
    let creation = Creation { client_data: decoded(form, "client_data")?, attestation: decoded(form, "attestation")? };
    let account = owner.account();
    let mut user = factor::of(&*desk.session, &account.key).await?;
    let Some(here) = here(desk).filter(|_| user.factors.passkeys.len() < MOST) else {
        let told = format!("Passkeys are for addresses with a name and https, and for {MOST} of them at the most.");
        return Err(Problem::request(told));
    };
    let made = creation.verify(&here, &name(form)?, desk.now).and_then(|(passkey, challenge)| {
        let used = challenge::using(key(desk), browser.cookie(), &purpose(&account.value.id), &challenge, desk.now);
        Ok((passkey, used.ok().flatten().ok_or(Refused("the challenge is none of this browser's, or too old"))?))
    });
    let (passkey, used) = match made {
        Ok(made) => made,
        Err(Refused(why)) => {
            tracing::info!(tenant = desk.tenant(), why, "a new passkey is not taken");
            return page(desk, browser, owner, to, Some((400, "The passkey is not taken. Try again."))).await;
        }
    };
    let owned = Owned { account: account.key.clone() };
    let amr = assurance::with_passkey(owner.amr(), passkey.is_synced);
    let mut changes = vec![used, kept::insert(secret::hash(&passkey.id), &owned, None)?];
    user.factors.passkeys.push(passkey);
    let codes = Made::with(&mut user, key(desk), &account.value.id)?;
    changes.push(user.change()?);
    let Some(browser) = owner.proved(desk, browser, changes, amr).await? else {
        let told = "The passkey is registered already, or something else was changed just now.";
        return page(desk, browser, owner, to, Some((409, told))).await;
    };
    tracing::info!(tenant = desk.tenant(), user = account.value.id, "a passkey was registered");
    recovery::shown(desk, &browser, codes, to)
}

async fn rename(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, form: &Form) -> Result<Response> {
    let (id, name) = (form.need("id")?, name(form)?);
    let mut user = factor::of(&*desk.session, &visitor.account.key).await?;
    user.factors.passkeys.iter_mut().filter(|it| it.id == id).for_each(|it| it.name.clone_from(&name));
    kept_all(desk, vec![user.change()?]).await?;
    browser.redirect(desk, &next::address(desk, "passkeys"))
}

async fn remove(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, form: &Form) -> Result<Response> {
    let id = form.need("id")?;
    let mut user = factor::of(&*desk.session, &visitor.account.key).await?;
    let before = user.factors.passkeys.len();
    user.factors.passkeys.retain(|it| it.id != id);
    if user.factors.passkeys.len() == before {
        return Err(Problem::request("You have no such passkey."));
    }
    let pointer = kept::find::<Owned>(&*desk.session, &secret::hash(id)).await?;
    let changes = pointer.iter().map(|it| it.delete()).collect();
    owner::removed(desk, browser, visitor, (user, changes)).await
}

/// What the user calls a passkey.
fn name(form: &Form) -> Result<String> {
    let name = form.get("name").unwrap_or_default().trim();
    match (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Problem::request(format!("A passkey's name has 1 to {LONGEST_NAME} characters."))),
    }
}
