//! The page of somebody who is signed in: how, where, and how that ends. Forms only, no scripts.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden, moment};

/// The page of somebody who is signed in.
pub struct AccountView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// Who it is.
    pub user: &'a str,
    /// Where the user is signed in.
    pub sign_ins: &'a [SignInItem],
    /// Since when there is an authenticator app.
    pub app: Option<i64>,
    /// How many passkeys there are.
    pub passkeys: usize,
    /// How many recovery codes there are.
    pub recovery: usize,
    /// As what the user acts who could act as something else; `None` if there is nothing else.
    pub acting: Option<&'a str>,
    /// Where the user's mails go; `None` where none are sent.
    pub email: Option<&'a str>,
}

/// A sign-in of the user.
pub struct SignInItem {
    /// Its name.
    pub sid: String,
    /// What it came from.
    pub device: String,
    /// From where.
    pub place: String,
    /// Since when, in milliseconds since the epoch.
    pub since: i64,
    /// Whether it is the one that the page is asked for by.
    pub is_here: bool,
    /// Whether the user is signed in there; otherwise only apps go on by it.
    pub is_open: bool,
    /// What apps came in by it.
    pub apps: Vec<String>,
}

/// The page of somebody who is signed in.
pub fn account(view: &AccountView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>").text(view.user).raw("</h1><p>You are signed in to ").text(view.tenant.0);
    html.raw(".</p><h2>How you sign in</h2><ul class=\"plain\"><li>");
    way(&mut html, view, "password", "Password");
    html.raw("</li>");
    if let Some(email) = view.email {
        html.raw("<li>");
        way(&mut html, view, "email", "E-mail address");
        html.raw(": ").text(email).raw("</li>");
    }
    html.raw("<li>");
    way(&mut html, view, "authenticator", "Authenticator app");
    match view.app {
        None => html.raw(": none"),
        Some(since) => {
            html.raw(": since ");
            moment(&mut html, since)
        }
    };
    html.raw("</li><li>");
    way(&mut html, view, "passkeys", "Passkeys");
    html.raw(": ").show(view.passkeys).raw("</li>");
    if view.app.is_some() || view.passkeys > 0 {
        html.raw("<li>");
        way(&mut html, view, "recovery-codes", "Recovery codes");
        html.raw(": ").show(view.recovery).raw(" left</li>");
    }
    html.raw("</ul><h2>Elsewhere</h2><p>");
    way(&mut html, view, "clinics", "Your clinics");
    html.raw("</p>");
    if let Some(acting) = view.acting {
        html.raw("<p>");
        way(&mut html, view, "acting", "Whom you act as");
        html.raw(": ").text(acting).raw("</p>");
    }
    sign_ins(&mut html, view);
    html.raw("<h2>Signing out</h2><form method=\"post\"").attr("action", view.action).raw(">");
    hidden(&mut html, "csrf", view.csrf);
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"leave\" value=\"here\">Sign out</button> ")
        .raw("<button type=\"submit\" class=\"button\" name=\"leave\" value=\"everywhere\">")
        .raw("Sign out everywhere, and take back what apps were granted</button></p></form></article>");
    Layout { title: "Your account", tenant: Some(view.tenant) }.page(&html)
}

/// A link to the page of one of the ways to sign in.
fn way(html: &mut Html, view: &AccountView<'_>, page: &str, words: &'static str) {
    html.raw("<a").attr("href", &format!("/auth/{}/{page}", view.tenant.0)).raw(">").raw(words).raw("</a>");
}

/// Where the user is signed in, each with a button that ends it.
fn sign_ins(html: &mut Html, view: &AccountView<'_>) {
    html.raw("<h2>Where you are signed in</h2>");
    for (number, item) in view.sign_ins.iter().enumerate() {
        let label = format!("sign-in-{number}");
        html.raw("<form method=\"post\"").attr("action", view.action).raw(">");
        hidden(html, "csrf", view.csrf);
        html.raw("<p><strong").attr("id", &label).raw(">").text(&item.device).raw("</strong>, from ").text(&item.place);
        html.raw(", since ");
        moment(html, item.since);
        html.raw(match (item.is_here, item.is_open) {
            (true, _) => ". You are here.",
            (false, true) => ".",
            (false, false) => ". You have signed out there; apps go on.",
        });
        if !item.apps.is_empty() {
            html.raw(" Apps: ").text(&item.apps.join(", ")).raw(".");
        }
        html.raw("</p><p><button type=\"submit\" class=\"button\" name=\"end\"").attr("value", &item.sid);
        html.attr("aria-describedby", &label).raw(">End it, and what its apps were granted</button></p></form>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_in_has_a_button() {
        let item = |sid: &str, is_here, is_open, apps: &[&str]| SignInItem {
            sid: sid.into(),
            device: "Firefox on Linux".into(),
            place: "the internet".into(),
            since: 0,
            is_here,
            is_open,
            apps: apps.iter().map(|it| (*it).to_owned()).collect(),
        };
        let view = AccountView {
            tenant: ("north", "x"),
            action: "/auth/north/account",
            csrf: "proof",
            user: "Ana",
            sign_ins: &[item("s1", true, true, &[]), item("s2", false, false, &["Growth <chart>"])],
            app: None,
            passkeys: 0,
            recovery: 0,
            acting: None,
            email: None,
        };
        let body = account(&view).body;
        assert!(body.contains("name=\"end\" value=\"s1\"") && body.contains("name=\"end\" value=\"s2\""));
        assert!(body.contains("You are here.") && body.contains("Apps: Growth &lt;chart&gt;."));
        assert_eq!(body.matches("1970-01-01 00:00 UTC").count(), 2);
    }
}
