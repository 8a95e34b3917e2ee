//! Another e-mail address for somebody who is signed in and knows the password.

use super::password::{CURRENT, check};
use super::{Ask, Problem, Result, Visit};
use crate::auth::{own_address, throttle};
use crate::http::oauth::sign_in;
use crate::pages::FieldView;
use axum::response::Response;

/// A field for an e-mail address.
pub(super) const EMAIL: FieldView<'static> =
    FieldView { label: "E-mail address", name: "email", kind: "email", autocomplete: "email", value: "" };
const CHANGE: Ask<'static> = Ask {
    title: "Change your e-mail address",
    paragraphs: &["You get a link to the new address. It counts once you have followed it."],
    page: "email",
    fields: &[EMAIL, CURRENT],
    button: "Send the link",
};

/// `GET /auth/{tenant}/email`
pub async fn show(visit: &Visit<'_>) -> Result<Response> {
    match sign_in::recent(visit.desk, &visit.browser, CHANGE.page).await? {
        Ok(_) => visit.form(&CHANGE, None),
        Err(asked) => Ok(asked),
    }
}

/// `POST /auth/{tenant}/email`
pub async fn ask(visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let visitor = match sign_in::recent(desk, &visit.browser, CHANGE.page).await? {
        Ok(visitor) => visitor,
        Err(asked) => return Ok(asked),
    };
    let given = visit.text("email");
    let asked = async {
        let email = given.parse()?;
        check(desk, &visitor.account, visit.text("current")).await?;
        let wait = throttle::mail(&*desk.session, &desk.address(), desk.now).await?;
        if wait > 0 {
            return Err(Problem::too_often(wait));
        }
        Ok::<_, Problem>(own_address::ask(&*desk.session, desk.tenant(), &visitor.account, email, desk.now).await?)
    };
    match asked.await {
        Ok(()) => {
            let told = "A link is on its way to the new address. It works for 24 hours.";
            visit.note(200, ("Look into your mails", told), Some(("Your account", "account")))
        }
        Err(problem) => {
            let fields = [FieldView { value: given, ..EMAIL }, CURRENT];
            visit.again(&Ask { fields: &fields, ..CHANGE }, problem)
        }
    }
}

/// `GET /auth/{tenant}/confirm-email`
pub async fn link(visit: &Visit<'_>) -> Result<Response> {
    let Some(held) = own_address::held(&*visit.desk.session, visit.token()).await? else { return visit.bad_link(None) };
    visit.form(&confirmation(&[&format!("Mails of your account will go to {}.", held.email().as_str())]), None)
}

/// `POST /auth/{tenant}/confirm-email`
pub async fn confirm(visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let Some(held) = own_address::held(&*desk.session, visit.token()).await? else { return visit.bad_link(None) };
    match own_address::confirm(&*desk.session, desk.tenant(), held, desk.now).await {
        Ok(()) => {
            let told = ("The address was confirmed", "Mails of your account go there from now on.");
            visit.note(200, told, Some(("Your account", "account")))
        }
        Err(failure) => visit.again(&confirmation(&[]), failure.into()),
    }
}

/// That there is a button to press keeps programs that look at links in mails from confirming anything.
fn confirmation<'a>(paragraphs: &'a [&'a str]) -> Ask<'a> {
    Ask { title: "Confirm your e-mail address", paragraphs, page: "confirm-email", fields: &[], button: "Confirm" }
}
