//! What people see of the authorization server: signing in, and the page of who is signed in. Forms only, no scripts.

use super::Page;
use super::html::Html;
use super::layout::Layout;

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
    /// What went wrong.
    pub problem: Option<&'a str>,
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
        .raw("<p><button type=\"submit\" class=\"button strong\">Sign in</button></p></form></article>");
    Layout { title: "Sign in", tenant: Some(view.tenant) }.page(&html)
}

/// The page of somebody who is signed in.
pub fn account(tenant: Place<'_>, action: &str, csrf: &str, user: &str, is_signed_out: bool) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\">");
    if is_signed_out {
        html.raw("<h1>Signed out</h1><p role=\"status\">You are signed out of ").text(tenant.0).raw(".</p></article>");
        return Layout { title: "Signed out", tenant: Some(tenant) }.page(&html);
    }
    html.raw("<h1>").text(user).raw("</h1><p>You are signed in to ").text(tenant.0).raw(".</p>");
    html.raw("<form method=\"post\"").attr("action", action).raw(">");
    hidden(&mut html, "csrf", csrf);
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"leave\" value=\"here\">Sign out</button> ")
        .raw("<button type=\"submit\" class=\"button\" name=\"leave\" value=\"everywhere\">")
        .raw("Sign out everywhere, and take back what apps were granted</button></p></form></article>");
    Layout { title: "Your account", tenant: Some(tenant) }.page(&html)
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
            problem: Some("No."),
        };
        let body = sign_in(&view).body;
        assert!(body.contains("role=\"alert\">No.</p>") && body.contains("value=\"ana\""));
    }
}
