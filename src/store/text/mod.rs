//! A tenant's full-text view: a tantivy index in a folder of its own, made of nothing but the tenant's resources, so
//! that it can be thrown away and made again at any time (docs/decisions/0011-full-text.md).
//!
//! One document is one resource. Its words are terms that begin with the number of their parameter, which names type
//! and code: every text of every parameter is in one field, and a query touches only the terms of its own parameter.
//!
//! Every commit carries whose view it is and how far in the change log it has come. What does not fit, because it was
//! made by another version, is another tenant's, or follows a log that was since replaced, is made anew.

mod follow;
mod follower;
mod query;
mod sound;
#[cfg(test)]
mod tests;
mod under;
mod writer;

pub(crate) use follow::{COMMIT, answers_of, asked_by, blocking, put};
pub(crate) use follower::{Followed, Follower, WRITERS};
pub(crate) use writer::Writer;

use crate::{Error, Result};
use fhir::search::{ParamId, TextTest};
use std::path::Path;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, Lock};
use tantivy::query::EnableScoring;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{DocSet, Index, IndexReader, ReloadPolicy, TERMINATED};

/// Number of the schema and of the way words are made: another one makes a view anew.
const LAYOUT: u32 = 1;

/// The fields of a document.
#[derive(Clone, Copy, Debug)]
struct Fields {
    /// `resource.rid`.
    rid: Field,
    /// Words, each led by its parameter.
    word: Field,
    /// How the words of string parameters sound, each led by its parameter.
    sound: Field,
}

/// An open view.
pub(crate) struct View {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    owner: i64,
}

/// How far a view has come: the mark in its last commit.
fn mark(owner: i64, seq: i64) -> String {
    format!("{LAYOUT} {owner:016x} {seq}")
}

impl View {
    /// Opens the view of `owner` in a folder and says up to where in the change log it goes; makes an empty one where there is none
    /// that fits. An owner is known by a number that only its tenant has.
    pub(crate) fn open(folder: &Path, owner: i64) -> Result<(View, i64)> {
        let found = existing(folder, owner);
        let (index, seq) = match found {
            Some(found) => found,
            None => (create(folder)?, 0),
        };
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(Error::text)?;
        let fields = fields(&index.schema()).map_err(Error::text)?;
        Ok((View { index, reader, fields, owner }, seq))
    }

    /// Takes the view in a folder away.
    pub(crate) fn remove(folder: &Path) -> Result<()> {
        match std::fs::remove_dir_all(folder) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(file_error(folder, cause)),
            _ => Ok(()),
        }
    }

    /// Takes the view in a folder away unless it is this owner's; who writes it is waited for.
    pub(crate) fn remove_unless(folder: &Path, owner: i64) -> Result<()> {
        let Ok(index) = Index::open_in_dir(folder) else { return Ok(()) };
        if existing(folder, owner).is_some() {
            return Ok(());
        }
        let lock = Lock { filepath: INDEX_WRITER_LOCK.filepath.clone(), is_blocking: true };
        let _alone = index.directory().acquire_lock(&lock).map_err(Error::text)?;
        View::remove(folder)
    }

    /// Opens the one writer.
    pub(crate) fn writer(&self) -> Result<Writer> {
        Writer::open(&self.index, self.fields, self.owner)
    }

    /// Sees what was committed since.
    pub(crate) fn refresh(&self) -> Result<()> {
        self.reader.reload().map_err(Error::text)
    }

    /// The rows of the resources that pass, rising; [`Error::TextTooMany`] if they are more than `most`.
    pub(crate) fn find(&self, param: ParamId, test: &TextTest, most: usize) -> Result<Vec<i64>> {
        let rids = self.rids(param, test, most).map_err(Error::text)?;
        if rids.len() > most { Err(Error::TextTooMany) } else { Ok(rids) }
    }

    /// The rows found, rising; of more than `most` one more than that.
    fn rids(&self, param: ParamId, test: &TextTest, most: usize) -> tantivy::Result<Vec<i64>> {
        let searcher = self.reader.searcher();
        let query = query::query(self.fields, param, test)?;
        let weight = query.weight(EnableScoring::disabled_from_searcher(&searcher))?;
        let mut rids = Vec::new();
        for segment in searcher.segment_readers() {
            let column = segment.fast_fields().i64("rid")?;
            let mut docs = weight.scorer(segment, 1.0)?;
            let mut doc = docs.doc();
            while doc != TERMINATED && rids.len() <= most {
                if !segment.is_deleted(doc) {
                    rids.extend(column.first(doc));
                }
                doc = docs.advance();
            }
        }
        rids.sort_unstable();
        Ok(rids)
    }
}

fn existing(folder: &Path, owner: i64) -> Option<(Index, i64)> {
    // Whatever is wrong with a view, a new one is right.
    let index = Index::open_in_dir(folder).ok()?;
    let payload = index.load_metas().ok()?.payload?;
    let seq = payload.rsplit_once(' ')?.1.parse().ok()?;
    (payload == mark(owner, seq) && fields(&index.schema()).is_ok()).then_some((index, seq))
}

fn create(folder: &Path) -> Result<Index> {
    View::remove(folder)?;
    std::fs::create_dir_all(folder).map_err(|cause| file_error(folder, cause))?;
    Index::create_in_dir(folder, schema()).map_err(Error::text)
}

fn schema() -> Schema {
    let mut schema = Schema::builder();
    schema.add_i64_field("rid", NumericOptions::from(INDEXED | FAST));
    let indexing = |option| {
        let indexing = TextFieldIndexing::default().set_tokenizer("raw").set_fieldnorms(false);
        TextOptions::default().set_indexing_options(indexing.set_index_option(option))
    };
    schema.add_text_field("word", indexing(IndexRecordOption::WithFreqsAndPositions));
    schema.add_text_field("sound", indexing(IndexRecordOption::Basic));
    schema.build()
}

fn fields(schema: &Schema) -> tantivy::Result<Fields> {
    Ok(Fields { rid: schema.get_field("rid")?, word: schema.get_field("word")?, sound: schema.get_field("sound")? })
}

/// A term of a parameter: eight digits of its number, then the word.
fn term(param: ParamId, word: &str) -> String {
    format!("{:08x}{word}", param.0)
}

fn file_error(path: &Path, cause: std::io::Error) -> Error {
    Error::File { path: path.display().to_string(), cause }
}
