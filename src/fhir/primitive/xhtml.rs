//! The narrative's XHTML (narrative.html#rules): one `<div>` of plain formatting, safe to show in a browser.
//!
//! Elements and attributes outside the list of invariant `txt-1` are refused, and so is whatever an XML reader and a
//! browser's HTML reader would take differently (CDATA, processing instructions, odd comments), because what is
//! harmless to one may be a script to the other.

/// `txt-1`'s elements, sorted.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "dfn",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q",
    "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul",
    "var",
];

/// `txt-1`'s attributes and XML's own, sorted.
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellhalign", "cellpadding", "cellspacing",
    "cellvalign", "char", "charoff", "charset", "cite", "class", "colspan", "compact", "coords", "dir", "frame",
    "headers", "height", "href", "hreflang", "hspace", "id", "lang", "longdesc", "name", "nowrap", "rel", "rev",
    "rowspan", "rules", "scope", "shape", "span", "src", "start", "style", "summary", "tabindex", "title", "type",
    "valign", "value", "vspace", "width", "xml:lang", "xml:space", "xmlns",
];

/// Attributes whose value a browser may follow.
const LINKS: &[&str] = &["cite", "href", "longdesc", "src"];

const NAMESPACE: &str = "http://www.w3.org/1999/xhtml";

/// Checks a narrative's `div`; the error ends the sentence "the narrative …".
pub fn check(text: &str) -> Result<(), &'static str> {
    let rest = text.trim_ascii();
    let mut reader = Reader { rest, open: Vec::new(), has_content: false, has_cdata_end: rest.contains("]]>") };
    if !reader.rest.starts_with("<div") {
        return Err("must be one <div> element");
    }
    loop {
        reader.markup()?;
        if reader.open.is_empty() {
            break;
        }
        reader.characters()?;
    }
    if !reader.rest.is_empty() {
        return Err("must end with the </div> that closes its first <div>");
    }
    reader.has_content.then_some(()).ok_or("must have some text or an image")
}

struct Reader<'a> {
    rest: &'a str,
    /// The elements that are open, outermost first.
    open: Vec<&'a str>,
    has_content: bool,
    /// Whether `]]>` stands somewhere, which it may in attributes and comments but not in text (XML 1.0 section 2.4).
    has_cdata_end: bool,
}

