//! A person's clinics: the places to act in, and where else the same person has an account. Forms only, no scripts.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden};

/// The page of somebody's clinics.
pub struct ClinicsView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// Proof that the forms are this server's.
    pub csrf: &'a str,
    /// Who is signed in.
    pub user: &'a str,
    /// The links: their names, and the other tenants.
    pub clinics: &'a [(String, String)],
    /// The places of this tenant in which the user has roles of their own.
    pub places: &'a [PlaceView],
    /// What choosing one of them goes on to.
    pub next: Option<&'a str>,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// A place to act in.
pub struct PlaceView {
    /// `Location/1`
    pub reference: String,
    /// What it is called.
    pub label: String,
    /// Whether the user acts there.
    pub is_now: bool,
}

/// The page of somebody's clinics.
pub fn clinics(view: &ClinicsView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Your clinics</h1><p>You are signed in to ").text(view.tenant.0);
    html.raw(" as ").text(view.user).raw(".</p>");
    if let Some(problem) = view.problem {
        html.raw("<p class=\"status bad\" role=\"alert\">").text(problem).raw("</p>");
    }
    places(&mut html, view);
    if view.clinics.is_empty() {
        html.raw("<p>This account is linked with none of another clinic.</p>");
    }
    for (link, tenant) in view.clinics {
        begin(&mut html, view, "clinics");
        hidden(&mut html, "link", link);
        html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"go\">Go to ").text(tenant);
        html.raw("</button> <button type=\"submit\" class=\"button\" name=\"action\" value=\"end\">End the link with ")
            .text(tenant)
            .raw("</button></p></form>");
    }
    html.raw("<h2>Another clinic</h2><p>Where you have an account too. You sign in there once, to show that it is yours.</p>");
    begin(&mut html, view, "clinics");
    html.raw("<p><label>Its name here<input name=\"clinic\" type=\"text\" required autocapitalize=\"none\"")
        .raw(" spellcheck=\"false\" autocomplete=\"off\"></label></p>")
        .raw("<p><button type=\"submit\" class=\"button\" name=\"action\" value=\"link\">Link it</button></p></form>")
        .raw("<p><a")
        .attr("href", &format!("/auth/{}/account", view.tenant.0))
        .raw(">Your account</a></p></article>");
    Layout { title: "Your clinics", tenant: Some(view.tenant) }.page(&html)
}

fn places(html: &mut Html, view: &ClinicsView<'_>) {
    if view.places.is_empty() {
        return;
    }
    html.raw("<h2>Where you act</h2>");
    html.raw("<p>Your roles differ from place to place. Apps that you let in act where you do then.</p>");
    for place in view.places {
        if place.is_now {
            html.raw("<p class=\"status good\">You act in ").text(&place.label).raw(".</p>");
            continue;
        }
        begin(html, view, "clinics");
        hidden(html, "place", &place.reference);
        if let Some(next) = view.next {
            hidden(html, "next", next);
        }
        html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"act\">Act in ")
            .text(&place.label)
            .raw("</button></p></form>");
    }
    html.raw("<h2>Linked accounts</h2>");
}

fn begin(html: &mut Html, view: &ClinicsView<'_>, page: &str) {
    html.raw("<form method=\"post\"").attr("action", &format!("/auth/{}/{page}", view.tenant.0)).raw(">");
    hidden(html, "csrf", view.csrf);
}

/// The page that asks whether this account and one of another tenant are the same person's.
pub fn link(tenant: Place<'_>, csrf: &str, user: &str, other: &str) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Link with ").text(other).raw("?</h1><p>You are signed in to ").text(tenant.0);
    html.raw(" as ").text(user).raw(". Is the account of ").text(other).raw(" that you come from yours as well?</p>");
    html.raw("<p>Once linked, you go from one to the other without the password, where the clinic allows it. Either ")
        .raw("clinic learns the other's name, and nothing else.</p><form method=\"post\"")
        .attr("action", &format!("/auth/{}/link", tenant.0))
        .raw(">");
    hidden(&mut html, "csrf", csrf);
    html.raw("<p><button type=\"submit\" class=\"button strong\">Yes, link them</button> <a class=\"button\"")
        .attr("href", &format!("/auth/{}/clinics", tenant.0))
        .raw(">No</a></p></form></article>");
    Layout { title: "Link accounts", tenant: Some(tenant) }.page(&html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_clinic_has_its_buttons() {
        let clinics = [("name".to_owned(), "south".to_owned())];
        let place =
            |id: u8, is_now| PlaceView { reference: format!("Location/{id}"), label: format!("Ward {id}"), is_now };
        let places = [place(1, true), place(2, false)];
        let view = ClinicsView {
            tenant: ("north", "x"),
            csrf: "proof",
            user: "Ana",
            clinics: &clinics,
            places: &places,
            next: Some("account"),
            problem: None,
        };
        let body = super::clinics(&view).body;
        assert!(body.contains("You act in Ward 1") && body.contains(">Act in Ward 2</button>"));
        assert!(body.contains("name=\"next\" value=\"account\"") && !body.contains("Act in Ward 1<"));
        assert!(body.contains(">Go to south</button>") && body.contains("name=\"link\" value=\"name\""));
    }
}
