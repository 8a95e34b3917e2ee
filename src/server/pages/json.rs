//! JSON as a tree that folds. The markup's text is the JSON itself, number for number, so that selecting
//! or copying it gives a document that can be sent again.

use super::href::destination;
use super::html::Html;
use super::summary::{title, words};
use fhir::json::{Doc, Kind, Value, quote};

/// How many values a page shows.
const VALUES: usize = 5_000;
/// How many bytes of names and values a page shows.
const BYTES: usize = 1 << 20;
/// How many bytes of one string a page shows.
const STRING: usize = 1 << 16;
/// From how many bytes on a string is folded.
const LONG: usize = 240;
/// Up to how many bytes an address is made a link.
const ADDRESS: usize = 2_000;
/// How much of a folded string is seen, in characters.
const HEAD: usize = 120;
/// Up to how many values a document is shown unfolded.
const SMALL: usize = 400;

/// A drawn document.
pub(super) struct Tree {
    /// The markup.
    pub(super) html: Html,
    /// How many values are in it.
    pub(super) shown: usize,
    /// How many values the document has.
    pub(super) total: usize,
    /// Whether nothing was left out, neither values nor parts of strings.
    pub(super) whole: bool,
}

/// Draws a document; references lead below `base`.
pub(super) fn tree(doc: &Doc, base: &str) -> Tree {
    let total = doc.root().descendants().count();
    let mut pen = Pen { html: Html::default(), base, total, shown: 0, bytes: 0, full: false, cut: false };
    pen.value(doc.root(), 0, true);
    Tree { html: pen.html, shown: pen.shown, total, whole: !pen.full && !pen.cut }
}

struct Pen<'a> {
    html: Html,
    base: &'a str,
    total: usize,
    shown: usize,
    bytes: usize,
    /// Whether the page has no room for more values.
    full: bool,
    /// Whether a string was shown in part.
    cut: bool,
}

impl Pen<'_> {
    /// Draws a value and what is below it; [`Doc`]'s limit on nesting bounds the recursion.
    fn value(&mut self, value: Value<'_>, depth: usize, last: bool) {
        if !self.afford(value) {
            return;
        }
        self.line(depth);
        if value.is_empty() {
            self.scalar(value, last);
        } else {
            self.container(value, depth, last);
        }
    }

    /// Whether the page has room for this value; once it has not, nothing more is drawn.
    fn afford(&mut self, value: Value<'_>) -> bool {
        let text = if value.is_empty() { value.raw().len().min(STRING) } else { 0 };
        let bytes = self.bytes + value.key().len() + text;
        self.full |= self.shown >= VALUES || bytes > BYTES;
        if !self.full {
            (self.shown, self.bytes) = (self.shown + 1, bytes);
        }
        !self.full
    }

    fn container(&mut self, value: Value<'_>, depth: usize, last: bool) {
        let (open, close) = if value.is_array() { ("[", "]") } else { ("{", "}") };
        self.html.raw("<details").raw(if depth < 2 || self.total <= SMALL { " open" } else { "" }).raw("><summary");
        self.html.attr("data-folded", &format!(" {} {close}{}", hint(value), comma(last))).raw(">");
        self.name(value);
        self.html.raw(open).raw("</summary><div class=\"in\">");
        let mut children = value.children().peekable();
        while let Some(child) = children.next() {
            self.value(child, depth + 1, children.peek().is_none());
        }
        self.html.raw("</div>");
        self.line(depth);
        self.html.raw("<div class=\"row\">").raw(close).raw(comma(last)).raw("</div></details>");
    }

    fn scalar(&mut self, value: Value<'_>, last: bool) {
        let text = value.raw();
        let address = value.as_str().filter(|_| text.len() <= ADDRESS);
        let href = address.and_then(|it| destination(self.base, value.key(), it));
        if let Some(href) = href {
            self.html.raw("<div class=\"row\">");
            self.name(value);
            self.html.raw("<a class=\"string\"").href(&href).raw(">").text(text).raw("</a>");
        } else if text.len() > LONG {
            return self.long(value, last);
        } else {
            self.html.raw("<div class=\"row\">");
            self.name(value);
            self.html.raw("<span class=\"").raw(class(value.kind())).raw("\">").text(text).raw("</span>");
        }
        self.html.raw(comma(last)).raw("</div>");
    }

    /// A string of which a part is seen until it is unfolded.
    fn long(&mut self, value: Value<'_>, last: bool) {
        let text = value.raw();
        let shown = floor(text, STRING);
        let (head, rest) = shown.split_at(text.char_indices().nth(HEAD).map_or(shown.len(), |(at, _)| at));
        self.html.raw("<details class=\"long\"><summary");
        self.html.attr("data-folded", &format!("… {} characters", grouped(text.chars().count()))).raw(">");
        self.name(value);
        self.html.raw("<span class=\"string\">").text(head).raw("</span></summary><span class=\"string\">").text(rest);
        if shown.len() < text.len() {
            self.cut = true;
            self.html.raw("<span class=\"cut\"> … cut here</span>");
        }
        self.html.raw("</span>").raw(comma(last)).raw("</details>");
    }

    fn name(&mut self, value: Value<'_>) {
        if !value.key().is_empty() {
            self.html.raw("<span class=\"key\">").text(&quote(value.key())).raw("</span>: ");
        }
    }

    /// A line break and indentation: not seen in the page, but in the text that is copied from it.
    fn line(&mut self, depth: usize) {
        self.html.raw("\n");
        for _ in 0..depth {
            self.html.raw("  ");
        }
    }
}

