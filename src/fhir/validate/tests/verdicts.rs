//! The table of verdicts (`conformance-tests/verdicts`), whose expectations are the standard's: each case as JSON and,
//! by way of our writer and reader, as XML.

#[path = "../../../../conformance-tests/verdicts.rs"]
mod table;

use super::*;
use crate::json::Limits;
use crate::outcome::Severity;
use crate::xml::{Layout, read, write};
use std::path::Path;
use table::{Case, Group, Said};

/// What R4 advises on nearly everything that is made up.
const NARRATIVE: &str = "dom-6";

/// Whether a group's value set lists a code.
fn is_member(group: &Group, set: &str, system: Option<&str>, code: &str) -> Option<bool> {
    let set = group.resources.iter().find(|it| it["url"] == set)?;
    let mut included = set["compose"]["include"].as_array()?.iter();
    Some(included.any(|it| {
        let has = it["concept"].as_array().is_some_and(|all| all.iter().any(|it| it["code"] == code));
        has && system.is_none_or(|system| it["system"] == system)
    }))
}

/// What is said of a resource, sorted: XML has its own order of elements.
fn verdict(group: &Group, known: &Profiles, json: &str) -> Vec<Said> {
    let doc = Doc::parse(json).expect("a case is JSON");
    let asked: Vec<_> =
        group.profile.iter().map(|it| AskedProfile { profile: it.clone(), severity: Severity::Error }).collect();
    let members = |set: &str, system: Option<&str>, code: &str| is_member(group, set, system, code);
    let profiling = Profiling { known, asked: &asked, severity: Severity::Error, members: &members };
    // 2026-11-21
    let now = Some(1_795_219_200_000);
    let demands = Demands { warnings: true, now, profiling: Some(profiling), ..Demands::errors(References::Literal) };
    let said = |it: Issue| Said {
        place: format!("{} {} {}", it.severity.code(), it.code.code(), it.expression),
        words: it.diagnostics,
    };
    let mut all: Vec<_> = r4().check(doc.root(), &demands).into_iter().map(said).collect();
    all.sort();
    all
}

/// Whether what is said is what a case expects: of errors and warnings exactly those, of information at least those.
fn is_right(case: &Case, said: &[Said]) -> bool {
    let is_advice = |it: &Said| {
        it.place.starts_with("information") || it.place.starts_with("warning") && it.words.starts_with(NARRATIVE)
    };
    case.unexpected(said).is_some_and(|left| left.into_iter().all(is_advice))
}

/// A resource as XML, and again as JSON.
fn by_xml(json: &str) -> Result<String, String> {
    let doc = Doc::parse(json).expect("a case is JSON");
    let xml = write(doc.root(), Layout::Compact).map_err(|it| format!("{it:?}"))?;
    read(&xml, &Limits::default()).map_err(|it| format!("{it:?}"))
}

/// A group's profiles, and the same by the snapshots that are made of them.
fn profiles(group: &Group) -> (Profiles, Profiles) {
    let told = Profiles::with(group.definitions.iter().map(|it| it.to_string()));
    let made = Profiles::with(group.definitions.iter().map(|it| snapshot(&told, &it.to_string())));
    (told, made)
}

/// A definition by its snapshot alone.
fn snapshot(known: &Profiles, definition: &str) -> String {
    let mut whole: serde_json::Value = serde_json::from_str(definition).expect("a definition is JSON");
    if whole["derivation"] == "constraint" {
        whole = serde_json::from_str(&known.snapshot(definition).expect("it has a snapshot")).expect("it is JSON");
        whole.as_object_mut().and_then(|it| it.remove("differential"));
    }
    whole.to_string()
}

/// How bad what is, and where: a snapshot has other names for the slices of a choice.
fn places(said: &[Said]) -> Vec<&str> {
    said.iter().map(|it| &*it.place).collect()
}

#[test]
fn verdicts_are_the_standards_in_both_formats() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-tests/verdicts");
    let (mut count, mut wrong) = (0, Vec::new());
    for group in table::groups(&folder) {
        let (known, made) = profiles(&group);
        for case in &group.cases {
            count += 1;
            let (json, what) = (case.resource.to_string(), format!("{} {} {}", group.of, group.see, case.what));
            let said = verdict(&group, &known, &json);
            if !is_right(case, &said) {
                wrong.push(format!("{what}: {said:#?}"));
            }
            let by_snapshot = verdict(&group, &made, &json);
            if places(&by_snapshot) != places(&said) {
                wrong.push(format!("{what}: by snapshots {by_snapshot:#?}, and not {said:#?}"));
            }
            if !case.is_json_only && by_xml(&json).map(|it| verdict(&group, &known, &it)).as_ref() != Ok(&said) {
                wrong.push(format!("{what}: XML is judged otherwise than {said:#?}"));
            }
        }
    }
    assert!(count >= 400, "only {count} cases");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
