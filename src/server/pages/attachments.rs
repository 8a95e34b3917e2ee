//! Attachments, whatever resource they stand in: links to their content, and small pictures as such.

use super::href::destination;
use super::html::Html;
use super::json::grouped;
use fhir::json::Value;

/// How many attachments are listed.
const MANY: usize = 20;
/// Up to how many characters of base64 a picture is shown in the page.
const PICTURE: usize = 1 << 18;
/// Picture formats that browsers show and that cannot hold script.
const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Lists the attachments of a resource; empty if there are none.
pub(super) fn attachments(resource: Value<'_>, base: &str) -> Html {
    let mut list = Html::default();
    for attachment in resource.descendants().filter(is_attachment).take(MANY) {
        one(&mut list, attachment, base);
    }
    let mut html = Html::default();
    if !list.is_empty() {
        html.raw("<section aria-labelledby=\"attachments\"><h2 id=\"attachments\">Attachments</h2>")
            .raw("<ul class=\"attachments\">")
            .push(&list)
            .raw("</ul></section>");
    }
    html
}

/// Whether the value has the shape of an Attachment with content (datatypes.html#Attachment).
fn is_attachment(value: &Value<'_>) -> bool {
    value.str("contentType").is_some() && (value.str("url").is_some() || value.str("data").is_some())
}

fn one(html: &mut Html, attachment: Value<'_>, base: &str) {
    let kind = attachment.str("contentType").unwrap_or_default();
    let title = attachment.str("title").unwrap_or("Untitled");
    let href = attachment.str("url").and_then(|it| destination(base, "url", it));
    html.raw("<li>");
    if let Some(data) = attachment.str("data").filter(|it| is_picture(kind, it)) {
        html.raw("<img").attr("src", &format!("data:{kind};base64,{data}")).attr("alt", title).raw(">");
    }
    html.raw("<div>").link_or_text(href.as_ref(), title).raw("<p class=\"quiet\">").text(kind);
    if let Some(size) = attachment.get("size").and_then(|it| it.as_number()?.parse().ok()) {
        html.raw(" · ").text(&grouped(size)).raw(" bytes");
    }
    if attachment.str("data").is_some() {
        html.raw(" · content is in the JSON");
    }
    html.raw("</p></div></li>");
}

fn is_picture(kind: &str, data: &str) -> bool {
    let base64 = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'/' | b'=');
    PICTURES.contains(&kind) && data.len() <= PICTURE && data.bytes().all(base64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    fn of(text: &str) -> String {
        attachments(Doc::parse(text).unwrap().root(), "http://here/fhir/demo").into_string()
    }

    #[test]
    fn content_elsewhere_is_a_link() {
        let html = of(
            r#"{"content":[{"attachment":{"contentType":"application/pdf","url":"Binary/1","title":"Letter","size":12345}}]}"#,
        );
        assert!(html.contains("href=\"http://here/fhir/demo/Binary/1\""));
        assert!(html.contains("Letter") && html.contains("12,345 bytes"));
    }

    #[test]
    fn a_picture_is_shown() {
        assert!(
            of(r#"{"photo":[{"contentType":"image/png","data":"aGk="}]}"#)
                .contains("src=\"data:image/png;base64,aGk=\"")
        );
    }

    #[test]
    fn what_could_run_is_not_shown() {
        let html = of(
            r#"{"photo":[{"contentType":"image/svg+xml","data":"aGk="},{"contentType":"image/png","data":"\"><script>"},
                         {"contentType":"text/html","url":"javascript:alert(1)"}]}"#,
        );
        assert!(!html.contains("<img") && !html.contains("href") && !html.contains("<script"));
    }

    #[test]
    fn no_attachment_no_list() {
        assert!(of(r#"{"contentType":"text/plain"}"#).is_empty());
    }
}
