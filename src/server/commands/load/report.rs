//! What a load tells at its end.

use super::documents::{Files, Place};
use super::pass::{Content, Outcome, Refusal};
use super::progress::per_second;
use fhir::Failure;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The outcome of all passes.
#[derive(Default)]
pub struct Report {
    loaded: usize,
    before: usize,
    resources: usize,
    refused: BTreeMap<Place, Refusal>,
    unreadable: Vec<(usize, String)>,
    lines: Vec<String>,
    time: Duration,
}

impl Report {
    /// Adds a pass: what it refused replaces what was refused before.
    pub fn take(&mut self, outcome: Outcome) {
        self.loaded += outcome.loaded;
        self.before += outcome.before;
        self.resources += outcome.resources;
        self.unreadable.extend(outcome.unreadable);
        self.refused = outcome.refused;
    }

    /// The documents that were refused.
    pub fn refused(&self) -> BTreeMap<Place, Content> {
        self.refused.iter().map(|(place, refusal)| (*place, refusal.content)).collect()
    }

    /// Whether nothing was refused.
    pub fn is_clean(&self) -> bool {
        self.lines.is_empty()
    }

    /// Puts into words what was refused.
    pub fn finish(&mut self, files: &Files, time: Duration) {
        self.time = time;
        let refused = self.refused.iter().flat_map(|(place, refusal)| {
            refusal.failures.iter().map(|(entry, failure)| (*place, told(&files.place(*place), *entry, failure)))
        });
        let unreadable = self.unreadable.iter().map(|(file, cause)| {
            let place = Place { file: *file, line: None };
            (place, format!("{}: cannot be read: {cause}", files.place(place)))
        });
        let mut lines: Vec<(Place, String)> = refused.chain(unreadable).collect();
        lines.sort();
        lines.dedup();
        self.lines = lines.into_iter().map(|(_, line)| line).collect();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "refused: {line}")?;
        }
        write!(
            f,
            "loaded {} resources from {} documents in {:.1} s ({:.0} per second); {} documents loaded before; {} refused",
            self.resources,
            self.loaded,
            self.time.as_secs_f64(),
            per_second(self.resources, self.time),
            self.before,
            self.lines.len()
        )
    }
}

fn told(place: &str, entry: Option<usize>, failure: &Failure) -> String {
    match entry {
        Some(entry) => format!("{place} entry {entry}: {failure}"),
        None => format!("{place}: {failure}"),
    }
}
