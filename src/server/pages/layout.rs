//! What all pages have in common: head, banner, footer.

use super::Page;
use super::href::Href;
use super::html::Html;
use axum::http::StatusCode;

/// A page's frame.
pub(super) struct Layout<'a> {
    /// What the browser's tab says.
    pub(super) title: &'a str,
    /// The tenant whose data is shown, and its base.
    pub(super) tenant: Option<(&'a str, &'a str)>,
}

impl Page {
    /// The same in a tenant's own colours: with another sheet behind the one that all pages have.
    pub fn with_sheet(mut self, path: &str) -> Page {
        let mut link = Html::default();
        link.raw("<link rel=\"stylesheet\"").attr("href", path).raw(">").raw(HEAD_END);
        // What comes before the head's end is this program's own, and the title, which is escaped.
        self.body = self.body.replacen(HEAD_END, &link.into_string(), 1);
        self
    }
}

/// Where the head ends.
const HEAD_END: &str = "</head>";

impl Layout<'_> {
    /// The whole page around its `content`.
    pub(super) fn page(&self, content: &Html) -> Page {
        let mut html = Html::default();
        self.head(&mut html);
        html.raw("<body><a class=\"skip\" href=\"#content\">Skip to the content</a>");
        self.banner(&mut html);
        html.raw("<main id=\"content\" tabindex=\"-1\">").push(content).raw("</main>");
        html.raw("<footer>MediSync ").text(VERSION).raw(" · HL7 FHIR R4 (4.0.1)</footer></body></html>\n");
        Page { content_type: "text/html; charset=utf-8", body: html.into_string() }
    }

    fn head(&self, html: &mut Html) {
        html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .raw("<meta name=\"color-scheme\" content=\"light dark\">")
            // An address can hold what was searched for: neither other hosts nor indexes are to learn it.
            .raw("<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"robots\" content=\"noindex\">")
            .raw("<title>")
            .text(self.title)
            .raw(" · MediSync</title><link rel=\"icon\" type=\"image/svg+xml\" href=\"/assets/logo.svg?v=")
            .text(VERSION)
            .raw("\"><link rel=\"stylesheet\" href=\"/assets/page.css?v=")
            .text(VERSION)
            .raw("\"><script defer src=\"/assets/page.js?v=")
            .text(VERSION)
            .raw("\"></script>")
            .raw(HEAD_END);
    }

    fn banner(&self, html: &mut Html) {
        html.raw("<header class=\"banner\"><a class=\"brand\" href=\"/\">")
            .raw("<img src=\"/assets/logo.svg?v=")
            .text(VERSION)
            .raw("\" alt=\"\" width=\"28\" height=\"28\">MediSync</a>");
        if let Some((name, base)) = self.tenant {
            html.raw("<nav aria-label=\"Tenant\"><span class=\"tenant\"><span class=\"quiet\">Tenant</span> ")
                .text(name)
                .raw("</span>");
            if let Some(metadata) = Href::below(base, "metadata") {
                html.link(&metadata, "Capabilities");
            }
            html.raw("</nav>");
        }
        html.raw("</header>");
    }
}

/// Asked for with each asset, so that a new version is not shown in an old one's style.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The words of an HTTP status (RFC 9110 section 15).
pub(super) fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()).unwrap_or_default()
}
