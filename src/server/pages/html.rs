//! Building markup with no way to forget escaping: what stands in this program's source goes in as it
//! is, everything else is escaped.

use super::href::Href;
use std::fmt::Display;

/// Markup under construction.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Appends markup written in the source; `'static` keeps values of resources out.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Appends text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.0, text);
        self
    }

    /// Appends what `value` prints.
    pub(super) fn show(&mut self, value: impl Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// Appends an attribute to the tag being written.
    pub(super) fn attr(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"").text(value).raw("\"")
    }

    /// Appends an `href`; an address of another host learns nothing of where the reader came from.
    pub(super) fn href(&mut self, href: &Href) -> &mut Self {
        self.attr("href", href.as_str()).raw(" rel=\"noreferrer\"")
    }

    /// Appends a link.
    pub(super) fn link(&mut self, href: &Href, words: &str) -> &mut Self {
        self.raw("<a").href(href).raw(">").text(words).raw("</a>")
    }

    /// Appends a link, or only its words where there is nowhere to go.
    pub(super) fn link_or_text(&mut self, href: Option<&Href>, words: &str) -> &mut Self {
        match href {
            Some(href) => self.link(href, words),
            None => self.text(words),
        }
    }

    /// Appends a line of a shell that can be scrolled and copied.
    pub(super) fn command(&mut self, command: &str) -> &mut Self {
        self.raw("<pre class=\"command\" tabindex=\"0\"><code>").text(command).raw("</code></pre>")
    }

    /// Appends finished markup.
    pub(super) fn push(&mut self, part: &Html) -> &mut Self {
        self.0.push_str(&part.0);
        self
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The markup's text.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Escapes for text and for attributes in double quotes alike.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // HTML has no way to write these, not even as a character reference.
            '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut html = Html::default();
        html.raw("<p").attr("title", "\"><script>'").raw(">").text("a < b & \u{0}").raw("</p>");
        assert_eq!(html.into_string(), "<p title=\"&quot;&gt;&lt;script&gt;&#39;\">a &lt; b &amp; \u{FFFD}</p>");
    }
}
