//! What people see of passkeys. Browsers make and use them by a script only, `assets/passkey.js`; it fills forms in, which are
//! hidden where it does not run.

use super::Page;
use super::factors::{FormView, alert, demanded};
use super::html::Html;
use super::layout::{Layout, VERSION};
use super::sign_in::{hidden, moment};

/// The form by which a passkey is used.
pub struct UseView {
    /// The form.
    pub step: FormView,
    /// What is to be signed.
    pub challenge: String,
    /// The host that passkeys are for.
    pub rp: String,
}

/// What a new passkey is made of.
pub struct MakeView {
    /// What is to be signed.
    pub challenge: String,
    /// The host that it is for.
    pub rp: String,
    /// The user's id.
    pub user: String,
    /// The name that the user signs in with.
    pub username: String,
    /// What pages call the user.
    pub name: String,
    /// The ids of the passkeys that there are.
    pub known: String,
}

/// A passkey.
pub struct PasskeyView<'a> {
    /// Its id.
    pub id: &'a str,
    /// What the user calls it.
    pub name: &'a str,
    /// Whether it may be copied to other devices.
    pub is_synced: bool,
    /// When it was registered.
    pub since: i64,
    /// When it was used.
    pub used: Option<i64>,
}

/// The page of a user's passkeys.
pub struct PasskeysView<'a> {
    /// Its forms.
    pub step: &'a FormView,
    /// The passkeys.
    pub passkeys: &'a [PasskeyView<'a>],
    /// What a new one is made of, where one can be made.
    pub make: Option<&'a MakeView>,
    /// Whether nobody gets in without.
    pub is_demanded: bool,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// Appends the form by which a passkey is used, where there can be one.
pub(super) fn offer(html: &mut Html, view: Option<&UseView>) {
    let Some(view) = view else { return };
    html.raw("<form method=\"post\" hidden data-passkey=\"use\"").attr("action", &view.step.action);
    html.attr("data-challenge", &view.challenge).attr("data-rp", &view.rp).raw(">");
    view.step.fields(html);
    for field in ["id", "user", "client_data", "authenticator_data", "signature"] {
        hidden(html, field, "");
    }
    end(html, "button", "Use a passkey");
}

/// The page of a user's passkeys.
pub fn passkeys(view: &PasskeysView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Passkeys</h1>");
    alert(&mut html, view.problem);
    if view.is_demanded {
        demanded(&mut html, view.step);
    }
    html.raw("<p>A passkey is kept by your telephone, your computer or a security key, which makes sure that it is you. It lets ")
        .raw("you in without your password.</p>");
    for (at, passkey) in view.passkeys.iter().enumerate() {
        one(&mut html, view.step, at + 1, passkey);
    }
    match view.make {
        Some(make) => new(&mut html, view.step, make),
        None => _ = html.raw("<p>No more can be added at this address.</p>"),
    }
    html.raw("</article>");
    Layout { title: "Passkeys", tenant: Some(view.step.place()) }.page(&html)
}

fn one(html: &mut Html, step: &FormView, at: usize, passkey: &PasskeyView<'_>) {
    html.raw("<form method=\"post\"").attr("action", &step.action).raw(">");
    step.fields(html);
    hidden(html, "id", passkey.id);
    html.raw("<p><label>Passkey ").show(at).raw("<input name=\"name\" type=\"text\" maxlength=\"50\" required");
    html.raw(" autocomplete=\"off\"").attr("value", passkey.name).raw("></label></p><p class=\"quiet\">Since ");
    moment(html, passkey.since);
    match passkey.used {
        None => html.raw(", not used yet"),
        Some(used) => {
            html.raw(", last used ");
            moment(html, used)
        }
    };
    html.raw(if passkey.is_synced { "; may be on several devices" } else { "; on one device" }).raw("</p><p>");
    for (action, words) in [("rename", "Rename"), ("remove", "Take away")] {
        html.raw("<button type=\"submit\" class=\"button\" name=\"action\"").attr("value", action);
        html.attr("aria-label", &format!("{words} passkey {at}")).raw(">").raw(words).raw("</button> ");
    }
    html.raw("</p></form>");
}

fn new(html: &mut Html, step: &FormView, make: &MakeView) {
    html.raw("<form method=\"post\" hidden data-passkey=\"make\"").attr("action", &step.action);
    for (name, value) in [
        ("data-challenge", &make.challenge),
        ("data-rp", &make.rp),
        ("data-user", &make.user),
        ("data-username", &make.username),
        ("data-name", &make.name),
        ("data-known", &make.known),
    ] {
        html.attr(name, value);
    }
    html.raw(">");
    step.fields(html);
    for (field, value) in [("action", "make"), ("client_data", ""), ("attestation", "")] {
        hidden(html, field, value);
    }
    html.raw("<p><label>What to call the new passkey<input name=\"name\" type=\"text\" maxlength=\"50\" required")
        .raw(" autocomplete=\"off\" value=\"My passkey\"></label></p>");
    end(html, "button strong", "Add a passkey");
}

/// Ends a form that the script fills in.
fn end(html: &mut Html, class: &'static str, words: &'static str) {
    html.raw("<p><button type=\"submit\"").attr("class", class).raw(">").raw(words).raw("</button></p>");
    html.raw("<p class=\"status bad\" role=\"alert\" hidden></p></form>");
    html.raw(
        "<noscript><p class=\"quiet\">Passkeys need scripts, which this browser does not run here.</p></noscript>",
    );
    html.raw("<script defer src=\"/assets/passkey.js?v=").text(VERSION).raw("\"></script>");
}
