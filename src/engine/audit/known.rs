//! Whose records are, as far as that is known: looked up by the thousand and learnt by a few megabytes, so that no request holds
//! more of them than it may, whatever somebody stored.

use super::held::{BINARY, each_whose};
use super::pointed::{Record, Whose};
use crate::unique::Draft;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::hash_map::Entry;
use store::{Key, Lived, Method, Session};

/// How many records are looked up at once, and how many bytes of them are read at once, but of one at the least.
const BATCH: usize = 1000;
const PORTION: u64 = 4 << 20;

/// What may still be looked up and kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) records: usize,
    /// Of bodies, as they are kept.
    pub(super) bytes: u64,
    /// Patients of records.
    pub(super) patients: usize,
}

impl Budget {
    /// What there is for what a request reads, and for each commit. The largest body that is taken in unless settings say otherwise
    /// (`max-body`) is within it, also where it becomes a Binary.
    pub(super) const WHOLE: Budget = Budget { records: 5000, bytes: 80 << 20, patients: 10_000 };
}

/// What is known of a version of a record.
#[derive(Debug, Default)]
struct Found {
    patients: FxHashSet<String>,
    /// What tells whose it is, as a Binary does not itself.
    context: Option<Record>,
}

/// Whose records are.
pub(super) struct Known {
    left: Budget,
    /// What each of them comes to: several may be the same version.
    records: FxHashMap<Record, usize>,
    found: Vec<Found>,
    /// Those versions that were read, by row and number.
    read: FxHashMap<(i64, i64), usize>,
}

impl Known {
    /// Nothing yet, and what may come to be known.
    pub(super) fn within(left: Budget) -> Known {
        Known { left, records: FxHashMap::default(), found: Vec::new(), read: FxHashMap::default() }
    }

    /// What tells whose a record is, if that is known: numbers for [`Known::patients`].
    pub(super) fn tellers(&self, record: &Record) -> Option<impl Iterator<Item = usize>> {
        let own = *self.records.get(record)?;
        let context = match &self.found.get(own)?.context {
            Some(context) => Some(*self.records.get(context)?),
            None => None,
        };
        Some([own].into_iter().chain(context))
    }

    /// The patients that something tells of.
    pub(super) fn patients(&self, teller: usize) -> Option<&FxHashSet<String>> {
        self.found.get(teller).map(|it| &it.patients)
    }

    /// Takes a version in, and tells its number; `None` where it is of too many.
    fn learn(&mut self, key: &Key, body: &[u8], base: &str) -> Option<usize> {
        let mut found = Found::default();
        each_whose(&key.of, &key.id, body, base, &mut |it| match it {
            Whose::Patient(id) => {
                if found.patients.len() <= self.left.patients && !found.patients.contains(id) {
                    found.patients.insert(id.to_owned());
                }
            }
            // One step: what a record points at is not followed, but for a Binary, which is nothing by itself.
            Whose::Record(it) => found.context = Some(it).filter(|_| key.of == BINARY),
        });
        self.left.patients = self.left.patients.checked_sub(found.patients.len())?;
        self.found.push(found);
        Some(self.found.len() - 1)
    }

    /// Takes in what is about to be written.
    pub(super) fn learn_written(&mut self, records: &[Record], drafts: &[Draft], base: &str) {
        let drafts: FxHashMap<&Key, &Draft> = drafts.iter().map(|it| (&it.put.key, it)).collect();
        // Each draft has a version that is new and one that was there.
        let mut learnt: FxHashMap<(&Key, bool), Option<usize>> = FxHashMap::default();
        for record in records {
            let Some(draft) = drafts.get(&record.key) else { continue };
            let Some((is_new, body)) = body(draft, record.version) else { continue };
            let number = match learnt.entry((&draft.put.key, is_new)) {
                Entry::Occupied(it) => *it.get(),
                Entry::Vacant(it) => *it.insert(self.learn(&record.key, body, base)),
            };
            self.records.extend(number.map(|it| (record.clone(), it)));
        }
    }

