//! CodeSystem, ValueSet and ConceptMap in full: what R4 publishes for terminology services (terminologies.html).

use super::text;
use serde_json::{Map, Value};

/// Resource types that make lines of `terminology.txt`.
const TYPES: [&str; 3] = ["CodeSystem", "ConceptMap", "ValueSet"];
/// What no answer of a terminology service says: who publishes a resource, its narrative, and how it came to be.
const LEFT_OUT: [&str; 17] = [
    "id",
    "meta",
    "implicitRules",
    "text",
    "extension",
    "identifier",
    "experimental",
    "date",
    "publisher",
    "contact",
    "description",
    "useContext",
    "jurisdiction",
    "immutable",
    "purpose",
    "copyright",
    "resourceType",
];

/// `terminology.txt`: a line for each resource, with its type, its URL, and what is kept of it as JSON; sorted.
pub fn write_terminology(definitions: &[Value]) -> String {
    let mut lines: Vec<String> = definitions.iter().filter_map(line).collect();
    lines.sort_unstable();
    lines.concat()
}

fn line(definition: &Value) -> Option<String> {
    let of = text(definition, "resourceType").filter(|it| TYPES.contains(it))?;
    let url = text(definition, "url")?;
    let kept: Map<String, Value> = definition
        .as_object()?
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), without_extensions(value)))
        .collect();
    Some(format!("{of}\t{url}\t{}\n", Value::Object(kept)))
}

/// Extensions of R4's terminology are notes for its editors.
fn without_extensions(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "extension" && !name.starts_with('_'))
            .map(|(name, value)| (name.clone(), without_extensions(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_extensions).collect(),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_type_url_and_what_answers_need() {
        let set = json!({
            "resourceType": "ValueSet", "id": "a", "url": "http://a.org/vs", "publisher": "A",
            "compose": {"include": [{"extension": [{"url": "x"}], "system": "http://a.org/cs"}]},
        });
        let kept = r#"{"url":"http://a.org/vs","compose":{"include":[{"system":"http://a.org/cs"}]}}"#;
        let patient = json!({ "resourceType": "Patient", "url": "no" });
        assert_eq!(write_terminology(&[patient, set]), format!("ValueSet\thttp://a.org/vs\t{kept}\n"));
    }
}
