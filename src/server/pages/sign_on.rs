//! What people see who sign in by another provider, and who sign out.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden};

/// A way to sign in by another provider.
pub struct Way {
    /// Where it begins, on this server.
    pub href: String,
    /// What the provider is called.
    pub label: String,
}

/// Why somebody whom a provider sent is not signed in.
pub struct RefusedView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// What went wrong.
    pub told: &'a str,
    /// Where to begin again, on this server.
    pub again: &'a str,
}

/// A question whether to sign out.
pub struct LeaveView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// Who is signed in.
    pub user: &'a str,
    /// What the app asked for.
    pub fields: &'a [(&'static str, &'a str)],
}

/// The ways to sign in by other providers, as links: a form's answer could lead nowhere else.
pub(super) fn ways(html: &mut Html, ways: &[Way]) {
    if ways.is_empty() {
        return;
    }
    html.raw("<ul class=\"plain\" aria-label=\"Other ways to sign in\">");
    for way in ways {
        html.raw("<li><a class=\"button\"")
            .attr("href", &way.href)
            .raw(">Sign in with ")
            .text(&way.label)
            .raw("</a></li>");
    }
    html.raw("</ul>");
}

/// The page for somebody who is not signed in.
pub fn refused(view: &RefusedView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>You are not signed in to ").text(view.tenant.0).raw("</h1>");
    html.raw("<p class=\"status bad\" role=\"alert\">").text(view.told).raw("</p>");
    html.raw("<p><a class=\"button\"").attr("href", view.again).raw(">Back to the sign-in</a></p></article>");
    Layout { title: "Not signed in", tenant: Some(view.tenant) }.page(&html)
}

/// The page that asks whether to sign out.
pub fn leave(view: &LeaveView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Sign out of ").text(view.tenant.0).raw("?</h1><p>An app asks to sign ");
    html.text(view.user).raw(" out.</p><form method=\"post\"").attr("action", view.action).raw(">");
    hidden(&mut html, "csrf", view.csrf);
    hidden(&mut html, "action", "leave");
    for (name, value) in view.fields {
        hidden(&mut html, name, value);
    }
    html.raw("<p><button type=\"submit\" class=\"button strong\">Sign out</button></p></form></article>");
    Layout { title: "Sign out", tenant: Some(view.tenant) }.page(&html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_providers_are_called_is_text() {
        let mut html = Html::default();
        let way = Way { href: "/auth/north/sign-on/x?next=a%26b".into(), label: "<b>".into() };
        ways(&mut html, &[way]);
        let markup = html.into_string();
        assert!(
            markup.contains("Sign in with &lt;b&gt;") && markup.contains("href=\"/auth/north/sign-on/x?next=a%26b\"")
        );
    }

    #[test]
    fn what_an_app_asked_for_goes_on_when_the_user_has_answered() {
        let fields = [("state", "a&b")];
        let view = LeaveView {
            tenant: ("north", "http://here/fhir/north"),
            action: "/x",
            csrf: "p",
            user: "Ana",
            fields: &fields,
        };
        assert!(leave(&view).body.contains("name=\"state\" value=\"a&amp;b\""));
    }
}
