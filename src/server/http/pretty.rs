//! JSON for people: indented, every value as it was.

use super::answer::parsed;
use ::fhir::json::{Kind, Value, write_string};
use axum::body::Bytes;

/// The same JSON with line breaks and two spaces for each level. What is not JSON stays as it is.
pub fn pretty(body: Bytes) -> Bytes {
    let Some(doc) = parsed(&body) else { return body };
    let mut out = String::with_capacity(body.len() * 2);
    write(&mut out, doc.root(), 0);
    out.push('\n');
    out.into()
}

fn write(out: &mut String, value: Value<'_>, level: usize) {
    let (open, close) = match value.kind() {
        Kind::Object => ('{', '}'),
        Kind::Array => ('[', ']'),
        _ => return out.push_str(value.raw()),
    };
    out.push(open);
    for (i, child) in value.children().enumerate() {
        if i > 0 {
            out.push(',');
        }
        new_line(out, level + 1);
        if open == '{' {
            write_string(out, child.key());
            out.push_str(": ");
        }
        write(out, child, level + 1);
    }
    if !value.is_empty() {
        new_line(out, level);
    }
    out.push(close);
}

fn new_line(out: &mut String, level: usize) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_and_keeps_every_value() {
        let body = Bytes::from_static(br#"{"a":[1.10,"x\u00e9"],"b":{},"c":[]}"#);
        let expected = "{\n  \"a\": [\n    1.10,\n    \"x\\u00e9\"\n  ],\n  \"b\": {},\n  \"c\": []\n}\n";
        assert_eq!(pretty(body), expected);
    }

    #[test]
    fn leaves_what_is_not_json() {
        let page = Bytes::from_static(b"<html>");
        assert_eq!(pretty(page.clone()), page);
    }
}
