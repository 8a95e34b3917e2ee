//! How people become users, and what they change of their own accounts: forgotten and other passwords, addresses,
//! invitations, registrations. Where no mails are sent, what needs them is not there.

mod email;
mod forgotten;
mod invitation;
mod password;
mod sign_up;

use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use super::{CONFIRM_EMAIL, EMAIL, FORGOTTEN, INVITATION, PASSWORD, REGISTRATION, RESET, SIGN_UP};
use super::{Desk, Route};
use crate::auth::sign_up::SignUps;
use crate::auth::throttle;
use crate::mail;
use crate::pages::{self, AskView, FieldView, Link, NoteView};
use axum::response::Response;

/// What this module serves.
pub const ROUTES: [&Route; 8] =
    [&FORGOTTEN, &RESET, &PASSWORD, &EMAIL, &CONFIRM_EMAIL, &INVITATION, &SIGN_UP, &REGISTRATION];

/// A field for a password that is chosen.
const NEW_PASSWORD: FieldView<'static> = FieldView {
    label: "New password, of 10 characters or more",
    name: "password",
    kind: "password",
    autocomplete: "new-password",
    value: "",
};

/// Carries out a request to one of [`ROUTES`].
pub async fn serve(desk: &Desk<'_>, route: &Route, is_post: bool, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    if is_post {
        browser.check(desk, form.get("csrf"))?;
    }
    if *route != PASSWORD {
        mail::post()?;
    }
    let visit = Visit { desk, browser, form };
    match route {
        it if *it == FORGOTTEN && is_post => forgotten::ask(visit).await,
        it if *it == FORGOTTEN => forgotten::show(&visit),
        it if *it == RESET && is_post => forgotten::choose(visit).await,
        it if *it == RESET => forgotten::link(&visit).await,
        it if *it == PASSWORD && is_post => password::change(visit).await,
        it if *it == PASSWORD => password::show(&visit).await,
        it if *it == EMAIL && is_post => email::ask(visit).await,
        it if *it == EMAIL => email::show(&visit).await,
        it if *it == CONFIRM_EMAIL && is_post => email::confirm(visit).await,
        it if *it == CONFIRM_EMAIL => email::link(&visit).await,
        it if *it == INVITATION && is_post => invitation::accept(visit).await,
        it if *it == INVITATION => invitation::link(&visit).await,
        it if *it == SIGN_UP && is_post => sign_up::ask(visit).await,
        it if *it == SIGN_UP => sign_up::show(&visit).await,
        _ if is_post => sign_up::apply(visit).await,
        _ => sign_up::link(&visit).await,
    }
}

/// What people who are not signed in can do beside signing in.
pub async fn beside_sign_in(desk: &Desk<'_>) -> Result<Vec<(&'static str, String)>> {
    if !mail::is_on() {
        return Ok(Vec::new());
    }
    let mut links = vec![("Forgotten your password?", path(desk, "forgotten"))];
    if SignUps::of(&*desk.session).await?.are_taken {
        links.push(("Register as a patient", path(desk, "sign-up")));
    }
    Ok(links)
}

fn path(desk: &Desk<'_>, page: &str) -> String {
    format!("/auth/{}/{page}", desk.tenant())
}

/// One request of a person.
struct Visit<'v> {
    desk: &'v Desk<'v>,
    browser: Browser,
    form: &'v Form,
}

/// What a form of these pages asks for.
struct Ask<'a> {
    title: &'a str,
    paragraphs: &'a [&'a str],
    page: &'a str,
    fields: &'a [FieldView<'a>],
    button: &'a str,
}

impl Visit<'_> {
    /// The form, with what went wrong.
    fn form(&self, ask: &Ask<'_>, problem: Option<&Problem>) -> Result<Response> {
        let Visit { desk, browser, form } = self;
        let page = pages::ask(&AskView {
            tenant: (desk.tenant(), &desk.base()),
            title: ask.title,
            paragraphs: ask.paragraphs,
            problem: problem.map(|it| &*it.told),
            action: &path(desk, ask.page),
            csrf: &browser.csrf(desk),
            token: form.get("token"),
            fields: ask.fields,
            button: ask.button,
        });
        browser.page(desk, problem.map_or(200, |it| it.status), page, None)
    }

    /// The form again where somebody has to fill it in otherwise or to wait; other problems are answered as everywhere.
    fn again(&self, ask: &Ask<'_>, problem: Problem) -> Result<Response> {
        match problem.status {
            400..=499 => self.form(ask, Some(&problem)),
            _ => Err(problem),
        }
    }

    /// Counts that the holder of a link chooses a name, so that nobody tries out by one which are taken; or the problem.
    async fn choosing(&self) -> Result<Option<Problem>> {
        let wait = throttle::name(&*self.desk.session, self.token(), self.desk.now).await?;
        Ok((wait > 0).then(|| Problem::too_often(wait)))
    }

    /// A note.
    fn note(&self, status: u16, (title, told): (&str, &str), link: Option<(&str, &str)>) -> Result<Response> {
        let Visit { desk, browser, .. } = self;
        let link = link.map(|(label, page)| (label, path(desk, page)));
        let links: Vec<Link<'_>> = link.iter().map(|(label, href)| Link { label, href }).collect();
        let page = pages::note(&NoteView { tenant: (desk.tenant(), &desk.base()), title, told, links: &links });
        browser.page(desk, status, page, None)
    }

    /// What is told of a link that does not hold; why is not told.
    fn bad_link(&self, again: Option<(&str, &str)>) -> Result<Response> {
        let told = "This link is not good, or no longer: it works once and for a while.";
        self.note(400, ("The link does not work", told), again)
    }

    /// The secret of the link that led here.
    fn token(&self) -> &str {
        self.form.get("token").unwrap_or_default()
    }

    fn text(&self, name: &str) -> &str {
        self.form.get(name).unwrap_or_default()
    }
}