    /// Of these what is not known, each once.
    pub(super) fn missing<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Vec<Record> {
        let mut met = FxHashSet::default();
        records.filter(|it| !self.records.contains_key(*it) && met.insert(*it)).cloned().collect()
    }

    /// By what it is told whose Binaries are, as far as that is not known.
    pub(super) fn contexts(&self) -> Vec<Record> {
        self.missing(self.found.iter().filter_map(|it| it.context.as_ref()))
    }

    /// Looks records up, as many as may be.
    pub(super) async fn look_up(&mut self, session: &dyn Session, base: &str, records: &[Record]) -> store::Result<()> {
        let records = records.get(..records.len().min(self.left.records)).unwrap_or_default();
        self.left.records -= records.len();
        for batch in records.chunks(BATCH) {
            let wanted: Vec<(Key, Option<i64>)> = batch.iter().map(|it| (it.key.clone(), it.version)).collect();
            let mut lived = session.lived(&wanted).await?;
            let led = self.led(batch, &lived);
            // The smallest first: what is large keeps no others from being told.
            lived.retain(|it| led.contains_key(&(it.row, it.version)));
            lived.sort_unstable_by_key(|it| it.length);
            self.read(session, base, lived).await?;
            for (version, records) in led {
                if let Some(number) = self.read.get(&version) {
                    self.records.extend(records.into_iter().map(|it| (it.clone(), *number)));
                }
            }
        }
        Ok(())
    }

    /// Which of these versions each record comes to; what comes to none is nobody's.
    fn led<'r>(&mut self, batch: &'r [Record], lived: &[Lived]) -> FxHashMap<(i64, i64), Vec<&'r Record>> {
        let mut versions: FxHashMap<&Key, Vec<&Lived>> = FxHashMap::default();
        lived.iter().for_each(|it| versions.entry(&it.key).or_default().push(it));
        versions.values_mut().for_each(|it| it.sort_unstable_by_key(|it| it.version));
        let mut led: FxHashMap<(i64, i64), Vec<&Record>> = FxHashMap::default();
        let nobody = self.found.len();
        self.found.push(Found::default());
        for record in batch {
            let last = versions.get(&record.key).and_then(|it| {
                let count = it.partition_point(|it| record.version.is_none_or(|most| it.version <= most));
                it.get(count.checked_sub(1)?).copied()
            });
            match last {
                Some(it) => led.entry((it.row, it.version)).or_default().push(record),
                None => _ = self.records.insert(record.clone(), nobody),
            }
        }
        led
    }

    /// Reads versions, as many as may be, each once.
    async fn read(&mut self, session: &dyn Session, base: &str, lived: Vec<Lived>) -> store::Result<()> {
        let mut wanted: Vec<Lived> =
            lived.into_iter().filter(|it| !self.read.contains_key(&(it.row, it.version))).collect();
        let fitting = wanted.iter().take_while(|it| match self.left.bytes.checked_sub(it.length) {
            Some(rest) => {
                self.left.bytes = rest;
                true
            }
            None => false,
        });
        let count = fitting.count();
        wanted.truncate(count);
        let mut rest = wanted.as_slice();
        while !rest.is_empty() {
            let (looked, found) = session.lived_bodies(rest, PORTION).await?;
            let rows: FxHashMap<(&Key, i64), i64> =
                rest.iter().take(looked).map(|it| ((&it.key, it.version), it.row)).collect();
            for stored in found {
                let Some(row) = rows.get(&(&stored.key, stored.version)) else { continue };
                if let Some(number) = self.learn(&stored.key, &stored.body, base) {
                    self.read.insert((*row, stored.version), number);
                }
            }
            rest = rest.get(looked..).unwrap_or_default();
        }
        Ok(())
    }
}

/// What a draft tells of a version, and whether that is the new one; nothing of one before the last.
fn body(draft: &Draft, version: Option<i64>) -> Option<(bool, &[u8])> {
    let (new, former) = (&draft.put, draft.former.as_deref());
    match version {
        Some(version) if version < new.version - 1 => None,
        Some(version) if version < new.version => former.map(|it| (false, it)),
        _ if new.method == Method::Delete => former.map(|it| (false, it)),
        _ => Some((true, &new.body)),
    }
}
