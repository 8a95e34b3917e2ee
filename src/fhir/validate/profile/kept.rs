//! What of a StructureDefinition is kept to be compiled and built on: without what is written for people, which is most
//! of it, and without the differential where there is a snapshot.

use crate::json::{Value, quote, write_compact};

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
/// Members of an element.
const OF_ELEMENT: [&str; 14] = [
    "alias",
    "base",
    "code",
    "comment",
    "definition",
    "example",
    "isModifierReason",
    "isSummary",
    "label",
    "mapping",
    "meaningWhenMissing",
    "orderMeaning",
    "requirements",
    "short",
];

/// A definition as far as it is needed, as JSON.
pub(super) fn kept(definition: Value<'_>) -> String {
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
        let elements = r#"{"element":[{"path":"Patient","short":"x","min":1},{"path":"Patient.name","mapping":[{}]}]}"#;
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
