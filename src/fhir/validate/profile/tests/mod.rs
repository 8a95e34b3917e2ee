//! R4's own profiles, and small ones made by hand.

mod hostile;
mod mutants;
mod ours;
mod published;
mod references;
mod slices;
mod values;

use super::*;
use crate::validate::{Demands, References};
use serde_json::{Value as Json, json};

/// A profile on a type with these elements in its differential.
fn profile(name: &str, of: &str, elements: Json) -> String {
    json!({
        "resourceType": "StructureDefinition", "url": format!("http://e/{name}"), "version": "1", "type": of,
        "kind": "resource", "derivation": "constraint", "baseDefinition": format!("{}{of}", compile::CORE),
        "differential": { "element": elements }
    })
    .to_string()
}

/// What is said of a resource: severity, code, expression and sentence of each issue but what R4 itself advises.
fn told(profiles: &[String], asked: &[&str], resource: &Json) -> Vec<String> {
    let known = Profiles::with(profiles.iter().cloned());
    let asked: Vec<String> = asked.iter().map(|it| format!("http://e/{it}")).collect();
    told_by(&known, &asked, resource)
}

fn told_by(known: &Profiles, asked: &[String], resource: &Json) -> Vec<String> {
    let doc = Doc::parse(resource.to_string()).unwrap();
    let members = |set: &str, _: Option<&str>, code: &str| (set == "http://e/set").then_some(code == "in");
    let asked: Vec<AskedProfile> =
        asked.iter().map(|it| AskedProfile { profile: it.clone(), severity: Severity::Error }).collect();
    let profiling = Profiling { known, asked: &asked, severity: Severity::Error, members: &members };
    let demands = Demands { warnings: true, profiling: Some(profiling), ..Demands::errors(References::Literal) };
    let issues = crate::validate::r4().check(doc.root(), &demands);
    let is_of_profiles = |it: &Issue| ["rofile", "xtension"].iter().any(|word| it.diagnostics.contains(word));
    let of_r4 = |it: &Issue| it.severity >= Severity::Warning && !is_of_profiles(it);
    let shown = |it: Issue| format!("{} {} {}: {}", it.severity.code(), it.code.code(), it.expression, it.diagnostics);
    issues.into_iter().filter(|it| !of_r4(it)).map(shown).collect()
}

/// Checks a resource against profile `http://e/p` made of these elements: each of the words must be in one issue, and
/// there are no more issues.
fn finds(of: &str, elements: &Json, resource: &Json, words: &[&str]) {
    let found = told(&[profile("p", of, elements.clone())], &["p"], resource);
    let missing: Vec<_> = words.iter().filter(|it| !found.iter().any(|told| told.contains(**it))).collect();
    assert!(missing.is_empty() && found.len() == words.len(), "{resource}: {found:#?}, not {words:?}");
}
