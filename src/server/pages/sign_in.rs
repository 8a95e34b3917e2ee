//! What people see of the authorization server: signing in, choosing a patient, letting an app in. Forms only, no scripts.

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

/// What all steps of letting an app in have in common.
pub struct StepView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Where the form goes.
    pub action: &'a str,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// The app's request, as a query.
    pub request: &'a str,
    /// The app's name.
    pub app: &'a str,
    /// Who is signed in.
    pub user: &'a str,
}

/// A patient that can be chosen.
pub struct PatientView {
    /// The patient's id.
    pub id: String,
    /// Name, date of birth and the like.
    pub about: String,
}

/// What was searched for, and what was found.
#[derive(Default)]
pub struct PickerView {
    /// A name, or its beginning.
    pub name: String,
    /// A date of birth.
    pub birthdate: String,
    /// An identifier.
    pub identifier: String,
    /// The patients found; `None` before a search.
    pub found: Option<Vec<PatientView>>,
}

/// What an app asks for.
pub struct ConsentView<'a> {
    /// The scopes in words.
    pub scopes: &'a [String],
    /// The chosen patient: id and words.
    pub patient: Option<(&'a str, &'a str)>,
    /// Where the answer goes.
    pub destination: &'a str,
    /// Whether nobody here has looked at the app.
    pub is_unknown: bool,
}

/// Why an app that nobody here knows is not let in.
pub struct StrayView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// The app's name.
    pub app: &'a str,
    /// What is wrong.
    pub told: &'a str,
    /// Where the app takes answers.
    pub to: &'a str,
    /// The answer: that address with what is wrong.
    pub answer: &'a str,
}

/// The page that leaves it to the person whether to go on to an app that registered itself.
pub fn stray(view: &StrayView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>").text(view.app).raw(" is not let in</h1><p>").text(view.told).raw("</p>");
    html.raw("<p class=\"status bad\">This app registered itself: nobody at ")
        .text(view.tenant.0)
        .raw(" has looked at it.</p><p>Only if you know it, <a rel=\"noreferrer\"")
        .attr("href", view.answer)
        .raw(">go on to ")
        .text(view.to)
        .raw("</a></p></article>");
    Layout { title: "Not let in", tenant: Some(view.tenant) }.page(&html)
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

/// The page on which a patient is searched for and chosen.
pub fn picker(step: &StepView<'_>, view: &PickerView) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Choose a patient for ").text(step.app).raw("</h1>");
    who(&mut html, step);
    html.raw("<form method=\"post\" role=\"search\"").attr("action", step.action).raw(">");
    carried(&mut html, step);
    for (label, name, value) in [
        ("Name, or how it begins", "name", &view.name),
        ("Date of birth, such as 1980-05-31", "birthdate", &view.birthdate),
        ("Identifier", "identifier", &view.identifier),
    ] {
        html.raw("<p><label>").raw(label).raw("<input type=\"text\" autocomplete=\"off\"");
        html.attr("name", name).attr("value", value).raw("></label></p>");
    }
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"search\">Search</button> ")
        .raw("<button type=\"submit\" class=\"button\" name=\"action\" value=\"deny\">Cancel</button></p></form>");
    match view.found.as_deref() {
        None => {}
        Some([]) => {
            html.raw("<p role=\"status\">No patient that you may see was found.</p>");
        }
        Some(found) => {
            html.raw("<h2>Patients</h2><form method=\"post\"").attr("action", step.action).raw(">");
            carried(&mut html, step);
            html.raw("<input type=\"hidden\" name=\"action\" value=\"choose\"><ul class=\"plain\">");
            for patient in found {
                html.raw("<li><button type=\"submit\" class=\"button\" name=\"patient\"")
                    .attr("value", &patient.id)
                    .raw(">")
                    .text(&patient.about)
                    .raw("</button></li>");
            }
            html.raw("</ul></form>");
        }
    }
    html.raw("</article>");
    Layout { title: "Choose a patient", tenant: Some(step.tenant) }.page(&html)
}

