//! A mail as a page: markup only, for programs that show mails know little else.

use super::html::Html;

/// The page of a mail that says so before a link and so behind it.
pub fn letter(title: &str, (before, behind): (&str, &str), link: Option<&str>) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>")
        .text(title)
        .raw("</title></head><body><h1>")
        .text(title)
        .raw("</h1><p>")
        .text(before)
        .raw("</p>");
    if let Some(link) = link {
        html.raw("<p><a").attr("href", link).raw(">").text(link).raw("</a></p>");
    }
    if !behind.is_empty() {
        html.raw("<p>").text(behind).raw("</p>");
    }
    html.raw("</body></html>\n");
    html.into_string()
}
