//! One walk through the files: documents in order, several at a time.

use super::documents::{Files, Place};
use super::progress::Progress;
use crate::http::xml;
use anyhow::{Result, anyhow};
use bytes::Bytes;
use engine::{Context, Engine, LoadItem, Loaded};
use fhir::Failure;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// Tells a document from all others: a digest of its bytes, and which occurrence of these bytes in the load it is.
pub type Content = [u8; 16];

/// Documents to load, or to load again.
pub struct Pass {
    files: Arc<Files>,
    /// If not all: these.
    only: Option<BTreeMap<Place, Content>>,
}

/// What came of a pass.
#[derive(Default)]
pub struct Outcome {
    /// Documents that were loaded, whole.
    pub loaded: usize,
    /// Documents that had been loaded before.
    pub before: usize,
    /// Resources written.
    pub resources: usize,
    /// Documents that were refused, or entries of them.
    pub refused: BTreeMap<Place, Refusal>,
    /// Files that could not be read to their end.
    pub unreadable: Vec<(usize, String)>,
}

/// What of a document was refused.
pub struct Refusal {
    /// The document.
    pub content: Content,
    /// Why; with the entry, counted from 0, where the document's other entries were loaded.
    pub failures: Vec<(Option<usize>, Failure)>,
}

struct Document {
    place: Place,
    item: LoadItem,
}

impl Pass {
    /// All documents.
    pub fn first(files: Arc<Files>) -> Pass {
        Pass { files, only: None }
    }

    /// The documents that were refused before.
    pub fn again(files: Arc<Files>, only: BTreeMap<Place, Content>) -> Pass {
        Pass { files, only: Some(only) }
    }

    /// Loads the documents, `parallel` at a time.
    pub async fn run(
        self,
        engine: &Arc<Engine>,
        context: &Context,
        parallel: usize,
        progress: &Progress,
    ) -> Result<Outcome> {
        let (sender, documents) = mpsc::channel(parallel);
        let documents = Arc::new(Mutex::new(documents));
        let mut workers = JoinSet::new();
        for _ in 0..parallel {
            let work = Worker { engine: engine.clone(), context: context.clone(), files: self.files.clone() };
            workers.spawn(work.run(documents.clone(), progress.clone()));
        }
        drop(documents);
        let unreadable = tokio::task::spawn_blocking(move || self.read(&sender)).await?;
        let mut outcome = Outcome { unreadable, ..Outcome::default() };
        while let Some(part) = workers.join_next().await {
            outcome.add(part.map_err(|_| anyhow!("a worker broke off"))?);
        }
        Ok(outcome)
    }

    /// Sends every document on its way; returns the files that could not be read.
    fn read(&self, documents: &mpsc::Sender<Document>) -> Vec<(usize, String)> {
        let mut unreadable = Vec::new();
        let mut seen = Seen::default();
        for file in 0..self.files.len() {
            if self.only.as_ref().is_some_and(|it| !it.keys().any(|place| place.file == file)) {
                continue;
            }
            let outcome = self.files.read(file, |place, body| {
                let content = match &self.only {
                    None => seen.content(&body),
                    Some(only) => match only.get(&place) {
                        Some(content) => *content,
                        None => return true,
                    },
                };
                documents.blocking_send(Document { place, item: LoadItem { body, content } }).is_ok()
            });
            if let Err(cause) = outcome {
                unreadable.push((file, format!("{cause:#}")));
            }
        }
        unreadable
    }
}

/// Loads documents.
struct Worker {
    engine: Arc<Engine>,
    context: Context,
    files: Arc<Files>,
}

impl Worker {
    /// Loads until there are no more.
    async fn run(self, documents: Arc<Mutex<mpsc::Receiver<Document>>>, progress: Progress) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            let next = documents.lock().await.recv().await;
            let Some(Document { place, item }) = next else { return outcome };
            let content = item.content;
            let done = self.load(place, item).await;
            outcome.count(place, content, done, &progress);
        }
    }

    async fn load(&self, place: Place, mut item: LoadItem) -> fhir::Result<Loaded> {
        if self.files.is_xml(place) {
            item.body = xml::to_json(&item.body, &self.engine.settings().json)?;
        }
        self.engine.load(&self.context, item).await
    }
}

impl Outcome {
    /// Whether anything was written.
    pub fn has_moved(&self) -> bool {
        self.loaded > 0 || self.resources > 0
    }

    fn count(&mut self, place: Place, content: Content, done: fhir::Result<Loaded>, progress: &Progress) {
        let (written, failures) = match done {
            Ok(Loaded::Before) => {
                self.before += 1;
                (0, Vec::new())
            }
            Ok(Loaded::New { resources }) => {
                self.loaded += 1;
                (resources, Vec::new())
            }
            Ok(Loaded::Partly { resources, refused }) => {
                (resources, refused.into_iter().map(|(entry, failure)| (Some(entry), failure)).collect())
            }
            Err(failure) => (0, vec![(None, failure)]),
        };
        self.resources += written;
        progress.add(written);
        if !failures.is_empty() {
            self.refused.insert(place, Refusal { content, failures });
        }
    }

    fn add(&mut self, mut part: Outcome) {
        self.loaded += part.loaded;
        self.before += part.before;
        self.resources += part.resources;
        self.refused.append(&mut part.refused);
        self.unreadable.append(&mut part.unreadable);
    }
}

/// Counts how often the same bytes came.
#[derive(Default)]
pub struct Seen(FxHashMap<Content, u32>);

impl Seen {
    /// The content of the next document with this body.
    pub fn content(&mut self, body: &Bytes) -> Content {
        let digest = Sha256::digest(body);
        let times = self.0.entry(first_half(&digest)).or_default();
        let occurrence = *times;
        *times += 1;
        first_half(&Sha256::new().chain_update(digest).chain_update(occurrence.to_le_bytes()).finalize())
    }
}

fn first_half(digest: &[u8]) -> Content {
    let mut half = Content::default();
    half.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    half
}
