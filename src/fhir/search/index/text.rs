//! The texts that `:text` looks at (search.html#modifiers).

use super::value::strings;
use crate::json::Value;
use crate::path::Item;
use crate::spec::{ParamType, Spec};

/// Whether parameters of this type take `:text`.
pub(super) fn has_text(kind: ParamType) -> bool {
    matches!(kind, ParamType::String | ParamType::Token | ParamType::Reference)
}

/// The texts of a selected element.
pub(super) fn texts<'a>(spec: &Spec, kind: ParamType, item: &Item<'a>) -> Vec<&'a str> {
    let Item::Node(node) = item else { return Vec::new() };
    let Some(value) = node.value() else { return Vec::new() };
    let of = &*spec.of(node.of).name;
    match (kind, of) {
        (ParamType::String, _) => strings(of, value),
        (ParamType::Token, "CodeableConcept") => concept(value),
        (ParamType::Token, "Coding") | (ParamType::Reference, "Reference") => {
            value.str("display").into_iter().collect()
        }
        (ParamType::Token, "Identifier") => value.get("type").map(concept).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// CodeableConcept.text and the displays of its codings.
fn concept(concept: Value<'_>) -> Vec<&str> {
    let displays = concept.get("coding").into_iter().flat_map(Value::each).filter_map(|it| it.str("display"));
    concept.str("text").into_iter().chain(displays).collect()
}
