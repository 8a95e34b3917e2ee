//! What of a StructureDefinition is kept to be compiled and built on: without most of what is written for people, which is
//! most of it, without the differential where there is a snapshot, and packed: it is read once or twice.

use super::Fault;
use crate::json::{Value, quote, write_compact};
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::borrow::Cow;
use std::io::Read;

/// A StructureDefinition in memory.
pub(super) enum Kept {
    /// Compiled in: it takes no memory of its own.
    BuiltIn(&'static str),
    /// Deflated (RFC 1951).
    Packed(Box<[u8]>),
}

impl Kept {
    /// Keeps a definition as far as it is needed.
    pub(super) fn of(definition: Value<'_>) -> std::io::Result<Kept> {
        let mut packed = Vec::new();
        DeflateEncoder::new(kept(definition).as_bytes(), Compression::fast()).read_to_end(&mut packed)?;
        Ok(Kept::Packed(packed.into()))
    }

    /// The definition as JSON.
    pub(super) fn json(&self) -> Result<Cow<'static, str>, Fault> {
        match self {
            Kept::BuiltIn(json) => Ok(Cow::Borrowed(json)),
            Kept::Packed(packed) => {
                let mut json = String::new();
                let read = DeflateDecoder::new(&**packed).read_to_string(&mut json);
                read.map(|_| Cow::Owned(json)).map_err(|it| Fault::new("", it.to_string()))
            }
        }
    }
}

/// Members of a definition that say nothing of what is checked.
const OF_DEFINITION: [&str; 18] = [
    "contact",
    "contained",
    "copyright",
    "date",
    "description",
    "identifier",
    "jurisdiction",
    "keyword",
    "mapping",
    "meta",
    "name",
    "publisher",
    "purpose",
    "snapshot",
    "differential",
    "text",
    "title",
    "useContext",
];
/// Members of an element; what a snapshot must have stays.
const OF_ELEMENT: [&str; 10] = [
    "alias",
    "code",
    "comment",
    "example",
    "isModifierReason",
    "label",
    "mapping",
    "meaningWhenMissing",
    "orderMeaning",
    "requirements",
];

/// A definition as far as it is needed, as JSON.
fn kept(definition: Value<'_>) -> String {
    let mut out = String::with_capacity(definition.raw().len() / 4);
    open(&mut out, definition, &OF_DEFINITION);
    let elements =
        ["snapshot", "differential"].into_iter().find_map(|it| Some((it, definition.get(it)?.get("element")?)));
    if let Some((name, elements)) = elements {
        out.push_str(&format!(",\"{name}\":{{\"element\":["));
        for (at, element) in elements.each().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            open(&mut out, element, &OF_ELEMENT);
            out.push('}');
        }
        out.push_str("]}");
    }
    out.push('}');
    out
}

/// An object without some of its members and without its end.
fn open(out: &mut String, object: Value<'_>, without: &[&str]) {
    out.push('{');
    let members = object.children().filter(|it| !without.contains(&it.key()) && !it.key().starts_with('_'));
    for (at, member) in members.enumerate() {
        out.push_str(if at > 0 { "," } else { "" });
        out.push_str(&quote(member.key()));
        out.push(':');
        write_compact(out, member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    #[test]
    fn what_is_checked_is_kept() {
        let elements =
            r#"{"element":[{"path":"Patient","comment":"x","min":1},{"path":"Patient.name","mapping":[{}]}]}"#;
        let definition = |members: &str| {
            let text = format!(r#"{{"url":"http://e/p","text":{{}},"title":"T","type":"Patient"{members}}}"#);
            kept(Doc::parse(text).unwrap().root())
        };
        let lean = r#"{"element":[{"path":"Patient","min":1},{"path":"Patient.name"}]}"#;
        let head = r#"{"url":"http://e/p","type":"Patient""#;
        assert_eq!(definition(""), format!("{head}}}"));
        let both = format!(r#","snapshot":{elements},"differential":{{"element":[]}}"#);
        assert_eq!(definition(&both), format!("{head},\"snapshot\":{lean}}}"));
        assert_eq!(definition(&format!(",\"differential\":{elements}")), format!("{head},\"differential\":{lean}}}"));
    }
}
