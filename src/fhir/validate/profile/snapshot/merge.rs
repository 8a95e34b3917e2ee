//! How what a differential says of an element goes over what its base says (elementdefinition.html#interpretation).

use super::node::{Said, list};
use serde_json::Value as Json;

/// Members that say where an element is, not what it is.
const PLACE: [&str; 4] = ["id", "path", "sliceName", "base"];
/// Lists to which a differential adds.
const ADDED: [&str; 6] = ["alias", "code", "condition", "constraint", "example", "mapping"];

/// Lays one over the other.
pub(super) fn merge(base: &mut Said, by: &Said) {
    for (name, value) in by.iter().filter(|(name, _)| !PLACE.contains(&name.as_str())) {
        let merged = match name.as_str() {
            "extension" => joined(base, name, value, |it| &it["url"]),
            "constraint" => joined(base, name, value, |it| &it["key"]),
            name if ADDED.contains(&name) => joined(base, name, value, |it| it),
            _ => value.clone(),
        };
        if is_value(name) {
            base.retain(|had, _| !is_value(had));
        }
        base.insert(name.clone(), merged);
    }
}

/// A list with another one's items, which go before those with the same key.
fn joined(base: &Said, name: &str, by: &Json, key: impl Fn(&Json) -> &Json) -> Json {
    let new = by.as_array().into_iter().flatten();
    let is_kept = |it: &&Json| new.clone().all(|other| key(other) != key(it));
    list(base, name).filter(is_kept).chain(new.clone()).cloned().collect()
}

/// Whether a member is `fixed[x]` or `pattern[x]`, of which an element has one.
pub(super) fn is_value(name: &str) -> bool {
    ["fixed", "pattern"].iter().any(|it| name.strip_prefix(it).is_some_and(|it| it.starts_with(char::is_uppercase)))
}