impl<'a> Reader<'a> {
    /// Text up to the next `<`.
    fn characters(&mut self) -> Result<(), &'static str> {
        let Some(end) = self.rest.find('<') else {
            return Err("must close every element that it opens");
        };
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        if text.contains('&') {
            references(text)?;
        }
        if self.has_cdata_end && text.contains("]]>") {
            return Err("has ]]> in its text: write ]]&gt;");
        }
        self.has_content |= !text.trim_ascii_start().is_empty();
        Ok(())
    }

    /// A tag or a comment; `rest` begins with `<`.
    fn markup(&mut self) -> Result<(), &'static str> {
        if let Some(rest) = self.rest.strip_prefix("<!--") {
            return self.comment(rest);
        }
        if let Some(rest) = self.rest.strip_prefix("</") {
            return self.closing(rest);
        }
        match self.rest.strip_prefix('<') {
            Some(rest) if !rest.starts_with(['!', '?']) => self.opening(rest),
            _ => Err("must not have CDATA sections, processing instructions or a document type"),
        }
    }

    fn comment(&mut self, rest: &'a str) -> Result<(), &'static str> {
        let Some((text, behind)) = rest.split_once("--") else {
            return Err("has a comment without an end");
        };
        let Some(behind) = behind.strip_prefix('>').filter(|_| !text.starts_with(['>', '-'])) else {
            return Err("has a comment that browsers would end elsewhere");
        };
        self.rest = behind;
        Ok(())
    }

    fn closing(&mut self, rest: &'a str) -> Result<(), &'static str> {
        let Some((name, behind)) = rest.split_once('>') else {
            return Err("has a tag without an end");
        };
        if self.open.pop() != Some(name.trim_ascii_end()) {
            return Err("must close its elements in the order in which they were opened");
        }
        self.rest = behind;
        Ok(())
    }

    fn opening(&mut self, rest: &'a str) -> Result<(), &'static str> {
        let end = rest.find(|it: char| it.is_ascii_whitespace() || it == '>' || it == '/').unwrap_or(rest.len());
        let (name, mut rest) = rest.split_at(end);
        if ELEMENTS.binary_search(&name).is_err() {
            return Err("has an element outside basic HTML formatting (narrative.html#rules)");
        }
        let mut names = Names::default();
        let mut has_namespace = !self.open.is_empty();
        loop {
            let trimmed = rest.trim_ascii_start();
            if let Some(behind) = trimmed.strip_prefix('>') {
                self.open.push(name);
                self.rest = behind;
                break;
            }
            if let Some(behind) = trimmed.strip_prefix("/>") {
                self.rest = behind;
                break;
            }
            if trimmed.len() == rest.len() {
                return Err("has a tag that is not well-formed");
            }
            let (attribute, value, behind) = attribute(trimmed)?;
            names.add(attribute)?;
            if attribute == "xmlns" {
                has_namespace = value == NAMESPACE;
                if !has_namespace {
                    break;
                }
            }
            self.has_content |= name == "img" && attribute == "src";
            rest = behind;
        }
        has_namespace.then_some(()).ok_or("must be in the namespace http://www.w3.org/1999/xhtml")
    }
}

/// The attributes a tag has had, so that none is given twice: bit `i` is `ATTRIBUTES[i]`.
#[derive(Default)]
struct Names(u64);

impl Names {
    fn add(&mut self, name: &str) -> Result<(), &'static str> {
        let Ok(position) = ATTRIBUTES.binary_search(&name) else {
            return Err(
                "has an attribute outside basic HTML formatting, such as an event handler (narrative.html#rules)",
            );
        };
        let bit = 1 << position;
        if self.0 & bit != 0 {
            return Err("has an attribute twice in one tag");
        }
        self.0 |= bit;
        Ok(())
    }
}

const _: () = assert!(ATTRIBUTES.len() <= 64);

/// Name and value of the attribute at the front, and what follows it.
fn attribute(text: &str) -> Result<(&str, &str, &str), &'static str> {
    const BROKEN: &str = "has an attribute that is not well-formed";
    let (name, rest) = text.split_once('=').ok_or(BROKEN)?;
    let name = name.trim_ascii_end();
    let rest = rest.trim_ascii_start();
    let quote = rest.chars().next().filter(|it| matches!(it, '"' | '\'')).ok_or(BROKEN)?;
    let (value, behind) = rest[1..].split_once(quote).ok_or(BROKEN)?;
    if value.contains('<') {
        return Err(BROKEN);
    }
    if value.contains('&') {
        references(value)?;
    }
    if LINKS.contains(&name) && !is_safe_link(value) {
        return Err("has a link with a scheme that may run a script");
    }
    Ok((name, value, behind))
}

/// Checks that every `&` begins a reference that XML knows.
fn references(text: &str) -> Result<(), &'static str> {
    for part in text.split('&').skip(1) {
        part.split_once(';')
            .and_then(|(name, _)| decode(name))
            .ok_or("has an & that begins no reference of XML: write &amp;, and other characters as themselves")?;
    }
    Ok(())
}

/// The character that a reference such as `amp` or `#xA0` stands for.
pub(crate) fn decode(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|it| !it.is_control() || matches!(it, '\t' | '\n' | '\r'))
        }
    }
}

/// Whether a link has no scheme, or one that shows and runs nothing: browsers skip white space and controls in it.
fn is_safe_link(value: &str) -> bool {
    let mut scheme = String::new();
    let mut rest = value;
    while let Some(letter) = rest.chars().next() {
        let reference = rest.strip_prefix('&').and_then(|it| it.split_once(';'));
        let letter = match reference.and_then(|(name, behind)| Some((decode(name)?, behind))) {
            Some((decoded, behind)) => {
                rest = behind;
                decoded
            }
            None => {
                rest = &rest[letter.len_utf8()..];
                letter
            }
        };
        match letter {
            ':' => break,
            '/' | '?' | '#' => return true,
            _ if letter.is_whitespace() || letter.is_control() => {}
            _ => scheme.push(letter.to_ascii_lowercase()),
        }
        if scheme.len() > 16 {
            return true;
        }
    }
    match scheme.as_str() {
        "javascript" | "vbscript" => false,
        "data" => is_picture(rest),
        _ => true,
    }
}

