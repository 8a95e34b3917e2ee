//! Signing out from within an app (OpenID Connect RP-Initiated Logout 1.0).

use super::browser::Browser;
use super::form::Form;
use super::problem::Result;
use super::{Desk, sign_on};
use crate::auth::client::Client;
use crate::auth::federation::{SignOn, joined};
use crate::auth::kept;
use crate::auth::visit::Visitor;
use crate::http::page;
use crate::pages::{self, LeaveView, MessageView};
use axum::response::Response;
use jsonwebtoken::Validation;
use serde::Deserialize;

/// What is taken over from the app's request when the user is asked.
const TAKEN_OVER: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

/// What an id token says of whom it was for.
#[derive(Deserialize)]
struct Hint {
    sub: String,
    aud: String,
}

/// `/auth/{tenant}/end-session`: signs the user out whom the app's id token names; otherwise the user is asked, as anybody can
/// make such a link (section 2).
pub async fn end(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let hint = form.get("id_token_hint").and_then(|it| hint(desk, it));
    let to = match destination(desk, form, hint.as_ref()).await? {
        Ok(to) => to,
        Err(told) => return Ok(refused(told)),
    };
    let browser = Browser::of(desk)?;
    let Some(visitor) = browser.visitor(desk).await? else { return sign_on::leave(desk, to.as_deref()) };
    let is_named = hint.is_some_and(|it| it.sub == visitor.account.value.id);
    if !is_named && form.get("action") != Some("leave") {
        return ask(desk, &browser, &visitor, form, to.as_deref());
    }
    if !is_named {
        browser.check(desk, form.get("csrf"))?;
    }
    leave(desk, &browser, &visitor).await?;
    sign_on::leave(desk, to.as_deref())
}

/// Ends a sign-in, with what was granted for as long as it lasts.
pub async fn leave(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor) -> Result<()> {
    if let Some(sign_on) = &visitor.visit.value.sign_on {
        SignOn::end(&*desk.session, sign_on).await?;
    }
    desk.end_visit(browser, None).await
}

/// Where the user goes on: to an address that the app is registered with, or nowhere else.
async fn destination(
    desk: &Desk<'_>,
    form: &Form,
    hint: Option<&Hint>,
) -> Result<std::result::Result<Option<String>, &'static str>> {
    let client = form.get("client_id");
    if hint.is_some_and(|it| client.is_some_and(|client| client != it.aud)) {
        return Ok(Err("The app says that it is another one than its id token was for."));
    }
    let Some(to) = form.get("post_logout_redirect_uri") else { return Ok(Ok(None)) };
    let Some(id) = client.or(hint.map(|it| &*it.aud)) else {
        return Ok(Err("The app wants to be gone back to, and does not say which one it is."));
    };
    let client = kept::find::<Client>(&*desk.session, id).await?.map(|it| it.value);
    // Nobody here has looked at an app that registered itself (RFC 9700 section 4.11.2).
    let is_known =
        |it: &Client| it.is_approved && !it.is_self_made && it.post_logout_redirect_uris.iter().any(|it| it == to);
    if !client.is_some_and(|it| is_known(&it)) {
        return Ok(Err("The app wants to be gone back to at an address that it is not registered with."));
    }
    let state =
        form.get("state").map(|it| form_urlencoded::Serializer::new(String::new()).append_pair("state", it).finish());
    Ok(Ok(Some(state.map_or_else(|| to.to_owned(), |it| joined(to, &it)))))
}

/// What an id token of this tenant says, however old it is (section 4).
fn hint(desk: &Desk<'_>, token: &str) -> Option<Hint> {
    let mut wanted = Validation::default();
    wanted.set_issuer(&[desk.issuer()]);
    wanted.set_required_spec_claims(&["iss"]);
    wanted.validate_exp = false;
    wanted.validate_aud = false;
    desk.known.keys.read_for_app(token, &wanted, desk.now)
}

fn ask(desk: &Desk<'_>, browser: &Browser, visitor: &Visitor, form: &Form, to: Option<&str>) -> Result<Response> {
    let fields: Vec<(&'static str, &str)> =
        TAKEN_OVER.into_iter().filter_map(|name| form.get(name).map(|it| (name, it))).collect();
    let page = pages::leave(&LeaveView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/end-session", desk.tenant()),
        csrf: &browser.csrf(desk),
        user: &visitor.account.value.name,
        fields: &fields,
    });
    browser.page(desk, 200, page, to)
}

fn refused(told: &str) -> Response {
    let view = MessageView { status: 400, heading: "Nobody was signed out", paragraphs: &[told], commands: &[] };
    page::response(400, pages::message(&view))
}
