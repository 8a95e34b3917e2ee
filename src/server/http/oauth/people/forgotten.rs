//! A forgotten password. Whether there is a user of a name shows neither in the answer nor in the time it takes: what is to be
//! done is done after the answer.

use super::{Ask, NEW_PASSWORD, Problem, Result, Visit};
use crate::auth::{reset, throttle};
use crate::pages::FieldView;
use axum::response::Response;

const NAME: FieldView<'static> = FieldView {
    label: "Name that you sign in with",
    name: "username",
    kind: "text",
    autocomplete: "username",
    value: "",
};
const FORGOTTEN: Ask<'static> = Ask {
    title: "Forgotten password",
    paragraphs: &["You get a link to your e-mail address, by which you choose another password."],
    page: "forgotten",
    fields: &[NAME],
    button: "Send the link",
};
const CHOOSE: Ask<'static> = Ask {
    title: "Choose another password",
    paragraphs: &["You will be signed out everywhere, and apps will have to ask again."],
    page: "reset",
    fields: &[NEW_PASSWORD],
    button: "Change the password",
};
const AGAIN: Option<(&str, &str)> = Some(("Ask for another link", "forgotten"));

/// `GET /auth/{tenant}/forgotten`
pub fn show(visit: &Visit<'_>) -> Result<Response> {
    visit.form(&FORGOTTEN, None)
}

/// `POST /auth/{tenant}/forgotten`
pub async fn ask(visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let wait = throttle::mail(&*desk.session, &desk.address(), desk.now).await?;
    if wait > 0 {
        return visit.again(&FORGOTTEN, Problem::too_often(wait));
    }
    let (session, now) = (desk.session.clone(), desk.now);
    let (tenant, username) = (desk.tenant().to_owned(), visit.text("username").to_owned());
    tokio::spawn(async move {
        if let Err(failure) = reset::ask(&*session, &tenant, &username, now).await {
            tracing::warn!(tenant, %failure, "a link for a forgotten password was not sent");
        }
    });
    let told = "If there is a user of this name with an e-mail address, a link is on its way. It works for 30 minutes.";
    visit.note(200, ("Look into your mails", told), None)
}

/// `GET /auth/{tenant}/reset`
pub async fn link(visit: &Visit<'_>) -> Result<Response> {
    match reset::held(&*visit.desk.session, visit.token()).await? {
        Some(_) => visit.form(&CHOOSE, None),
        None => visit.bad_link(AGAIN),
    }
}

/// `POST /auth/{tenant}/reset`
pub async fn choose(visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let Some(held) = reset::held(&*desk.session, visit.token()).await? else { return visit.bad_link(AGAIN) };
    match reset::choose(&*desk.session, desk.tenant(), held, visit.text("password"), desk.now).await {
        Ok(()) => {
            let told = ("The password was changed", "Sign in with the new one.");
            visit.note(200, told, Some(("Sign in", "account")))
        }
        Err(failure) => visit.again(&CHOOSE, failure.into()),
    }
}
