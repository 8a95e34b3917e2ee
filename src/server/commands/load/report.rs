//! What a load tells at its end.

use super::documents::{Files, Place};
use super::pass::{Content, Outcome};
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
    refused: BTreeMap<Place, Failure>,
    entries: Vec<(Place, usize, Failure)>,
    unreadable: Vec<(usize, String)>,
    lines: Vec<String>,
    time: Duration,
}

impl Report {
    /// Adds a pass; returns the documents that it refused.
    pub fn take(&mut self, outcome: Outcome) -> BTreeMap<Place, Content> {
        self.loaded += outcome.loaded;
        self.before += outcome.before;
        self.resources += outcome.resources;
        self.entries.extend(outcome.entries);
        self.unreadable.extend(outcome.unreadable);
        let mut again = BTreeMap::new();
        for (place, (content, failure)) in outcome.refused {
            again.insert(place, content);
            self.refused.insert(place, failure);
        }
        again
    }

    /// Forgets the documents that were refused, as they will be tried again.
    pub fn forget_refusals(&mut self) {
        self.refused.clear();
    }

    /// Whether nothing was refused.
    pub fn is_clean(&self) -> bool {
        self.lines.is_empty()
    }

    /// Puts into words what was refused.
    pub fn finish(&mut self, files: &Files, time: Duration) {
        self.time = time;
        let whole = self.refused.iter().map(|(place, failure)| (*place, format!("{}: {failure}", files.place(*place))));
        let entries = self
            .entries
            .iter()
            .map(|(place, entry, failure)| (*place, format!("{} entry {entry}: {failure}", files.place(*place))));
        let unreadable = self.unreadable.iter().map(|(file, cause)| {
            let place = Place { file: *file, line: None };
            (place, format!("{}: cannot be read: {cause}", files.place(place)))
        });
        let mut lines: Vec<(Place, String)> = whole.chain(entries).chain(unreadable).collect();
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
