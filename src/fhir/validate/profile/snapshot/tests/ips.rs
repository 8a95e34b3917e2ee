//! IPS's own examples, by its profiles: they are valid, by differentials, by the snapshots made of these, and by those that were
//! published. None of them has a fault.

use super::super::*;
use crate::json::Doc;
use crate::outcome::Severity;
use crate::validate::{Demands, Profiling, References};
use std::path::Path;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// IPS's profiles, without the one of their two views that is named.
fn profiles(package: &Path, without: &str) -> Vec<String> {
    let files = std::fs::read_dir(package).unwrap().map(|it| it.unwrap().path());
    let is_profile = |it: &std::path::PathBuf| {
        it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("StructureDefinition-"))
    };
    let of = |it: std::path::PathBuf| {
        let mut whole: Json = serde_json::from_str(&read(&it)).unwrap();
        whole.as_object_mut().unwrap().remove(without);
        whole.to_string()
    };
    files.filter(is_profile).map(of).collect()
}

/// What is wrong with a resource, by the profiles that it claims.
fn errors(known: &Profiles, resource: &Doc) -> Vec<String> {
    let members = |_: &str, _: Option<&str>, _: &str| None;
    let profiling = Profiling { known, asked: &[], severity: Severity::Error, members: &members };
    let demands = Demands { profiling: Some(profiling), ..Demands::errors(References::Literal) };
    let issues = crate::validate::r4().check(resource.root(), &demands).into_iter();
    let errors = issues.filter(|it| it.severity <= Severity::Error);
    errors.map(|it| format!("{} {}: {}", it.code.code(), it.expression, it.diagnostics)).collect()
}

#[test]
fn the_examples_of_ips_are_valid() {
    let Some(package) = crate::r4_package::ips() else { return };
    let by_differential = Profiles::with(profiles(&package, "snapshot"));
    let made = profiles(&package, "snapshot").into_iter().filter_map(|it| by_differential.snapshot(&it).ok());
    let by_snapshot = Profiles::with(made.map(|it| {
        let mut whole: Json = serde_json::from_str(&it).unwrap();
        whole.as_object_mut().unwrap().remove("differential");
        whole.to_string()
    }));
    let as_published = Profiles::with(profiles(&package, "differential"));
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in std::fs::read_dir(package.join("example")).unwrap().map(|it| it.unwrap().path()) {
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let (name, doc) = (path.file_stem().unwrap().to_string_lossy().into_owned(), Doc::parse(read(&path)).unwrap());
        let views = [("differential", &by_differential), ("snapshot", &by_snapshot), ("published", &as_published)];
        for (view, known) in views {
            wrong.extend(errors(known, &doc).into_iter().map(|it| format!("{name} by {view}: {it}")));
        }
        count += 1;
    }
    assert!(count > 30, "only {count} examples");
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}