fn comma(last: bool) -> &'static str {
    if last { "" } else { "," }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Number => "number",
        Kind::Bool => "bool",
        Kind::Null => "null",
        Kind::Array | Kind::Object => "empty",
    }
}

/// What is said of a folded value: which resource it is or holds, what it says, or how much is in it.
fn hint(value: Value<'_>) -> String {
    let resource = title(value).or_else(|| title(value.get("resource")?));
    let datatype = || words(value).filter(|it| value.is_object() && it.len() <= HEAD);
    resource.or_else(datatype).unwrap_or_else(|| match (value.len(), value.is_array()) {
        (1, true) => "1 item".to_owned(),
        (1, false) => "1 element".to_owned(),
        (many, true) => format!("{} items", grouped(many)),
        (many, false) => format!("{} elements", grouped(many)),
    })
}

/// The longest beginning of `text` of at most `bytes` bytes.
fn floor(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// A count with its thousands set apart.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://here/fhir/demo";

    fn drawn(text: &str) -> Tree {
        tree(&Doc::parse(text).unwrap(), BASE)
    }

    /// What a reader would copy: the markup without its tags.
    fn copied(text: &str) -> String {
        let markup = drawn(text).html.into_string();
        let mut out = String::new();
        for part in markup.split('<') {
            out.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        }
        out.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn the_copied_text_is_the_document() {
        let long = "x<y & \\n".repeat(100);
        let text = format!(
            r#"{{"a":1.10,"b":[true,null,{{}},[]],"reference":"Patient/1","c\"d":"{long}","e":{{"f":"é\u00e9"}}}}"#
        );
        let copy = Doc::parse(copied(&text)).unwrap();
        assert!(copy.root().same(Doc::parse(text).unwrap().root()));
    }

    #[test]
    fn references_are_links() {
        let html = drawn(
            r#"{"subject":{"reference":"Patient/1"},"link":[{"relation":"next","url":"http://here/x?a=1&b=2"}]}"#,
        )
        .html
        .into_string();
        assert!(html.contains("href=\"http://here/fhir/demo/Patient/1\""));
        assert!(html.contains("href=\"http://here/x?a=1&amp;b=2\""));
    }

    #[test]
    fn code_is_never_a_link() {
        let html = drawn(r#"{"url":"javascript:alert(1)","reference":"data:text/html,x"}"#).html.into_string();
        assert!(!html.contains("href"));
    }

    #[test]
    fn too_many_values_are_cut() {
        let tree = drawn(&format!("[{}]", vec!["0"; 6_000].join(",")));
        assert_eq!((tree.shown, tree.total, tree.whole), (VALUES, 6_001, false));
        assert_eq!(tree.html.into_string().matches("class=\"number\"").count(), VALUES - 1);
    }

    #[test]
    fn too_much_text_is_cut() {
        let string = format!("\"{}\"", "é".repeat(STRING));
        let tree = drawn(&format!("[{}]", vec![string.as_str(); 40].join(",")));
        assert!(!tree.whole);
        assert!(tree.html.into_string().len() < 2 * BYTES);
    }

    #[test]
    fn a_very_long_string_is_cut_and_says_so() {
        for start in ["", "http://"] {
            let tree = drawn(&format!("[\"{start}{}\",1]", "x".repeat(2 * STRING)));
            assert_eq!((tree.shown, tree.total, tree.whole), (3, 3, false));
            assert!(tree.html.into_string().len() < STRING + 1_000);
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([7, 1_234, 1_234_567].map(grouped), ["7", "1,234", "1,234,567"]);
    }
}
