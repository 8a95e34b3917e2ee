//! Patients who register themselves, where the tenant allows it.

use super::email::EMAIL;
use super::invitation::USERNAME;
use super::{Ask, NEW_PASSWORD, Problem, Result, Visit};
use crate::auth::sign_up::{self, Application, SignUps};
use crate::auth::throttle;
use crate::mail::EmailAddress;
use crate::pages::FieldView;
use axum::response::Response;

const BEGIN: Ask<'static> = Ask {
    title: "Register as a patient",
    paragraphs: &["You get a link to your e-mail address, by which you go on."],
    page: "sign-up",
    fields: &[EMAIL],
    button: "Send the link",
};
const AGAIN: Option<(&str, &str)> = Some(("Begin again", "sign-up"));

/// `GET /auth/{tenant}/sign-up`
pub async fn show(visit: &Visit<'_>) -> Result<Response> {
    check_open(visit).await?;
    visit.form(&BEGIN, None)
}

/// `POST /auth/{tenant}/sign-up`. Whether the address is known here shows neither in the answer nor in the time it takes.
pub async fn ask(visit: Visit<'_>) -> Result<Response> {
    check_open(&visit).await?;
    let desk = visit.desk;
    let given = visit.text("email");
    let wait = throttle::mail(&*desk.session, &desk.address(), desk.now).await?;
    let email = match given.parse::<EmailAddress>() {
        _ if wait > 0 => Err(Problem::too_often(wait)),
        email => email.map_err(Problem::from),
    };
    match email {
        Ok(email) => send(&visit, email),
        Err(problem) => visit.again(&Ask { fields: &[FieldView { value: given, ..EMAIL }], ..BEGIN }, problem),
    }
}

fn send(visit: &Visit<'_>, email: EmailAddress) -> Result<Response> {
    let (session, now) = (visit.desk.session.clone(), visit.desk.now);
    let tenant = visit.desk.tenant().to_owned();
    tokio::spawn(async move {
        if let Err(failure) = sign_up::ask(&*session, &tenant, email, now).await {
            tracing::warn!(tenant, %failure, "a link to register was not sent");
        }
    });
    visit.note(200, ("Look into your mails", "A link is on its way to your address. It works for 24 hours."), None)
}

/// `GET /auth/{tenant}/registration`
pub async fn link(visit: &Visit<'_>) -> Result<Response> {
    match sign_up::held(&*visit.desk.session, visit.token()).await? {
        Some(_) => visit.form(&registration(&fields(visit)), None),
        None => visit.bad_link(AGAIN),
    }
}

/// `POST /auth/{tenant}/registration`
pub async fn apply(visit: Visit<'_>) -> Result<Response> {
    let desk = visit.desk;
    let Some(link) = sign_up::held(&*desk.session, visit.token()).await? else { return visit.bad_link(AGAIN) };
    if let Some(problem) = visit.choosing().await? {
        return visit.again(&registration(&fields(&visit)), problem);
    }
    let application = Application {
        username: visit.text("username"),
        password: visit.text("password"),
        name: visit.text("name"),
        birth_date: visit.text("birthdate"),
    };
    match sign_up::apply(&*desk.session, link, application, desk.now).await {
        Ok(()) => {
            let told = "Somebody looks whose record is yours. You get a mail when you can sign in.";
            visit.note(200, ("You are registered", told), None)
        }
        Err(failure) => visit.again(&registration(&fields(&visit)), failure.into()),
    }
}

async fn check_open(visit: &Visit<'_>) -> Result<()> {
    match SignUps::of(&*visit.desk.session).await?.are_taken {
        true => Ok(()),
        false => Err(Problem { status: 404, ..Problem::request("Patients do not register themselves here.") }),
    }
}

fn fields<'v>(visit: &'v Visit<'_>) -> [FieldView<'v>; 4] {
    [
        FieldView { label: "Your name", name: "name", kind: "text", autocomplete: "name", value: visit.text("name") },
        FieldView {
            label: "Your date of birth, such as 1980-05-31",
            name: "birthdate",
            kind: "text",
            autocomplete: "bday",
            value: visit.text("birthdate"),
        },
        FieldView { value: visit.text("username"), ..USERNAME },
        FieldView { label: "Password, of 10 characters or more", ..NEW_PASSWORD },
    ]
}

fn registration<'a>(fields: &'a [FieldView<'a>]) -> Ask<'a> {
    Ask {
        title: "Register as a patient",
        paragraphs: &["Somebody of the place looks whose record is yours before you can sign in."],
        page: "registration",
        fields,
        button: "Register",
    }
}
