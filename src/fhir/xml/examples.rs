//! The examples that R4 comes with: from JSON to XML and back they stay what they are.

use super::{Layout, read, write};
use crate::json::{Doc, Limits};
use crate::r4_package::files;
use std::path::{Path, PathBuf};

const NO_TEXT: &str = "must have some text or an image";

/// Examples that cannot be written, for a fault of theirs, and what is said of it.
const FAULTY: &[(&str, &str)] = &[
    ("ActivityDefinition-blood-tubes-supply", NO_TEXT),
    ("ActivityDefinition-heart-valve-replacement", NO_TEXT),
    ("EventDefinition-example", NO_TEXT),
    ("Questionnaire-zika-virus-exposure-assessment", NO_TEXT),
];

/// The indented form differs in white space only: beyond this size it would cost more than it tells.
const SMALL: usize = 20_000;

fn there_and_back(json: &str) -> Result<(), String> {
    let before = Doc::parse(json).map_err(|it| it.to_string())?;
    let layouts = [Layout::Compact, Layout::Pretty];
    for layout in layouts.into_iter().take(if json.len() < SMALL { 2 } else { 1 }) {
        let xml = write(before.root(), layout).map_err(|it| it.to_string())?;
        let after = read(&xml, &Limits::default()).map_err(|it| format!("{}: {it}", it.expression))?;
        let after = Doc::parse(after).map_err(|it| it.to_string())?;
        if !before.root().same(after.root()) {
            return Err(format!("another resource came back ({layout:?})"));
        }
    }
    Ok(())
}

#[test]
fn every_example_comes_back_as_it_was() {
    let Some(mut files) = files() else { return };
    files.retain(|it| !is_about_the_package(it));
    assert!(files.len() > 4000, "only {} examples", files.len());
    let (one, other) = files.split_at(files.len() / 2);
    let wrong = std::thread::scope(|scope| {
        let other = scope.spawn(|| problems(other));
        let mut wrong = problems(one);
        wrong.extend(other.join().expect("the examples are read"));
        wrong
    });
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

fn is_about_the_package(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "package"
}

/// What is not as it should be with these files.
fn problems(files: &[PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let json = std::fs::read_to_string(path).expect("an example is readable");
        let fault = FAULTY.iter().find(|(faulty, _)| *faulty == name).map(|(_, fault)| *fault);
        match (there_and_back(&json), fault) {
            (Ok(()), None) => {}
            (Err(said), Some(fault)) if said.contains(fault) => {}
            (result, fault) => wrong.push(format!("{name}: {result:?}, known fault: {fault:?}")),
        }
    }
    wrong
}