/// Whether the rest of a `data:` link is a picture that cannot hold a script, as SVG can.
fn is_picture(data: &str) -> bool {
    let media_type = data.split([';', ',']).next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    matches!(media_type.as_str(), "image/png" | "image/gif" | "image/jpeg" | "image/webp" | "image/bmp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(body: &str) -> Result<(), &'static str> {
        check(&format!(r#"<div xmlns="{NAMESPACE}">{body}</div>"#))
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(ELEMENTS.is_sorted() && ATTRIBUTES.is_sorted());
    }

    #[test]
    fn plain_formatting_is_taken() {
        for body in [
            "text",
            "<p>a<br/>b</p>",
            "<table class='x' style=\"color: red\"><tr><td colspan = \"2\">1 &lt; 2 &amp; &#160;&#xe9;</td></tr></table>",
            "<a href=\"http://example.org/?a=1&amp;b=2\">x</a>",
            "<img src=\"data:image/png;base64,AAAA\"/>",
            "<img src='data: image/gif;base64,svg'/>",
            "<!-- a > b ]]> -->x",
            "<p title=']]>'>]]&gt;</p>",
            "<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div >",
            "<a href=\"#a:b\" name='n' xml:lang='en'>x</a>",
        ] {
            assert_eq!(inside(body), Ok(()), "{body}");
        }
    }

    #[test]
    fn what_is_not_plain_formatting_is_refused() {
        for (body, why) in [
            ("", "some text"),
            (" <p/> ", "some text"),
            ("<script>x</script>", "element outside"),
            ("<P>x</P>", "element outside"),
            ("<iframe/>x", "element outside"),
            ("<p onclick='x()'>x</p>", "event handler"),
            ("<p class='a' class='b'>x</p>", "twice"),
            ("<p class=a>x</p>", "well-formed"),
            ("<p class>x</p>", "well-formed"),
            ("<p class='a'id='b'>x</p>", "well-formed"),
            ("<p class='<'>x</p>", "well-formed"),
            ("<b><i>x</b></i>", "order"),
            ("x</div>y", "must end"),
            ("&nbsp;", "reference"),
            ("a & b", "reference"),
            ("&#0;", "reference"),
            ("<![CDATA[x]]>", "CDATA"),
            ("a ]]> b", "]]&gt;"),
            ("<?php ?>x", "CDATA"),
            ("<!--><script>-->x", "comment"),
            ("<!-- a -- b -->x", "comment"),
            ("<a href='javascript:x'>x</a>", "scheme"),
            ("<a href=' Java\nScript:x'>x</a>", "scheme"),
            ("<a href='&#106;avascript&#58;x'>x</a>", "scheme"),
            ("<a href='data:text/html,x'>x</a>", "scheme"),
            ("<img src='data:image/svg+xml,x'/>", "scheme"),
            ("<p xmlns='http://www.w3.org/2000/svg'>x</p>", "namespace"),
        ] {
            let found = inside(body);
            assert!(found.is_err_and(|it| it.contains(why)), "{body}: {found:?}");
        }
    }

    #[test]
    fn the_whole_is_one_div_in_the_namespace() {
        for text in [
            "",
            "text",
            "<p xmlns='http://www.w3.org/1999/xhtml'>x</p>",
            "<div>x</div>",
            "<div xmlns='http://example.org'>x</div>",
            "<div xmlns='http://www.w3.org/1999/xhtml'>x",
            "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>y",
            "<div xmlns='http://www.w3.org/1999/xhtml'",
            "<div xmlns='http://www.w3.org/1999/xhtml'>x</div",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
