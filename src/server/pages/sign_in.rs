//! What people see of the authorization server: signing in. Forms only, no scripts.

use super::html::Html;
use super::layout::Layout;
use super::passkeys::{self, UseView};
use super::sign_on::{Way, ways};
use super::{Link, Page};

/// The tenant and its base, as all pages of its authorization server show them.
pub type Place<'a> = (&'a str, &'a str);

/// A form that asks for name and password.
pub struct SignInView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// Where to go on afterwards.
    pub next: &'a str,
    /// The name that was tried.
    pub username: &'a str,
    /// How a passkey is used.
    pub passkey: Option<&'a UseView>,
    /// Other providers by which people sign in.
    pub ways: &'a [Way],
    /// What went wrong, or why it is asked.
    pub problem: Option<&'a str>,
    /// What can be done beside.
    pub links: &'a [Link<'a>],
}

/// The page that asks for name and password.
pub fn sign_in(view: &SignInView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Sign in to ").text(view.tenant.0).raw("</h1>");
    if let Some(problem) = view.problem {
        html.raw("<p class=\"status bad\" role=\"alert\">").text(problem).raw("</p>");
    }
    html.raw("<form method=\"post\"").attr("action", view.action).raw(">");
    hidden(&mut html, "csrf", view.csrf);
    hidden(&mut html, "next", view.next);
    html.raw("<p><label>Name<input name=\"username\" type=\"text\" autocomplete=\"username\" required")
        .raw(" autocapitalize=\"none\" spellcheck=\"false\"")
        .attr("value", view.username)
        .raw("></label></p><p><label>Password<input name=\"password\" type=\"password\"")
        .raw(" autocomplete=\"current-password\" required></label></p>")
        .raw("<p><button type=\"submit\" class=\"button strong\">Sign in</button></p></form>");
    passkeys::offer(&mut html, view.passkey);
    links(&mut html, view.links);
    ways(&mut html, view.ways);
    html.raw("</article>");
    Layout { title: "Sign in", tenant: Some(view.tenant) }.page(&html)
}

/// The page of somebody who is signed out.
pub fn signed_out(tenant: Place<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Signed out</h1><p role=\"status\">You are signed out of ").text(tenant.0);
    html.raw(".</p></article>");
    Layout { title: "Signed out", tenant: Some(tenant) }.page(&html)
}

/// Appends a time, to the minute.
pub(super) fn moment(html: &mut Html, millis: i64) -> &mut Html {
    let instant = fhir::primitive::datetime::instant(millis.saturating_mul(1000));
    let (date, time) = (instant.get(..10).unwrap_or_default(), instant.get(11..16).unwrap_or_default());
    html.raw("<time").attr("datetime", &instant).raw(">").text(date).raw(" ").text(time).raw(" UTC</time>")
}

/// Where one may go on.
pub(super) fn links(html: &mut Html, links: &[Link<'_>]) {
    if links.is_empty() {
        return;
    }
    html.raw("<ul class=\"plain\">");
    for link in links {
        html.raw("<li><a").attr("href", link.href).raw(">").text(link.label).raw("</a></li>");
    }
    html.raw("</ul>");
}

/// A field that nobody sees.
pub(super) fn hidden(html: &mut Html, name: &'static str, value: &str) {
    html.raw("<input type=\"hidden\"").attr("name", name).attr("value", value).raw(">");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_sign_in_says_why() {
        let view = SignInView {
            tenant: ("north", "http://here/fhir/north"),
            action: "/auth/north/sign-in",
            csrf: "proof",
            next: "authorize?x",
            username: "ana",
            passkey: None,
            ways: &[],
            problem: Some("No."),
            links: &[Link { label: "Forgotten?", href: "/auth/north/forgotten" }],
        };
        let body = sign_in(&view).body;
        assert!(body.contains("role=\"alert\">No.</p>") && body.contains("value=\"ana\""));
        assert!(body.contains("<a href=\"/auth/north/forgotten\">Forgotten?</a>"));
    }
}
