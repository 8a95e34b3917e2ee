//! Who may set a factor up, take it away, or keep it under another name.

use super::browser::Browser;
use super::problem::{Problem, Result};
use super::second::complete;
use super::{Desk, next, sign_in};
use crate::auth::account::Account;
use crate::auth::factor::demand::Demand;
use crate::auth::factor::pending::{self, Half};
use crate::auth::factor::{self, OfUser};
use crate::auth::kept::{self, Entry};
use crate::auth::visit::Visitor;
use axum::response::Response;
use store::LedgerChange;

/// Who may set a factor up.
pub enum Owner {
    /// Who signed in just now.
    In(Visitor),
    /// Who has none and needs one to sign in.
    Half(Half),
}

/// Whoever may set a factor up on this page, or else the page that asks who it is.
pub async fn of(desk: &Desk<'_>, browser: &Browser, page: &str, to: &str) -> Result<Result<Owner, Response>> {
    if let Some(half) = pending::half(&*desk.session, browser.cookie()).await? {
        let has_none = !factor::of(&*desk.session, &half.account.key).await?.factors.is_any();
        return Ok(match has_none {
            true => Ok(Owner::Half(half)),
            // Whoever has one proves that first.
            false => Err(browser.redirect(desk, &next::by_way_of(desk, "second", to))?),
        });
    }
    let back = if to == "account" { page } else { to };
    Ok(sign_in::recent(desk, browser, back).await?.map(Owner::In))
}

impl Owner {
    /// The user.
    pub fn account(&self) -> &Entry<Account> {
        match self {
            Owner::In(visitor) => &visitor.account,
            Owner::Half(half) => &half.account,
        }
    }

    /// What was proved.
    pub fn amr(&self) -> &[String] {
        match self {
            Owner::In(visitor) => &visitor.visit.value.amr,
            Owner::Half(half) => &half.pending.value.amr,
        }
    }

    /// Whether a factor is needed to get in.
    pub fn is_half(&self) -> bool {
        matches!(self, Owner::Half(_))
    }

    /// Writes the changes of a factor that was set up, which its owner has thereby proved; gives the browser that goes on,
    /// or `None` if something was changed meanwhile.
    pub async fn proved(
        &self,
        desk: &Desk<'_>,
        browser: &Browser,
        mut changes: Vec<LedgerChange>,
        amr: Vec<String>,
    ) -> Result<Option<Browser>> {
        let visitor = match self {
            Owner::Half(half) => return complete(desk, half, changes, amr).await,
            Owner::In(visitor) => visitor,
        };
        let mut visit = visitor.visit.clone();
        visit.value.amr = amr;
        changes.push(visit.replace()?);
        Ok(kept::write(&*desk.session, changes).await?.then(|| browser.clone()))
    }
}

/// Keeps what is left of a user's factors, who has proved two just now.
pub async fn removed(
    desk: &Desk<'_>,
    browser: &Browser,
    visitor: &Visitor,
    (mut user, mut changes): (OfUser, Vec<LedgerChange>),
) -> Result<Response> {
    let is_demanded = Demand::of(&*desk.session).await?.is_of(&visitor.account.value.fhir_user);
    if is_demanded && !user.factors.is_any() {
        let told = "A second factor is demanded of you here: set another one up before you take the last one away.";
        return Err(Problem { status: 409, ..Problem::request(told) });
    }
    user.factors.drop_idle_recovery();
    changes.push(user.change()?);
    kept_all(desk, changes).await?;
    tracing::info!(tenant = desk.tenant(), user = visitor.account.value.id, "a second factor was taken away");
    browser.redirect(desk, &next::address(desk, "account"))
}

/// Writes changes; fails if something was changed meanwhile.
pub async fn kept_all(desk: &Desk<'_>, changes: Vec<LedgerChange>) -> Result<()> {
    match kept::write(&*desk.session, changes).await? {
        true => Ok(()),
        false => Err(Problem { status: 409, ..Problem::request("Something else was changed just now; try again.") }),
    }
}
