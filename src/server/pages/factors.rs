//! What people see of their second factors: proving one, setting an authenticator app up, recovery codes. Forms only.

use super::Page;
use super::html::Html;
use super::layout::Layout;
use super::passkeys::{self, UseView};
use super::qr;
use super::sign_in::{Place, hidden, moment};

/// What a page with a form of a person's needs.
pub struct FormView {
    /// The tenant.
    pub tenant: String,
    /// Its FHIR base.
    pub base: String,
    /// Where the form goes.
    pub action: String,
    /// Proof that the form is this server's.
    pub csrf: String,
    /// Where to go on afterwards.
    pub next: String,
}

impl FormView {
    pub(super) fn place(&self) -> Place<'_> {
        (&self.tenant, &self.base)
    }

    /// Begins the form.
    fn begin(&self, html: &mut Html) {
        html.raw("<form method=\"post\"").attr("action", &self.action).raw(">");
        self.fields(html);
    }

    /// What every form has.
    pub(super) fn fields(&self, html: &mut Html) {
        hidden(html, "csrf", &self.csrf);
        hidden(html, "next", &self.next);
    }
}

/// The second step of signing in.
pub struct SecondView<'a> {
    /// Its form.
    pub step: &'a FormView,
    /// Who signs in.
    pub user: &'a str,
    /// Whether there is an authenticator app.
    pub has_app: bool,
    /// How a passkey is used.
    pub passkey: Option<&'a UseView>,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// An authenticator app that is being set up.
pub struct AppView<'a> {
    /// Its form.
    pub step: &'a FormView,
    /// The secret as the form carries it.
    pub offer: &'a str,
    /// The secret as people type it.
    pub secret: &'a str,
    /// The secret as telephones read it.
    pub uri: &'a str,
    /// Whether nobody gets in without.
    pub is_demanded: bool,
    /// Where a passkey is made instead.
    pub passkeys: Option<&'a str>,
    /// Since when there is one.
    pub since: Option<i64>,
    /// What went wrong.
    pub problem: Option<&'a str>,
}

/// Recovery codes that nobody sees any more.
pub struct RecoveryView<'a> {
    /// The form that makes new ones.
    pub step: &'a FormView,
    /// How many there are.
    pub left: usize,
}

/// The page that asks for a second factor.
pub fn second(view: &SecondView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>One more step</h1><p>").text(view.user).raw(", the password was right.</p>");
    alert(&mut html, view.problem);
    view.step.begin(&mut html);
    let label = if view.has_app { "Code of your authenticator app, or a recovery code" } else { "A recovery code" };
    code_field(&mut html, label);
    html.raw("<p><button type=\"submit\" class=\"button strong\">Go on</button></p></form>");
    passkeys::offer(&mut html, view.passkey);
    html.raw("</article>");
    Layout { title: "One more step", tenant: Some(view.step.place()) }.page(&html)
}

/// The page on which an authenticator app is set up.
pub fn authenticator(view: &AppView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Set up an authenticator app</h1>");
    alert(&mut html, view.problem);
    if view.is_demanded {
        demanded(&mut html, view.step);
    }
    if let Some(since) = view.since {
        html.raw("<p>You have one since ");
        moment(&mut html, since);
        html.raw("; another one takes its place.</p>");
    }
    html.raw("<p>Have the app on your telephone read this picture, or type the key into it.</p>");
    qr::draw(&mut html, view.uri, "The key as a picture for the app");
    html.raw("<p>Key: <code class=\"secret\">");
    for (at, group) in view.secret.as_bytes().chunks(4).enumerate() {
        html.raw(if at > 0 { " " } else { "" }).text(&String::from_utf8_lossy(group));
    }
    html.raw("</code></p>");
    view.step.begin(&mut html);
    hidden(&mut html, "offer", view.offer);
    code_field(&mut html, "The code that the app shows now");
    html.raw("<p><button type=\"submit\" class=\"button strong\" name=\"action\" value=\"confirm\">Set up</button>");
    html.raw("</p></form>");
    if view.since.is_some() {
        view.step.begin(&mut html);
        html.raw("<p><button type=\"submit\" class=\"button\" name=\"action\" value=\"remove\">")
            .raw("Take the app away</button></p></form>");
    }
    if let Some(passkeys) = view.passkeys.filter(|_| view.is_demanded) {
        html.raw("<p><a").attr("href", passkeys).raw(">Use a passkey instead</a></p>");
    }
    html.raw("</article>");
    Layout { title: "Authenticator app", tenant: Some(view.step.place()) }.page(&html)
}

/// The page that shows new recovery codes, once.
pub fn recovery_codes(place: Place<'_>, codes: &[String], next: &str) -> Page {
    let mut html = Html::default();
    html.raw(
        "<article class=\"form\"><h1>Your recovery codes</h1><p>Each of them lets you in once, with your password, if ",
    )
    .raw(
        "you lose your other factors. Print them, or keep them where you keep passwords: they are not shown again.</p>",
    )
    .command(&codes.join("\n"))
    .raw("<p><a class=\"button strong\"")
    .attr("href", next)
    .raw(">I have kept them: go on</a></p></article>");
    Layout { title: "Recovery codes", tenant: Some(place) }.page(&html)
}

/// The page that makes recovery codes anew.
pub fn recovery(view: &RecoveryView<'_>) -> Page {
    let mut html = Html::default();
    html.raw("<article class=\"form\"><h1>Recovery codes</h1><p>You have ")
        .show(view.left)
        .raw(" that were not used. ");
    html.raw("New ones take their place.</p>");
    view.step.begin(&mut html);
    html.raw("<p><button type=\"submit\" class=\"button strong\">Make new codes</button></p></form></article>");
    Layout { title: "Recovery codes", tenant: Some(view.step.place()) }.page(&html)
}

fn code_field(html: &mut Html, label: &'static str) {
    html.raw("<p><label>").raw(label).raw("<input name=\"code\" type=\"text\" autocomplete=\"one-time-code\" required");
    html.raw(" autocapitalize=\"none\" spellcheck=\"false\"></label></p>");
}

/// Says why it is asked for.
pub(super) fn demanded(html: &mut Html, step: &FormView) {
    html.raw("<p>").text(&step.tenant).raw(" asks you for a second factor beside the password.</p>");
}

pub(super) fn alert(html: &mut Html, problem: Option<&str>) {
    if let Some(problem) = problem {
        html.raw("<p class=\"status bad\" role=\"alert\">").text(problem).raw("</p>");
    }
}
