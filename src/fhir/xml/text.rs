//! Characters and attribute values (Extensible Markup Language 1.0).

use std::borrow::Cow;

/// Where a text has the first character that XML does not have (section 2.2): a control, U+FFFE or U+FFFF.
pub(super) fn foreign(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|at| match bytes[*at] {
        b'\t' | b'\n' | b'\r' => false,
        0xEF => matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        byte => byte < b' ',
    })
}

/// What an attribute says: white space as written is a space (section 3.3.3), references are what they stand for.
/// `None` for what is no attribute value.
pub(super) fn attribute(raw: &str) -> Option<Cow<'_, str>> {
    if raw.contains('<') {
        return None;
    }
    let is_space = |it: char| matches!(it, '\t' | '\n' | '\r');
    let raw = match raw.contains(is_space) {
        // A line end is one space, also where it is written as CR LF (section 2.11).
        true => Cow::Owned(raw.replace("\r\n", " ").replace(is_space, " ")),
        false => Cow::Borrowed(raw),
    };
    match resolved(&raw)? {
        Cow::Owned(value) => Some(Cow::Owned(value)),
        Cow::Borrowed(_) => Some(raw),
    }
}

/// A text with its references resolved to what they stand for. `None` where one stands for nothing.
pub(super) fn resolved(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('&') {
        return Some(Cow::Borrowed(raw));
    }
    let value = quick_xml::escape::unescape(raw).ok()?.into_owned();
    foreign(&value).is_none().then_some(Cow::Owned(value))
}

/// Appends a value as it stands between an attribute's quotes; white space that a reader would make a space is written
/// as a reference. The value must not be [`foreign`] to XML.
pub(super) fn write_attribute(out: &mut String, value: &str) {
    let mut plain = 0;
    for (at, byte) in value.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\t' => "&#9;",
            b'\n' => "&#10;",
            b'\r' => "&#13;",
            _ => continue,
        };
        out.push_str(&value[plain..at]);
        out.push_str(reference);
        plain = at + 1;
    }
    out.push_str(&value[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_read_as_xml_has_it() {
        for (raw, value) in [
            ("plain", Some("plain")),
            ("a &lt;b&gt; &amp; &quot;c&apos; &#65;&#x42;", Some("a <b> & \"c' AB")),
            ("a\tb\nc\r\nd", Some("a b c d")),
            ("a&#10;b&#9;", Some("a\nb\t")),
            ("a<b", None),
            ("a & b", None),
            ("&nbsp;", None),
            ("&#1;", None),
            ("&#xFFFE;", None),
            ("&#xD800;", None),
        ] {
            assert_eq!(attribute(raw).as_deref(), value, "{raw}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for value in ["", " a ", "<&>\"'", "a\r\n\tb", "é\u{85}\u{2028}𝄞"] {
            let mut written = String::new();
            write_attribute(&mut written, value);
            assert_eq!(attribute(&written).as_deref(), Some(value));
        }
    }

    #[test]
    fn what_xml_does_not_have_is_found() {
        for (text, at) in
            [("a\u{1}", Some(1)), ("é\u{ffff}", Some(2)), ("\u{fffe}", Some(0)), ("\t\u{fffd}\u{7f}", None)]
        {
            assert_eq!(foreign(text), at, "{text:?}");
        }
    }
}
