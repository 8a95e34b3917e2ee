//! The table of verdicts (`verdicts/*.json`): small resources, and what the standard says of each. The validator's own
//! tests read the same table.

use serde_json::{Map, Value, json};
use std::path::Path;

/// Where the profiles of the table are.
const PROFILES: &str = "http://example.org/StructureDefinition/";

/// Cases that share a section of the standard, a base resource and definitions.
pub struct Group {
    /// The resource type.
    pub of: String,
    /// The section of the standard that the expectations come from.
    pub see: String,
    /// The profile that the resources are checked against, if it is not R4 alone.
    pub profile: Option<String>,
    /// StructureDefinitions that must be known.
    pub definitions: Vec<Value>,
    /// Other resources that must be known: value sets.
    pub resources: Vec<Value>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// A resource, and what is to be said of it.
pub struct Case {
    /// What it is about.
    pub what: String,
    /// The resource.
    pub resource: Value,
    /// Whether XML cannot say it.
    pub is_json_only: bool,
    /// Each issue: severity, code and expression, and words that its sentence has.
    expected: Vec<(String, String)>,
}

/// Every group of every file in a folder.
pub fn groups(folder: &Path) -> Vec<Group> {
    let files = std::fs::read_dir(folder).expect("the tables are there");
    let texts = files.map(|it| std::fs::read_to_string(it.expect("a table").path()).expect("a table is text"));
    texts.flat_map(|it| serde_json::from_str::<Vec<Value>>(&it).expect("a table is JSON")).map(group).collect()
}

fn group(table: Value) -> Group {
    let list = |name: &str| table[name].as_array().cloned().unwrap_or_default();
    Group {
        of: text(&table["of"]),
        see: text(&table["see"]),
        profile: table["profile"].as_str().map(|it| format!("{PROFILES}{it}")),
        definitions: list("definitions").iter().map(definition).collect(),
        resources: list("resources"),
        cases: list("cases").iter().map(|it| case(&table, it)).collect(),
    }
}

fn case(table: &Value, case: &Value) -> Case {
    let split = |it: &Value| {
        let it = text(it);
        it.split_once(" | ").map_or((it.clone(), String::new()), |(at, words)| (at.to_owned(), words.to_owned()))
    };
    Case {
        what: text(&case["what"]),
        resource: resource(table, case),
        is_json_only: case.get("json_only").is_some(),
        expected: case["expect"].as_array().expect("expectations").iter().map(split).collect(),
    }
}

/// The group's base with what a case adds and leaves out.
fn resource(table: &Value, case: &Value) -> Value {
    let mut members = Map::new();
    members.insert("resourceType".into(), table["of"].clone());
    for part in [&table["base"], &case["with"]] {
        members.extend(part.as_object().expect("members").clone());
    }
    for name in case["without"].as_array().into_iter().flatten() {
        members.remove(&text(name));
    }
    Value::Object(members)
}

/// The StructureDefinition that the table's short form stands for.
fn definition(short: &Value) -> Value {
    let (name, of) = (text(&short["name"]), text(&short["type"]));
    let kind = if of == "Extension" { "complex-type" } else { "resource" };
    let mut whole = json!({
        "resourceType": "StructureDefinition", "url": format!("{PROFILES}{name}"), "name": name, "status": "active",
        "kind": kind, "abstract": false, "type": of, "derivation": "constraint",
        "baseDefinition": format!("http://hl7.org/fhir/StructureDefinition/{of}"),
        "differential": { "element": short["elements"] }
    });
    for member in ["context", "contextInvariant"] {
        if let Some(given) = short.get(member) {
            whole[member] = given.clone();
        }
    }
    whole
}

fn text(value: &Value) -> String {
    value.as_str().expect("the table has text here").to_owned()
}

/// One issue of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    /// `severity code expression`.
    pub place: String,
    /// Its sentence.
    pub words: String,
}

impl Case {
    /// What is left of an answer without what the case expects; `None` if something of that is not there.
    pub fn unexpected<'s>(&self, said: &'s [Said]) -> Option<Vec<&'s Said>> {
        let mut left: Vec<&Said> = said.iter().collect();
        for (place, words) in &self.expected {
            let found = left.iter().position(|it| it.place == *place && it.words.contains(words))?;
            left.remove(found);
        }
        Some(left)
    }
}
