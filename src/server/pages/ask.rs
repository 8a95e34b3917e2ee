//! Forms of one column and notes: what people see who become users, choose passwords and confirm addresses.

use super::html::Html;
use super::layout::Layout;
use super::sign_in::{Place, hidden, links};
use super::{Link, Page};

/// A form.
pub struct AskView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// What it is about.
    pub title: &'a str,
    /// What it is about in more words, a paragraph each.
    pub paragraphs: &'a [&'a str],
    /// What went wrong.
    pub problem: Option<&'a str>,
    /// Where it goes.
    pub action: &'a str,
    /// Proof that the form is this server's.
    pub csrf: &'a str,
    /// The secret of the link that led here.
    pub token: Option<&'a str>,
    /// What is filled in.
    pub fields: &'a [FieldView<'a>],
    /// What its button says.
    pub button: &'a str,
}

/// A field of a form.
#[derive(Clone, Copy)]
pub struct FieldView<'a> {
    /// What it is, in words.
    pub label: &'a str,
    /// Its name.
    pub name: &'static str,
    /// Its type (`password`).
    pub kind: &'static str,
    /// What a browser may fill in (HTML, autofill).
    pub autocomplete: &'static str,
    /// What stands in it.
    pub value: &'a str,
}

/// Words, and where one may go on.
pub struct NoteView<'a> {
    /// Where.
    pub tenant: Place<'a>,
    /// What it is about.
    pub title: &'a str,
    /// The words.
    pub told: &'a str,
    /// Where one may go on.
    pub links: &'a [Link<'a>],
}

/// The page of a form.
pub fn ask(view: &AskView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>").text(view.title).raw("</h1>");
    if let Some(problem) = view.problem {
        html.raw("<p class=\"status bad\" role=\"alert\">").text(problem).raw("</p>");
    }
    for paragraph in view.paragraphs {
        html.raw("<p>").text(paragraph).raw("</p>");
    }
    html.raw("<form method=\"post\"").attr("action", view.action).raw(">");
    hidden(&mut html, "csrf", view.csrf);
    if let Some(token) = view.token {
        hidden(&mut html, "token", token);
    }
    for field in view.fields {
        html.raw("<p><label>").text(field.label).raw("<input required");
        html.attr("name", field.name).attr("type", field.kind).attr("autocomplete", field.autocomplete);
        if field.kind != "password" {
            html.attr("value", field.value).raw(" autocapitalize=\"none\" spellcheck=\"false\"");
        }
        html.raw("></label></p>");
    }
    html.raw("<p><button type=\"submit\" class=\"button strong\">").text(view.button);
    html.raw("</button></p></form></article>");
    Layout { title: view.title, tenant: Some(view.tenant) }.page(&html)
}

/// The page of a note.
pub fn note(view: &NoteView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>")
        .text(view.title)
        .raw("</h1><p role=\"status\">")
        .text(view.told)
        .raw("</p>");
    links(&mut html, view.links);
    html.raw("</article>");
    Layout { title: view.title, tenant: Some(view.tenant) }.page(&html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_what_was_filled_in_but_for_passwords() {
        let field = |name, kind| FieldView { label: "A & b", name, kind, autocomplete: "off", value: "<kept>" };
        let view = AskView {
            tenant: ("north", "http://here/fhir/north"),
            title: "Choose",
            paragraphs: &["<One>"],
            problem: Some("No & no."),
            action: "/auth/north/reset",
            csrf: "proof",
            token: Some("secret"),
            fields: &[field("name", "text"), field("password", "password")],
            button: "Go on",
        };
        let body = ask(&view).body;
        assert!(body.contains("role=\"alert\">No &amp; no.</p>") && body.contains("<p>&lt;One&gt;</p>"));
        assert!(body.contains("name=\"token\" value=\"secret\"") && body.contains("name=\"csrf\" value=\"proof\""));
        assert_eq!(body.matches("&lt;kept&gt;").count(), 1);
    }

    #[test]
    fn a_note_leads_on() {
        let links = [Link { label: "Sign in", href: "/auth/north/account" }];
        let body =
            note(&NoteView { tenant: ("north", "http://here"), title: "Done", told: "It is.", links: &links }).body;
        assert!(body.contains("href=\"/auth/north/account\"") && body.contains("role=\"status\">It is.</p>"));
    }
}
