//! What R4 says of its own types, as far as snapshots have it: `profiles/r4/definitions.txt`, a differential a line.

use super::super::compile::CORE;
use super::node::Said;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use std::sync::LazyLock;

/// The StructureDefinition of one of R4's types, as JSON. Only a line that is asked for is read.
pub(super) fn definition(url: &str) -> Option<&'static str> {
    static LINES: LazyLock<FxHashMap<&'static str, &'static str>> = LazyLock::new(|| {
        let table = include_str!("../../../../../profiles/r4/definitions.txt");
        table.lines().filter_map(|line| Some((url_of(line)?, line))).collect()
    });
    LINES.get(url).copied()
}

/// A line begins with the URL of what it defines.
fn url_of(line: &'static str) -> Option<&'static str> {
    line.strip_prefix(r#"{"url":""#)?.split('"').next()
}

/// The invariants that every element of a type with this code has from its type. R4's snapshots show those of Element
/// and Extension; the others are found at the type (elementdefinition.html#ElementDefinition.constraint).
pub(super) fn inherited_constraints(code: &str) -> Vec<Json> {
    let shown: &[&str] = match code {
        "Extension" => &["Element", "Extension"],
        "Resource" => &[],
        code if code.starts_with("http://") => &[],
        _ => &["Element"],
    };
    shown.iter().flat_map(|it| root_constraints(it)).collect()
}

fn root_constraints(name: &str) -> Vec<Json> {
    let line = definition(&format!("{CORE}{name}")).unwrap_or_default();
    let json: Json = serde_json::from_str(line).unwrap_or_default();
    json["differential"]["element"][0]["constraint"].as_array().cloned().unwrap_or_default()
}

/// Completes what a type says of an element of its own.
pub(super) fn complete(said: &mut Said, path: &str) {
    let codes = super::node::list(said, "type").filter_map(|it| it["code"].as_str());
    let reference = said.contains_key("contentReference").then_some("BackboneElement");
    let mut constraints = codes.chain(reference).next().map(inherited_constraints).unwrap_or_default();
    if let Some(Json::Array(own)) = said.remove("constraint") {
        constraints.retain(|had| own.iter().all(|it| it["key"] != had["key"]));
        constraints.extend(own);
    }
    if !constraints.is_empty() {
        said.insert("constraint".to_owned(), constraints.into());
    }
    let count = |name: &str| said.get(name).cloned().unwrap_or_default();
    let base = serde_json::json!({ "path": path, "min": count("min"), "max": count("max") });
    said.insert("base".to_owned(), base);
}
