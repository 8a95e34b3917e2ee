//! Walking through raw JSON.

use serde_json::Value;

/// All values at this path of member names, through every array on the way.
pub fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    path.split('.').fold(items(value), |values, name| values.into_iter().flat_map(|it| items(&it[name])).collect())
}

/// The texts at this path.
pub fn texts<'a>(value: &'a Value, path: &str) -> Vec<&'a str> {
    at(value, path).into_iter().filter_map(Value::as_str).collect()
}

/// The text at this path is this one.
pub fn is(value: &Value, path: &str, text: &str) -> bool {
    texts(value, path).contains(&text)
}

/// The text at this path begins so; case makes no difference (search.html#string).
pub fn begins(value: &Value, path: &str, beginning: &str) -> bool {
    let beginning = beginning.to_lowercase();
    texts(value, path).iter().any(|text| text.to_lowercase().starts_with(&beginning))
}

/// The CodeableConcept at this path has this code.
pub fn coded(value: &Value, path: &str, code: &str) -> bool {
    is(value, &format!("{path}.coding.code"), code)
}

/// There is a number at this path of which this is true.
pub fn number(value: &Value, path: &str, test: impl Fn(f64) -> bool) -> bool {
    at(value, path).into_iter().filter_map(Value::as_f64).any(test)
}

/// `Type/id`.
pub fn place(resource: &Value) -> String {
    format!("{}/{}", text(&resource["resourceType"]), text(&resource["id"]))
}

/// Every `reference` within the value that leads out of its resource.
pub fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match member {
                Value::String(reference) if name == "reference" && !reference.starts_with('#') => vec![&reference[..]],
                other => references(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}
