//! Another password for somebody who is signed in and knows the one before.

use super::{Ask, NEW_PASSWORD, Problem, Result, Visit};
use crate::auth::account::{self, Account};
use crate::auth::kept::{self, Entry};
use crate::auth::visit::{self, Visitor};
use crate::auth::{logout, old_hash, sign_ins, throttle};
use crate::http::oauth::Desk;
use crate::http::oauth::browser::Browser;
use crate::http::oauth::sign_in;
use crate::mail::{self, Purpose};
use crate::pages::FieldView;
use axum::response::Response;

/// A field for the password that somebody has.
pub(super) const CURRENT: FieldView<'static> = FieldView {
    label: "Password that you have",
    name: "current",
    kind: "password",
    autocomplete: "current-password",
    value: "",
};
const CHANGE: Ask<'static> = Ask {
    title: "Change your password",
    paragraphs: &["You will be signed out everywhere else, and apps will have to ask again."],
    page: "password",
    fields: &[CURRENT, NEW_PASSWORD],
    button: "Change the password",
};

/// `GET /auth/{tenant}/password`
pub async fn show(visit: &Visit<'_>) -> Result<Response> {
    match sign_in::recent(visit.desk, &visit.browser, CHANGE.page).await? {
        Ok(_) => visit.form(&CHANGE, None),
        Err(asked) => Ok(asked),
    }
}

/// `POST /auth/{tenant}/password`
pub async fn change(mut visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let visitor = match sign_in::recent(desk, &visit.browser, CHANGE.page).await? {
        Ok(visitor) => visitor,
        Err(asked) => return Ok(asked),
    };
    let changed = async {
        check(desk, &visitor.account, visit.text("current")).await?;
        renew(desk, visitor, visit.text("password")).await
    };
    match changed.await {
        Ok(cookie) => {
            visit.browser = Browser::given(cookie);
            visit.note(
                200,
                ("The password was changed", "You are signed in here only."),
                Some(("Your account", "account")),
            )
        }
        Err(problem) => visit.again(&CHANGE, problem),
    }
}

/// Fails unless this is the password of who is signed in; attempts are counted as sign-ins are.
pub(super) async fn check(desk: &Desk<'_>, account: &Entry<Account>, given: &str) -> Result<()> {
    let (session, address) = (&*desk.session, desk.address());
    let wait = throttle::sign_in(session, &account.key, &address, desk.now).await?;
    if wait > 0 {
        return Err(Problem::too_often(wait));
    }
    if !old_hash::verify(session, given, Some(account.value.password.clone())).await? {
        return Err(Problem { status: 403, ..Problem::request("This is not the password that you have.") });
    }
    Ok(throttle::succeeded(session, &account.key, &address).await?)
}

/// Keeps another password, ends all sign-ins and all that was granted, and begins a sign-in; gives its cookie.
async fn renew(desk: &Desk<'_>, visitor: Visitor, password: &str) -> Result<String> {
    let Visitor { visit, mut account, .. } = visitor;
    let hash = account::chosen_password(&account.key, password).await?;
    let now = crate::clock::now_ms();
    account.value.password = hash;
    account.value.signed_out = now;
    let notice = (Purpose::PasswordChanged, account.value.email.as_ref());
    // A sign-in of this moment would end with the others.
    let (cookie, begun) = visit::begun(&*desk.session, &account, visit.value.amr, desk.device(), now + 1).await?;
    let mut changes = sign_ins::end_all(&*desk.session, &account.key).await?;
    changes.push(account.replace()?);
    changes.extend(begun);
    let is_written = mail::commit_with_notice(&*desk.session, desk.tenant(), notice, changes, now).await?;
    kept::decided(is_written)?;
    logout::wake(desk.tenant());
    Ok(cookie)
}