/// The page that asks whether an app is let in.
pub fn consent(step: &StepView<'_>, view: &ConsentView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Let ").text(step.app).raw(" in?</h1>");
    who(&mut html, step);
    if view.is_unknown {
        html.raw("<p class=\"status bad\">This app registered itself: nobody at ")
            .text(step.tenant.0)
            .raw(" has looked at it.</p>");
    }
    if let Some((_, about)) = view.patient {
        html.raw("<p>The patient is <strong>").text(about).raw("</strong>.</p>");
    }
    html.raw("<p>The app will be able to:</p><ul>");
    for scope in view.scopes {
        html.raw("<li>").text(scope).raw("</li>");
    }
    html.raw("</ul><p class=\"quiet\">The answer goes to ").text(view.destination).raw("</p>");
    html.raw("<form method=\"post\"").attr("action", step.action).raw(">");
    carried(&mut html, step);
    if let Some((id, _)) = view.patient {
        hidden(&mut html, "patient", id);
    }
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"allow\">Allow</button> ").raw(
        "<button type=\"submit\" class=\"button\" name=\"action\" value=\"deny\">Deny</button></p></form></article>",
    );
    Layout { title: "Let an app in", tenant: Some(step.tenant) }.page(&html)
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

fn who(html: &mut Html, step: &StepView<'_>) {
    html.raw("<p class=\"quiet\">Signed in as ").text(step.user).raw(".</p>");
}

fn carried(html: &mut Html, step: &StepView<'_>) {
    hidden(html, "csrf", step.csrf);
    hidden(html, "request", step.request);
}

fn hidden(html: &mut Html, name: &'static str, value: &str) {
    html.raw("<input type=\"hidden\"").attr("name", name).attr("value", value).raw(">");
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepView<'static> = StepView {
        tenant: ("north", "http://here/fhir/north"),
        action: "/auth/north/authorize",
        csrf: "proof",
        request: "client_id=a&state=\"<",
        app: "<Growth>",
        user: "Ana",
    };

    #[test]
    fn every_value_is_escaped() {
        let scopes = ["Read <all>".to_owned()];
        let view =
            ConsentView { scopes: &scopes, patient: Some(("1", "\"Bo\"")), destination: "https://a", is_unknown: true };
        let body = consent(&STEP, &view).body;
        assert!(body.contains("value=\"client_id=a&amp;state=&quot;&lt;\"") && body.contains("&lt;Growth&gt;"));
        assert!(body.contains("Read &lt;all&gt;") && body.contains("&quot;Bo&quot;"));
        assert!(body.contains("name=\"csrf\" value=\"proof\"") && body.contains("registered itself"));
    }

    #[test]
    fn a_search_that_finds_nothing_says_so() {
        let found = |found| picker(&STEP, &PickerView { found, ..PickerView::default() }).body;
        assert!(!found(None).contains("No patient"));
        assert!(found(Some(Vec::new())).contains("No patient"));
        let one = vec![PatientView { id: "p1".into(), about: "Bo, 1980".into() }];
        assert!(found(Some(one)).contains("name=\"patient\" value=\"p1\">Bo, 1980</button>"));
    }

    #[test]
    fn a_stray_is_told_of_and_linked() {
        let (to, answer) = ("https://a.example/?x=1&y", "https://a.example/?x=1&y&error=\"<");
        let body = stray(&StrayView { tenant: STEP.tenant, app: STEP.app, told: "No.", to, answer }).body;
        assert!(
            body.contains("href=\"https://a.example/?x=1&amp;y&amp;error=&quot;&lt;\"") && body.contains("<p>No.</p>")
        );
        assert!(body.contains("&lt;Growth&gt; is not let in"));
    }

    #[test]
    fn a_refused_sign_in_says_why() {
        let view = SignInView {
            tenant: STEP.tenant,
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
