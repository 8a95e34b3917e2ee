//! The table of verdicts (`conformance-tests/verdicts`), whose expectations are the standard's: each case as JSON and,
//! by way of our writer and reader, as XML.

use super::*;
use crate::outcome::Severity;
use crate::xml::{Layout, read, write};
use serde_json::{Map, Value as Json, json};
use std::path::Path;

const PROFILES: &str = "http://example.org/StructureDefinition/";
/// What R4 advises on nearly everything that is made up.
const NARRATIVE: &str = "dom-6";

/// A file's groups of cases.
fn groups(path: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).expect("a table of verdicts is readable");
    serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// The StructureDefinition that a table's short form stands for.
fn definition(short: &Json) -> String {
    let (name, of) = (short["name"].as_str().expect("a name"), short["type"].as_str().expect("a type"));
    let mut whole = json!({
        "resourceType": "StructureDefinition", "url": format!("{PROFILES}{name}"), "type": of,
        "derivation": "constraint", "baseDefinition": format!("http://hl7.org/fhir/StructureDefinition/{of}"),
        "differential": { "element": short["elements"] }
    });
    for member in ["context", "contextInvariant"] {
        if let Some(given) = short.get(member) {
            whole[member] = given.clone();
        }
    }
    whole.to_string()
}

/// A group's resource with what a case adds and leaves out.
fn resource_of(group: &Json, case: &Json) -> String {
    let mut members = Map::new();
    members.insert("resourceType".into(), group["of"].clone());
    for part in [&group["base"], &case["with"]] {
        members.extend(part.as_object().expect("members").clone());
    }
    for name in case["without"].as_array().into_iter().flatten() {
        members.remove(name.as_str().expect("a name"));
    }
    Json::Object(members).to_string()
}

/// Whether a group's value set lists a code.
fn is_member(group: &Json, set: &str, system: Option<&str>, code: &str) -> Option<bool> {
    let set = group["resources"].as_array()?.iter().find(|it| it["url"] == set)?;
    let mut included = set["compose"]["include"].as_array()?.iter();
    Some(included.any(|it| {
        let has = it["concept"].as_array().is_some_and(|all| all.iter().any(|it| it["code"] == code));
        has && system.is_none_or(|system| it["system"] == system)
    }))
}

/// What is said of a resource, sorted, each as `severity code expression | words`.
fn verdict(group: &Json, json: String) -> Vec<String> {
    let doc = Doc::parse(json).expect("a case is JSON");
    let definitions = group["definitions"].as_array().into_iter().flatten().map(definition);
    let known = Profiles::with(definitions);
    let asked: Vec<String> = group["profile"].as_str().map(|it| format!("{PROFILES}{it}")).into_iter().collect();
    let members = |set: &str, system: Option<&str>, code: &str| is_member(group, set, system, code);
    let profiling = Profiling { known: &known, asked: &asked, severity: Severity::Error, members: &members };
    // 2026-11-21
    let now = Some(1_795_219_200_000);
    let demands = Demands { warnings: true, now, profiling: Some(profiling), ..Demands::errors(References::Literal) };
    let said = |it: Issue| format!("{} {} {} | {}", it.severity.code(), it.code.code(), it.expression, it.diagnostics);
    let mut all: Vec<_> = r4().check(doc.root(), &demands).into_iter().map(said).collect();
    // XML has its own order of elements.
    all.sort();
    all
}

/// Whether what is said is what a case expects: of errors and warnings exactly those, of information at least those.
fn is_right(case: &Json, said: &[String]) -> bool {
    let mut left: Vec<&String> = said.iter().collect();
    for expected in case["expect"].as_array().expect("expectations") {
        let (place, words) = expected
            .as_str()
            .and_then(|it| it.split_once(" | "))
            .unwrap_or((expected.as_str().unwrap_or_default(), ""));
        let fits = |it: &&String| it.split_once(" | ").is_some_and(|(at, told)| at == place && told.contains(words));
        let Some(found) = left.iter().position(fits) else { return false };
        left.remove(found);
    }
    left.iter().all(|it| it.starts_with("information") || it.starts_with("warning") && it.contains(NARRATIVE))
}

#[test]
fn verdicts_are_the_standards_in_both_formats() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-tests/verdicts");
    let (mut count, mut wrong) = (0, Vec::new());
    for file in std::fs::read_dir(folder).expect("the tables are there").map(|it| it.expect("a table").path()) {
        for group in groups(&file) {
            for case in group["cases"].as_array().expect("cases") {
                count += 1;
                let (see, what, json) = (&group["see"], &case["what"], resource_of(&group, case));
                let said = verdict(&group, json.clone());
                if !is_right(case, &said) {
                    wrong.push(format!("{see} {what}: {json}\n  expected {}\n  but {said:#?}", case["expect"]));
                }
                if case.get("json_only").is_none() {
                    let doc = Doc::parse(json).expect("a case is JSON");
                    let xml = write(doc.root(), Layout::Compact).map_err(|it| format!("{it:?}"));
                    let again =
                        xml.and_then(|it| read(&it, &crate::json::Limits::default()).map_err(|it| format!("{it:?}")));
                    match again.map(|it| verdict(&group, it)) {
                        Ok(again) if again == said => {}
                        other => wrong.push(format!("{see} {what}: as XML {other:#?}\n  but {said:#?}")),
                    }
                }
            }
        }
    }
    assert!(count >= 400, "only {count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
