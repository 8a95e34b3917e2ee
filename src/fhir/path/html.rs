//! What `htmlChecks()` asks of a narrative (narrative.html#xhtml).

/// Whether a text is XHTML that a narrative may hold: one `div`, closed tags, only formatting elements and
/// attributes, some content.
pub(super) fn is_narrative(text: &str) -> bool {
    check(text).is_some()
}

/// Elements of the formatting chapters of HTML 4, `a`, and images.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// Attributes that neither run code nor reach out by themselves.
const ATTRIBUTES: &[&str] = &[
    "abbr",
    "accesskey",
    "align",
    "alt",
    "axis",
    "bgcolor",
    "border",
    "cellhalign",
    "cellpadding",
    "cellspacing",
    "cellvalign",
    "char",
    "charoff",
    "charset",
    "cite",
    "class",
    "colspan",
    "compact",
    "coords",
    "dir",
    "frame",
    "headers",
    "height",
    "href",
    "hreflang",
    "hspace",
    "id",
    "ismap",
    "lang",
    "longdesc",
    "name",
    "nowrap",
    "rel",
    "rev",
    "rowspan",
    "rules",
    "scope",
    "shape",
    "span",
    "src",
    "start",
    "style",
    "summary",
    "tabindex",
    "title",
    "type",
    "usemap",
    "valign",
    "value",
    "vlink",
    "vspace",
    "width",
    "xml:lang",
    "xmlns",
];

/// How deep elements may nest.
const MAX_DEPTH: usize = 256;

fn check(text: &str) -> Option<()> {
    let mut open: Vec<&str> = Vec::new();
    let mut has_content = false;
    let mut rest = text.trim();
    let mut is_first = true;
    while !rest.is_empty() {
        let Some(markup) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (said, behind) = rest.split_at_checked(end)?;
            (!open.is_empty()).then_some(())?;
            has_content |= !said.trim().is_empty();
            rest = behind;
            continue;
        };
        if let Some(comment) = markup.strip_prefix("!--") {
            rest = comment.split_once("-->")?.1;
            continue;
        }
        let (tag, behind) = split_tag(markup)?;
        if let Some(name) = tag.strip_prefix('/') {
            (open.pop()? == name.trim_end()).then_some(())?;
        } else {
            let (tag, is_closed) = match tag.strip_suffix('/') {
                Some(tag) => (tag, true),
                None => (tag, false),
            };
            let name = tag.split(char::is_whitespace).next()?;
            let is_root = open.is_empty();
            (ELEMENTS.contains(&name) && open.len() < MAX_DEPTH).then_some(())?;
            (!is_root || is_first && name == "div").then_some(())?;
            attributes(tag.get(name.len()..)?)?;
            has_content |= name == "img";
            is_first = false;
            if !is_closed {
                open.push(name);
            }
        }
        rest = behind;
    }
    (open.is_empty() && !is_first && has_content).then_some(())
}

/// What stands before the `>` that ends a tag, and what behind it; a `>` in quotes ends none.
fn split_tag(markup: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, letter) in markup.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some((markup.get(..at)?, markup.get(at + 1..)?)),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(mut rest: &str) -> Option<()> {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(());
        }
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim_end();
        (ATTRIBUTES.contains(&name) || name.starts_with("xmlns:")).then_some(())?;
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        let (value, behind) = behind.get(1..)?.split_once(quote)?;
        let links = matches!(name, "href" | "src");
        (!links || !value.trim_start().to_ascii_lowercase().starts_with("javascript:")).then_some(())?;
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::is_narrative;

    #[test]
    fn formatted_text_is_a_narrative() {
        for text in [
            r#"<div xmlns="http://www.w3.org/1999/xhtml"><p>Text <b>bold</b><br/></p></div>"#,
            r#"<div><!-- <script> --><a href="https://e.org?a>b">link</a></div>"#,
            r#"<div><img src="x.png" alt="a"/></div>"#,
        ] {
            assert!(is_narrative(text), "{text}");
        }
    }

    #[test]
    fn what_runs_or_is_broken_is_none() {
        for text in [
            "",
            "text",
            "<div></div>",
            "<div> </div>",
            "<p>text</p>",
            "<div>a</div><div>b</div>",
            "<div>a</div>b",
            "<div><p>a</div></p>",
            "<div>a",
            "<div><script>x</script></div>",
            r#"<div onclick="x">a</div>"#,
            r#"<div><a href="javascript:x">a</a></div>"#,
            "<div><p class=x>a</p></div>",
            "<div><form>a</form></div>",
        ] {
            assert!(!is_narrative(text), "{text}");
        }
    }
}
