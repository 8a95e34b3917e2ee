//! By the snapshots of R4's profiles, and of ours, R4's own examples are judged as by their differentials.

use super::super::*;
use crate::json::Doc;
use crate::outcome::Severity;
use crate::validate::{AskedProfile, Demands, Profiling, References};

/// R4's profiles and ours, each by the snapshot that is made of it, but for those that have none.
fn by_snapshot() -> Profiles {
    let known = Profiles::built_in();
    let all = Profiles::r4().by_url.values().chain(known.by_url.values()).flatten();
    let made = all.filter_map(|it| known.snapshot(&it.kept.json().unwrap()).ok());
    let without_differential = |it: String| {
        let mut whole: Json = serde_json::from_str(&it).unwrap();
        whole.as_object_mut().unwrap().remove("differential");
        whole.to_string()
    };
    Profiles::with(made.map(without_differential))
}

/// How bad what is wrong with a resource is, and where, by every profile on its type. A slice that a shortcut names is
/// missing at its element by a snapshot.
fn places(known: &Profiles, asked: &[AskedProfile], resource: &Doc) -> Vec<String> {
    let members = |_: &str, _: Option<&str>, _: &str| Some(true);
    let profiling = Profiling { known, asked, severity: Severity::Error, members: &members };
    let demands = Demands { warnings: true, profiling: Some(profiling), ..Demands::errors(References::Literal) };
    let issues = crate::validate::r4().check(resource.root(), &demands);
    let place = |it: Issue| {
        let element = it.expression.replace("valueQuantity", "value").replace("effectiveDateTime", "effective");
        format!("{} {} {element}", it.severity.code(), it.code.code())
    };
    let mut all: Vec<String> = issues.into_iter().map(place).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn the_examples_of_r4_are_judged_the_same() {
    let Some(files) = crate::r4_package::files() else { return };
    let made = by_snapshot();
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in files.iter().filter(|it| it.metadata().is_ok_and(|it| it.len() < 10_000)) {
        let doc = Doc::parse(std::fs::read_to_string(path).unwrap()).unwrap();
        let on_type = made.on(doc.root().str("resourceType").unwrap_or_default());
        let of = |it: &str| AskedProfile { profile: it.to_owned(), severity: Severity::Error };
        let asked: Vec<AskedProfile> = on_type.into_iter().map(of).collect();
        if asked.is_empty() || asked.len() > 40 {
            continue;
        }
        count += 1;
        let (told, by_snapshots) = (places(Profiles::built_in(), &asked, &doc), places(&made, &asked, &doc));
        if told != by_snapshots {
            let new: Vec<_> = by_snapshots.iter().filter(|it| !told.contains(it)).collect();
            let gone: Vec<_> = told.iter().filter(|it| !by_snapshots.contains(it)).collect();
            wrong.push(format!("{}: new {new:?}, gone {gone:?}", path.display()));
        }
    }
    assert!(count > 400, "{count}");
    assert!(wrong.is_empty(), "{} of {count}: {}", wrong.len(), wrong.join("\n"));
}
