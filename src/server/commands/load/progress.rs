//! How far a load has come: a bar on a terminal, a line now and then elsewhere. On stderr, as it is no result.

use super::documents::Files;
use crate::clock::Stopwatch;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

const BAR_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Counts resources and shows them.
#[derive(Clone)]
pub struct Progress(Arc<Shown>);

struct Shown {
    resources: AtomicUsize,
    is_done: AtomicBool,
    watch: Stopwatch,
    bar: ProgressBar,
}

impl Progress {
    /// Shows the load of these files until [`Progress::finish`].
    pub fn start(files: &Arc<Files>, watch: Stopwatch) -> Progress {
        let bar = ProgressBar::new(files.bytes);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3}% {msg}") {
            bar.set_style(style);
        }
        let shown = Arc::new(Shown { resources: AtomicUsize::new(0), is_done: AtomicBool::new(false), watch, bar });
        tokio::spawn(show(shown.clone(), files.clone()));
        Progress(shown)
    }

    /// Counts resources that were written.
    pub fn add(&self, resources: usize) {
        self.0.resources.fetch_add(resources, Relaxed);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.0.is_done.store(true, Relaxed);
        self.0.bar.finish_and_clear();
    }
}

async fn show(shown: Arc<Shown>, files: Arc<Files>) {
    let is_terminal = std::io::stderr().is_terminal();
    let mut ticks = tokio::time::interval(if is_terminal { BAR_EVERY } else { LINE_EVERY });
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if shown.is_done.load(Relaxed) {
            return;
        }
        let resources = shown.resources.load(Relaxed);
        let told = format!("{resources} resources, {:.0} per second", per_second(resources, shown.watch.elapsed()));
        let read = files.read.load(Relaxed).min(files.bytes);
        if is_terminal {
            shown.bar.set_message(told);
            shown.bar.set_position(read);
        } else {
            // Progress that nobody can read is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{:3}% {told}", read * 100 / files.bytes.max(1));
        }
    }
}

/// A rate, however short the time was.
pub fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-3)
}
