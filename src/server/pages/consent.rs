//! What people see while an app is let in: choosing a patient, choosing an encounter, the question itself. Forms only, no
//! scripts.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden};

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
    /// As what the user acts who could act as something else, and where that is chosen.
    pub acting: Option<(&'a str, &'a str)>,
}

/// A patient or encounter that can be chosen, or was.
#[derive(Clone)]
pub struct ChoiceView {
    /// Its id.
    pub id: String,
    /// Words for people: name, date of birth and the like.
    pub about: String,
}

/// Encounters to choose from.
pub struct EncountersView<'a> {
    /// Whose they are.
    pub patient: &'a ChoiceView,
    /// The encounters.
    pub found: &'a [ChoiceView],
    /// What is chosen for none of them.
    pub none: &'a str,
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
    pub found: Option<Vec<ChoiceView>>,
}

/// What an app asks for.
pub struct ConsentView<'a> {
    /// The scopes in words.
    pub scopes: &'a [String],
    /// The chosen patient.
    pub patient: Option<&'a ChoiceView>,
    /// The chosen encounter.
    pub encounter: Option<&'a ChoiceView>,
    /// What was chosen for no encounter.
    pub no_encounter: Option<&'a str>,
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
            choices(&mut html, "patient", found);
            html.raw("</form>");
        }
    }
    html.raw("</article>");
    Layout { title: "Choose a patient", tenant: Some(step.tenant) }.page(&html)
}

/// The page on which one of a patient's encounters is chosen, or none.
pub fn encounters(step: &StepView<'_>, view: &EncountersView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Choose a visit for ").text(step.app).raw("</h1>");
    who(&mut html, step);
    html.raw("<p>The patient is <strong>").text(&view.patient.about).raw("</strong>.</p>");
    html.raw("<form method=\"post\"").attr("action", step.action).raw(">");
    carried(&mut html, step);
    hidden(&mut html, "patient", &view.patient.id);
    choices(&mut html, "encounter", view.found);
    html.raw("<p><button type=\"submit\" class=\"button\" name=\"encounter\"")
        .attr("value", view.none)
        .raw(">None of these</button></p></form></article>");
    Layout { title: "Choose a visit", tenant: Some(step.tenant) }.page(&html)
}

/// A button for each.
fn choices(html: &mut Html, name: &'static str, found: &[ChoiceView]) {
    html.raw("<input type=\"hidden\" name=\"action\" value=\"choose\"><ul class=\"plain\">");
    for choice in found {
        html.raw("<li><button type=\"submit\" class=\"button\"")
            .attr("name", name)
            .attr("value", &choice.id)
            .raw(">")
            .text(&choice.about)
            .raw("</button></li>");
    }
    html.raw("</ul>");
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
    if let Some(patient) = view.patient {
        html.raw("<p>The patient is <strong>").text(&patient.about).raw("</strong>.</p>");
    }
    if let Some(encounter) = view.encounter {
        html.raw("<p>The visit is <strong>").text(&encounter.about).raw("</strong>.</p>");
    }
    html.raw("<p>The app will be able to:</p><ul>");
    for scope in view.scopes {
        html.raw("<li>").text(scope).raw("</li>");
    }
    html.raw("</ul><p class=\"quiet\">The answer goes to ").text(view.destination).raw("</p>");
    html.raw("<form method=\"post\"").attr("action", step.action).raw(">");
    carried(&mut html, step);
    if let Some(patient) = view.patient {
        hidden(&mut html, "patient", &patient.id);
    }
    if let Some(encounter) = view.encounter.map(|it| it.id.as_str()).or(view.no_encounter) {
        hidden(&mut html, "encounter", encounter);
    }
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"allow\">Allow</button> ").raw(
        "<button type=\"submit\" class=\"button\" name=\"action\" value=\"deny\">Deny</button></p></form></article>",
    );
    Layout { title: "Let an app in", tenant: Some(step.tenant) }.page(&html)
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

fn who(html: &mut Html, step: &StepView<'_>) {
    html.raw("<p class=\"quiet\">Signed in as ").text(step.user).raw(".");
    if let Some((acting, to)) = step.acting {
        html.raw(" You act ").text(acting).raw(". <a").attr("href", to).raw(">Act as somebody else</a>");
    }
    html.raw("</p>");
}

fn carried(html: &mut Html, step: &StepView<'_>) {
    hidden(html, "csrf", step.csrf);
    hidden(html, "request", step.request);
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
        acting: Some(("as <a> patient", "/auth/north/acting?next=x")),
    };

    #[test]
    fn every_value_is_escaped() {
        let scopes = ["Read <all>".to_owned()];
        let patient = ChoiceView { id: "1".into(), about: "\"Bo\"".into() };
        let view = ConsentView {
            scopes: &scopes,
            patient: Some(&patient),
            encounter: None,
            no_encounter: None,
            destination: "https://a",
            is_unknown: true,
        };
        let body = consent(&STEP, &view).body;
        assert!(body.contains("value=\"client_id=a&amp;state=&quot;&lt;\"") && body.contains("&lt;Growth&gt;"));
        assert!(body.contains("Read &lt;all&gt;") && body.contains("&quot;Bo&quot;"));
        assert!(body.contains("name=\"csrf\" value=\"proof\"") && body.contains("registered itself"));
        assert!(body.contains("You act as &lt;a&gt; patient. <a href=\"/auth/north/acting?next=x\">"));
    }

    #[test]
    fn a_search_that_finds_nothing_says_so() {
        let found = |found| picker(&STEP, &PickerView { found, ..PickerView::default() }).body;
        assert!(!found(None).contains("No patient"));
        assert!(found(Some(Vec::new())).contains("No patient"));
        let one = vec![ChoiceView { id: "p1".into(), about: "Bo, 1980".into() }];
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
}
