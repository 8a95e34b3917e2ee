//! Whose those resources are that point at others: what they point at is looked up for all events of a request at once, before these
//! go into the log. What is written in the same commit is known without.

use super::event::Event;
use super::held::{BINARY, each_whose};
use super::pointed::{Record, Whose};
use super::trail::{Left, Pointing};
use crate::unique::Draft;
use crate::{Context, Engine};
use fhir::Result;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use store::{Key, Method, Session, Stored};

/// The most records that are looked up for a request, and how many at once.
const MOST: usize = 5000;
const BATCH: usize = 1000;

/// A resource that was touched and points at records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) key: Key,
    pub(super) version: i64,
    /// Whose it is of itself, by numbers of the event's patients.
    pub(super) owners: Vec<u32>,
    pub(super) records: Vec<Record>,
}

/// What is known of a record.
#[derive(Clone, Debug, Default)]
struct Found {
    patients: Vec<String>,
    /// What tells whose it is, as a Binary does not itself.
    context: Option<Record>,
}

/// Whose records are.
#[derive(Default)]
pub(super) struct Known(FxHashMap<Record, Found>);

impl Known {
    /// The patients whose a record is, if that is known.
    pub(super) fn patients(&self, record: &Record) -> Option<impl Iterator<Item = &String>> {
        let found = self.0.get(record)?;
        let of_context = match &found.context {
            Some(context) => self.0.get(context)?.patients.iter(),
            None => [].iter(),
        };
        Some(found.patients.iter().chain(of_context))
    }

    fn learn(&mut self, record: Record, body: &[u8], base: &str) {
        let mut found = Found::default();
        each_whose(&record.key.of, &record.key.id, body, base, &mut |it| match it {
            Whose::Patient(id) => found.patients.push(id.to_owned()),
            // One step: what a record points at is not followed, but for a Binary, which is nothing by itself.
            Whose::Record(it) => found.context = Some(it).filter(|_| record.key.of == BINARY),
        });
        self.0.insert(record, found);
    }

    /// Takes in what is about to be written.
    fn learn_written(&mut self, records: &[Record], drafts: &[Draft], base: &str) {
        let drafts: FxHashMap<&Key, &Draft> = drafts.iter().map(|it| (&it.put.key, it)).collect();
        for record in records {
            if let Some(body) = drafts.get(&record.key).and_then(|it| body(it, record.version)) {
                self.learn(record.clone(), body, base);
            }
        }
    }

    /// Of these what is not known, each once.
    fn missing<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Vec<Record> {
        let mut met = FxHashSet::default();
        records.filter(|it| !self.0.contains_key(*it) && met.insert(*it)).cloned().collect()
    }

    fn contexts(&self) -> Vec<Record> {
        self.missing(self.0.values().filter_map(|it| it.context.as_ref()))
    }

    /// Looks records up, as many as may be.
    async fn look_up(&mut self, session: &dyn Session, base: &str, records: &[Record], left: &mut usize) -> Result<()> {
        let records = records.get(..records.len().min(*left)).unwrap_or_default();
        *left -= records.len();
        for batch in records.chunks(BATCH) {
            let wanted: Vec<(Key, Option<i64>)> = batch.iter().map(|it| (it.key.clone(), it.version)).collect();
            let (found, damaged) = session.read_living(&wanted).await?;
            let mut versions: FxHashMap<&Key, Vec<&Stored>> = FxHashMap::default();
            found.iter().for_each(|it| versions.entry(&it.key).or_default().push(it));
            for record in batch {
                let of = versions.get(&record.key).into_iter().flatten();
                let is_asked = |it: &&&Stored| record.version.is_none_or(|most| it.version <= most);
                match of.filter(is_asked).max_by_key(|it| it.version) {
                    Some(stored) => self.learn(record.clone(), &stored.body, base),
                    // It is nobody's, unless it is a damaged one.
                    None if damaged == 0 => _ = self.0.insert(record.clone(), Found::default()),
                    None => {}
                }
            }
        }
        Ok(())
    }
}

/// What a draft tells of a version; nothing of one before the last.
fn body(draft: &Draft, version: Option<i64>) -> Option<&[u8]> {
    let (new, former) = (&draft.put, draft.former.as_deref());
    match version {
        Some(version) if version < new.version - 1 => None,
        Some(version) if version < new.version => former,
        _ if new.method == Method::Delete => former,
        _ => Some(&new.body),
    }
}

impl Engine {
    /// Tells events whose the resources are that point at records. Where that fails they say how many were not looked at.
    async fn tell_whose(session: &dyn Session, base: &str, events: &mut [&mut Event], written: &[Draft]) -> Result<()> {
        let mut known = Known::default();
        let records = known.missing(events.iter().flat_map(|it| it.pointing.iter().flat_map(|it| &it.records)));
        known.learn_written(&records, written, base);
        let mut left = MOST;
        let looked = async {
            let missing = known.missing(records.iter());
            known.look_up(session, base, &missing, &mut left).await?;
            let contexts = known.contexts();
            known.learn_written(&contexts, written, base);
            let missing = known.missing(contexts.iter());
            known.look_up(session, base, &missing, &mut left).await
        }
        .await;
        events.iter_mut().for_each(|it| it.settle(&known));
        looked
    }

    /// The same of events that are to be written with what they tell of.
    pub(super) async fn tell_whose_written(&self, ctx: &Context, events: &mut [Event], drafts: &[Draft]) -> Result<()> {
        let mut pointing: Vec<&mut Event> = events.iter_mut().filter(|it| !it.pointing.is_empty()).collect();
        match pointing.is_empty() {
            true => Ok(()),
            false => Box::pin(Self::tell_whose(ctx.session(), ctx.base(), &mut pointing, drafts)).await,
        }
    }

    /// The same of what a request left; nothing is looked up where it failed so that its answer tells nothing.
    pub(super) async fn tell_whose_left(&self, left: &mut [Left], is_told: bool) -> Result<()> {
        let mut pointing: Vec<&mut Pointing> =
            left.iter_mut().filter_map(|it| if let Left::Pointing(it) = it { Some(&mut **it) } else { None }).collect();
        let Some(first) = pointing.first() else { return Ok(()) };
        let (session, base) = (first.ctx.session.clone(), Arc::clone(&first.ctx.base));
        let mut events: Vec<&mut Event> = pointing.iter_mut().map(|it| &mut it.event).collect();
        let looked = match is_told {
            true => Self::tell_whose(&*session, &base, &mut events, &[]).await,
            false => {
                events.iter_mut().for_each(|it| it.settle(&Known::default()));
                Ok(())
            }
        };
        for Pointing { event, ctx } in pointing {
            event.tell_emergency(ctx);
        }
        looked
    }
}
