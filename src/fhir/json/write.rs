//! Writing JSON text: quoted strings, and parsed values again, compact, changed or indented.

use super::{Kind, Value};

/// Appends `text` as a JSON string, quoted and escaped (RFC 8259 section 7).
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[plain..at]);
        if escape.is_empty() {
            out.push_str(&format!("\\u{byte:04x}"));
        } else {
            out.push_str(escape);
        }
        plain = at + 1;
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    out
}

/// Appends a value without white space between its parts; every number as it was written, and what a text escapes without
/// need is written plainly.
pub fn write_compact(out: &mut String, value: Value<'_>) {
    write_replacing(out, value, &|_| None);
}

/// Appends a value like [`write_compact`], with the text that `replace` gives in place of a value. The nesting is
/// bounded by the limits the document was parsed with.
pub fn write_replacing(out: &mut String, value: Value<'_>, replace: &dyn Fn(Value<'_>) -> Option<String>) {
    if let Some(text) = replace(value) {
        out.push_str(&text);
        return;
    }
    let (open, close) = match value.kind() {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        _ => {
            match value.as_str().filter(|_| value.raw().contains('\\')) {
                // There is one way to write a text: whoever looks through bytes need not know of others.
                Some(text) => write_string(out, text),
                None => out.push_str(value.raw()),
            }
            return;
        }
    };
    out.push(open);
    for (i, child) in value.children().enumerate() {
        if i > 0 {
            out.push(',');
        }
        if value.is_object() {
            write_string(out, child.key());
            out.push(':');
        }
        write_replacing(out, child, replace);
    }
    out.push(close);
}

/// Appends a value with every member and item on its own line, indented by two spaces a level.
pub fn write_pretty(out: &mut String, value: Value<'_>) {
    write_indented(out, value, 1);
}

fn write_indented(out: &mut String, value: Value<'_>, level: usize) {
    let (open, close) = match value.kind() {
        Kind::Object if !value.is_empty() => ('{', '}'),
        Kind::Array if !value.is_empty() => ('[', ']'),
        Kind::Object => return out.push_str("{}"),
        Kind::Array => return out.push_str("[]"),
        _ => return out.push_str(value.raw()),
    };
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    out.push(open);
    for (i, child) in value.children().enumerate() {
        if i > 0 {
            out.push(',');
        }
        line(out, level);
        if value.is_object() {
            write_string(out, child.key());
            out.push_str(": ");
        }
        write_indented(out, child, level + 1);
    }
    line(out, level - 1);
    out.push(close);
}
