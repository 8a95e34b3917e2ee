//! Whom a Person acts as. Forms only, no scripts.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden};

/// The page on which a user chooses whom to act as.
pub struct ActingView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// Who is signed in.
    pub user: &'a str,
    /// All whom the user can act as.
    pub guises: &'a [GuiseView],
    /// What choosing one of them goes on to.
    pub next: Option<&'a str>,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// Somebody to act as.
pub struct GuiseView {
    /// `Practitioner/1`
    pub reference: String,
    /// `as Ana Weiss, practitioner`, `for Bo Weiss`
    pub label: String,
    /// Whether the user acts so.
    pub is_now: bool,
}

/// The page on which a user chooses whom to act as.
pub fn acting(view: &ActingView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Whom do you act as?</h1><p>You are signed in to ").text(view.tenant.0);
    html.raw(" as ").text(view.user).raw(".</p>");
    if let Some(problem) = view.problem {
        html.raw("<p class=\"status bad\" role=\"alert\">").text(problem).raw("</p>");
    }
    html.raw("<p>What you may see and do differs. Apps that you let in act as you do then, and go on so.</p>");
    for guise in view.guises {
        if guise.is_now {
            html.raw("<p class=\"status good\">You act ").text(&guise.label).raw(".</p>");
            // Who came here on the way to an app goes on as before.
            if view.next.is_none() {
                continue;
            }
        }
        html.raw("<form method=\"post\"").attr("action", &format!("/auth/{}/acting", view.tenant.0)).raw(">");
        hidden(&mut html, "csrf", view.csrf);
        if let Some(next) = view.next {
            hidden(&mut html, "next", next);
        }
        html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"as\"")
            .attr("value", &guise.reference)
            .raw(if guise.is_now { ">Go on " } else { ">Act " })
            .text(&guise.label)
            .raw("</button></p></form>");
    }
    if view.guises.is_empty() {
        html.raw("<p>Who you are in the records is no longer active, so you can act as nobody.</p>");
    }
    html.raw("<p><a").attr("href", &format!("/auth/{}/account", view.tenant.0)).raw(">Your account</a></p></article>");
    Layout { title: "Whom you act as", tenant: Some(view.tenant) }.page(&html)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(next: Option<&str>) -> String {
        let guise =
            |id: u8, is_now| GuiseView { reference: format!("Patient/{id}"), label: format!("for <{id}>"), is_now };
        let guises = [guise(1, true), guise(2, false)];
        let view =
            ActingView { tenant: ("north", "x"), csrf: "proof", user: "Ana", guises: &guises, next, problem: None };
        acting(&view).body
    }

    #[test]
    fn each_has_a_button_but_the_one_that_is_chosen() {
        let body = drawn(None);
        assert!(body.contains("You act for &lt;1&gt;.") && !body.contains("value=\"Patient/1\""));
        assert!(body.contains("name=\"as\" value=\"Patient/2\">Act for &lt;2&gt;</button>"));
    }

    #[test]
    fn on_the_way_to_an_app_it_may_stay_as_it_is() {
        let body = drawn(Some("authorize?x"));
        assert!(body.contains("value=\"Patient/1\">Go on for &lt;1&gt;</button>"));
        assert_eq!(body.matches("name=\"next\" value=\"authorize?x\"").count(), 2);
    }
}
