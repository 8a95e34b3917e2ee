//! The table of what the standards demand (`musts.txt`): each row has a case, and each case is one that runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("musts.txt");

/// The file of a module of these tests.
fn file(module: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(module.replace("::", "/"));
    [root.with_extension("rs"), root.join("mod.rs")].into_iter().find(|it| it.is_file())
}

/// Whether a module has a test of this name.
fn has_case(module: &str, name: &str) -> bool {
    let Some(text) = file(module).and_then(|it| std::fs::read_to_string(it).ok()) else { return false };
    let head = format!("async fn {name}() {{");
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("#[tokio::test") && lines.peek().is_some_and(|it| *it == head) {
            return true;
        }
    }
    false
}

#[test]
fn every_must_has_a_case() {
    let mut numbers = BTreeSet::new();
    for row in TABLE.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let columns: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let [number, standard, must, cases] = columns[..] else { panic!("{row} has not four columns") };
        assert!(numbers.insert(number), "{number} is there twice");
        assert!(!standard.is_empty() && !must.is_empty(), "{row}");
        for case in cases.split(", ") {
            let (module, name) = case.rsplit_once("::").unwrap_or_else(|| panic!("{case} of {number} has no module"));
            assert!(has_case(module, name), "there is no case {case}, which {number} names");
        }
    }
    assert!(numbers.len() >= 100, "rows are missing: there are {}", numbers.len());
}

#[test]
fn a_case_that_is_not_there_is_missed() {
    assert!(has_case("smart::abuse", "a_code_is_one_clients"));
    assert!(!has_case("smart::abuse", "a_code_is_anybodys"));
    // A helper is no case, nor is one of another module.
    assert!(!has_case("smart::rates", "limited") && !has_case("smart::hosts", "a_code_is_one_clients"));
}
