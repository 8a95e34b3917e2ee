//! Writing into a view: one thread, a small heap, opened when there is something to write.

use super::{Fields, mark, sound, term};
use crate::{Error, Result};
use fhir::json::Doc;
use fhir::search::text::{Text, texts, words};
use fhir::search::{Indexer, ParamId};
use fhir::spec::r4;
use rustc_hash::FxHashSet;
use std::sync::LazyLock;
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};

/// Bytes that a writer gathers before it writes a segment; tantivy takes no fewer than 15 MB.
const HEAP: usize = 20_000_000;
/// The most words of one resource; a longer one is found by its first ones.
const WORDS: usize = 200_000;

static INDEXER: LazyLock<Indexer> = LazyLock::new(|| Indexer::new(r4()));

/// Puts resources into a view.
pub(crate) struct Writer {
    writer: IndexWriter,
    fields: Fields,
    owner: i64,
}

impl Writer {
    pub(super) fn open(index: &Index, fields: Fields, owner: i64) -> Result<Writer> {
        let writer = index.writer_with_num_threads(1, HEAP).map_err(Error::text)?;
        Ok(Writer { writer, fields, owner })
    }

    /// Puts a resource in, in the place of what was there of it. One that cannot be read, as it was written under wider
    /// limits of JSON, is left out with a warning: the others must not wait for it.
    pub(crate) fn put(&mut self, rid: i64, body: &[u8]) -> Result<()> {
        self.remove(rid);
        let Some(document) = document(self.fields, rid, body) else {
            tracing::warn!(rid, "a resource cannot be read, so no text search finds it");
            return Ok(());
        };
        self.writer.add_document(document).map(|_| ()).map_err(Error::text)
    }

    /// Takes a resource out.
    pub(crate) fn remove(&mut self, rid: i64) {
        self.writer.delete_term(Term::from_field_i64(self.fields.rid, rid));
    }

    /// Makes all that was put in last, as of this place in the change log.
    pub(crate) fn commit(&mut self, seq: i64) -> Result<()> {
        let commit = self.writer.prepare_commit().and_then(|mut it| {
            it.set_payload(&mark(self.owner, seq));
            it.commit()
        });
        commit.map(|_| ()).map_err(Error::text)
    }

    /// Waits until small segments are merged, so that there are never many of them.
    pub(crate) fn close(self) -> Result<()> {
        self.writer.wait_merging_threads().map_err(Error::text)
    }
}

/// A resource's document; `None` for what is no resource of R4.
fn document(fields: Fields, rid: i64, body: &[u8]) -> Option<TantivyDocument> {
    let doc = Doc::parse(std::str::from_utf8(body).ok()?).ok()?;
    let of = r4().resource(doc.root().str("resourceType")?)?;
    let mut terms = Terms::default();
    texts(r4(), &INDEXER, of, doc.root(), &mut |text| terms.add(text));
    let mut document = TantivyDocument::default();
    document.add_i64(fields.rid, rid);
    document.add_pre_tokenized_text(fields.word, tokenized(terms.words));
    document.add_pre_tokenized_text(fields.sound, tokenized(terms.sounds));
    Some(document)
}

#[derive(Default)]
struct Terms {
    words: Vec<Token>,
    sounds: Vec<Token>,
    seen: FxHashSet<(ParamId, String)>,
    position: usize,
}

impl Terms {
    fn add(&mut self, text: Text<'_>) {
        for word in words(text.text).into_iter().take(WORDS.saturating_sub(self.words.len())) {
            if text.is_string {
                for code in sound::codes(&word) {
                    if self.seen.insert((text.param, code.clone())) {
                        let position = self.sounds.len();
                        self.sounds.push(token(position, term(text.param, &code)));
                    }
                }
            }
            self.words.push(token(self.position, term(text.param, &word)));
            self.position += 1;
        }
        // A phrase does not reach from one text into the next.
        self.position += 1;
    }
}

fn token(position: usize, text: String) -> Token {
    Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 }
}

fn tokenized(tokens: Vec<Token>) -> PreTokenizedString {
    PreTokenizedString { text: String::new(), tokens }
}
