//! A FHIR answer as a page.

use super::attachments::attachments;
use super::bundle::{entries, instant};
use super::href::Href;
use super::html::Html;
use super::json::{Tree, grouped, tree};
use super::layout::{Layout, reason};
use super::outcome::issues;
use super::request::Asked;
use super::search_form::search_form;
use super::summary::{status, summary, title};
use super::waveform::figures;
use super::{Page, ResourceView};
use fhir::json::{Doc, Value};

/// The page of a resource, a Bundle, or an OperationOutcome.
pub fn resource(view: &ResourceView<'_>) -> Page {
    let asked = Asked::new(view.base, view.target);
    let doc = Doc::parse(view.body).ok();
    let root = doc.as_ref().map(Doc::root);
    let heading = heading(root, &asked);
    let mut html = Html::default();
    trail(&mut html, view, &asked);
    header(&mut html, root, &heading);
    request(&mut html, view, &asked, root);
    if let Some(form) = &view.search {
        html.push(&search_form(form, view.base, &asked));
    }
    match &doc {
        Some(doc) => {
            content(&mut html, doc.root(), view.base);
            document(&mut html, &tree(doc, view.base), raw_address(view, &asked));
        }
        None => unreadable(&mut html, view.body),
    }
    Layout { title: &heading, tenant: Some((view.tenant, view.base)) }.page(&html)
}

/// What is shown: a resource by its name; a Bundle, which seldom has one, by what was asked for.
fn heading(root: Option<Value<'_>>, asked: &Asked<'_>) -> String {
    let steps: Vec<&str> = asked.trail().into_iter().map(|(step, _)| step).collect();
    let address = if steps.is_empty() { "Whole system".to_owned() } else { steps.join("/") };
    root.filter(|it| !is_type(*it, "Bundle") || it.str("id").is_some_and(|id| steps.contains(&id)))
        .and_then(title)
        .unwrap_or(address)
}

/// The way from the tenant's base to here.
fn trail(html: &mut Html, view: &ResourceView<'_>, asked: &Asked<'_>) {
    html.raw("<nav class=\"trail\" aria-label=\"Breadcrumb\"><ol><li>");
    html.link_or_text(Href::below(view.base, "metadata").as_ref(), view.tenant).raw("</li>");
    for (step, href) in asked.trail() {
        html.raw("<li").raw(if href.is_none() { " aria-current=\"page\">" } else { ">" });
        html.link_or_text(href.as_ref(), step).raw("</li>");
    }
    html.raw("</ol></nav>");
}

/// What is shown, in large letters.
fn header(html: &mut Html, root: Option<Value<'_>>, heading: &str) {
    html.raw("<div class=\"headline\"><h1>").text(heading).raw("</h1>");
    // What these two say stands below, entry by entry and issue by issue.
    let is_list = |it: &Value<'_>| is_type(*it, "Bundle") || is_type(*it, "OperationOutcome");
    let about = root.filter(|it| !is_list(it)).map(summary).unwrap_or_default();
    if !about.is_empty() {
        html.raw("<p class=\"lead\">").text(&about).raw("</p>");
    }
    html.raw("</div>");
}

/// What was asked and answered, and how else to ask.
fn request(html: &mut Html, view: &ResourceView<'_>, asked: &Asked<'_>, root: Option<Value<'_>>) {
    html.raw("<section class=\"request\" aria-label=\"Request\"><p class=\"asked\"><span class=\"method\">");
    html.text(view.method).raw("</span> <code>").text(view.target).raw("</code> <span class=\"status ");
    html.raw(if view.status < 400 { "good" } else { "bad" }).raw("\">").show(view.status).raw(" ");
    html.raw(reason(view.status)).raw("</span></p><dl>");
    for (term, value) in root.into_iter().flat_map(facts) {
        html.raw("<div><dt>").raw(term).raw("</dt><dd>").push(&value).raw("</dd></div>");
    }
    html.raw("</dl><nav class=\"actions\" aria-label=\"This address\">");
    if let Some(raw) = raw_address(view, asked) {
        html.raw("<a class=\"button strong\"").href(&raw).raw(">Raw JSON</a>");
    }
    if let Some(history) = asked.history().filter(|_| view.status < 400 || view.status == 410) {
        html.raw("<a class=\"button\"").href(&history).raw(">History</a>");
    }
    html.raw("</nav></section>");
}

/// Only a read can be repeated by following a link.
fn raw_address(view: &ResourceView<'_>, asked: &Asked<'_>) -> Option<Href> {
    asked.raw().filter(|_| matches!(view.method, "GET" | "HEAD"))
}

/// What is said of every resource alike.
fn facts(root: Value<'_>) -> Vec<(&'static str, Html)> {
    let meta = |element| root.get("meta").and_then(|it| it.str(element));
    let plain = |text: &str| {
        let mut html = Html::default();
        html.text(text);
        html
    };
    let kind = if is_type(root, "Bundle") { root.str("type") } else { None };
    let status = status(root);
    [
        ("Type", kind.map(plain)),
        ("Status", status.as_deref().map(plain)),
        ("Version", meta("versionId").map(plain)),
        ("Last updated", meta("lastUpdated").map(instant)),
    ]
    .into_iter()
    .filter_map(|(term, value)| Some((term, value?)))
    .collect()
}

/// What can be shown better than as JSON.
fn content(html: &mut Html, root: Value<'_>, base: &str) {
    if is_type(root, "Bundle") {
        html.push(&entries(root, base));
        return;
    }
    if is_type(root, "OperationOutcome") {
        html.push(&issues(root));
    }
    html.push(&figures(root)).push(&attachments(root, base));
}

/// The JSON as a tree.
fn document(html: &mut Html, tree: &Tree, raw: Option<Href>) {
    html.raw("<section aria-labelledby=\"json\"><div class=\"bar\"><h2 id=\"json\">JSON</h2><p class=\"quiet\">");
    html.text(&grouped(tree.total)).raw(" values</p>");
    // The script shows these; without it nothing is offered that would not work.
    html.raw("<div class=\"actions\" data-tools hidden><button type=\"button\" class=\"button\" data-fold=\"open\">")
        .raw("Unfold all</button><button type=\"button\" class=\"button\" data-fold=\"close\">Fold all</button>");
    if tree.whole {
        html.raw("<button type=\"button\" class=\"button\" data-copy>Copy</button>");
    }
    html.raw("</div></div>");
    if !tree.whole {
        html.raw("<p class=\"note\">The document is long: ");
        match tree.shown < tree.total {
            true => html.raw("the first ").text(&grouped(tree.shown)).raw(" values are shown here. "),
            false => html.raw("strings are cut here. "),
        };
        html.link_or_text(raw.as_ref(), "The raw JSON has everything").raw(".</p>");
    }
    html.raw("<div class=\"json\" data-json>").push(&tree.html).raw("</div></section>");
}

/// An answer that is not JSON, as it is.
fn unreadable(html: &mut Html, body: &str) {
    const SHOWN: usize = 100_000;
    html.raw("<section><h2>Text</h2><pre class=\"command\" tabindex=\"0\">");
    html.text(body.get(..body.floor_char_boundary(SHOWN)).unwrap_or_default()).raw("</pre>");
    if body.len() > SHOWN {
        html.raw("<p class=\"note\">The answer is long: its beginning is shown here.</p>");
    }
    html.raw("</section>");
}

fn is_type(resource: Value<'_>, name: &str) -> bool {
    resource.str("resourceType") == Some(name)
}
