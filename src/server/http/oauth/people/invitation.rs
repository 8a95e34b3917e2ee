//! Accepting an invitation. The page does not tell who is invited: a link may have come to the wrong person.

use super::{Ask, NEW_PASSWORD, Result, Visit};
use crate::auth::invitation;
use crate::pages::FieldView;
use axum::response::Response;

/// A field for the name of a new user.
pub(super) const USERNAME: FieldView<'static> =
    FieldView { label: "Name to sign in with", name: "username", kind: "text", autocomplete: "username", value: "" };

/// `GET /auth/{tenant}/invitation`
pub async fn link(visit: &Visit<'_>) -> Result<Response> {
    match invitation::held(&*visit.desk.session, visit.token()).await? {
        Some(it) => visit.form(&accepting(&fields(&it.value.email.folded())), None),
        None => visit.bad_link(None),
    }
}

/// `POST /auth/{tenant}/invitation`
pub async fn accept(visit: Visit<'_>) -> Result<Response> {
    let session = &*visit.desk.session;
    let Some(held) = invitation::held(session, visit.token()).await? else { return visit.bad_link(None) };
    let username = visit.text("username");
    if let Some(problem) = visit.choosing().await? {
        return visit.again(&accepting(&fields(username)), problem);
    }
    match invitation::accept(session, held, username, visit.text("password")).await {
        Ok(()) => {
            let told = ("You are a user now", "Sign in with the name and the password that you chose.");
            visit.note(200, told, Some(("Sign in", "account")))
        }
        Err(failure) => visit.again(&accepting(&fields(username)), failure.into()),
    }
}

fn fields(username: &str) -> [FieldView<'_>; 2] {
    [
        FieldView { value: username, ..USERNAME },
        FieldView { label: "Password, of 10 characters or more", ..NEW_PASSWORD },
    ]
}

fn accepting<'a>(fields: &'a [FieldView<'a>]) -> Ask<'a> {
    Ask {
        title: "Accept your invitation",
        paragraphs: &["Choose a name and a password to sign in with."],
        page: "invitation",
        fields,
        button: "Accept",
    }
}
