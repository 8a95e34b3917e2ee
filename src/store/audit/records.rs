//! Events on their way to a log, as the log will have them: kept elsewhere until it takes them.

use super::AuditEntry;
use super::coding::{Event, Events, encode};
use crate::rows::IndexHash;
use std::collections::HashSet;
use std::fmt;

/// The most bytes that a log takes at a time.
const BYTES: usize = 256 << 10;
/// So many bytes an event has beside its keys and what it says.
const ENTRY: usize = 80;
/// So far the places of what it takes at a time reach to either side of the first, in milliseconds (`look` counts on that).
const SPAN: i64 = 500;

/// Events of one tenant, with their places and hashes of their keys, one behind the other.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AuditRecords(Vec<u8>);

/// Tells the length alone: the rest is about patients.
impl fmt::Debug for AuditRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditRecords({} bytes)", self.0.len())
    }
}

impl AuditRecords {
    pub(crate) fn new(entries: &[AuditEntry], place: impl Fn(usize) -> i64, hash: &IndexHash) -> AuditRecords {
        let size = |it: &AuditEntry| ENTRY + it.body.len() + size_of::<i64>() * it.keys.len();
        let mut bytes = Vec::with_capacity(entries.iter().map(size).sum());
        for (i, entry) in entries.iter().enumerate() {
            encode(&mut bytes, entry, place(i), hash);
        }
        AuditRecords(bytes)
    }

    /// Adds what `open` makes of these bytes, in their place, and tells the length of; `None`, and nothing is added, if that is no
    /// events.
    pub(crate) fn add(&mut self, bytes: &[u8], open: impl FnOnce(&mut [u8]) -> Option<usize>) -> Option<()> {
        if self.0.is_empty() {
            // There will be more: what grows by doubling is moved again and again.
            self.0.reserve_exact(BYTES + BYTES / 4);
        }
        let start = self.0.len();
        self.0.extend_from_slice(bytes);
        let length = self.0.get_mut(start..).and_then(open).unwrap_or_default();
        self.0.truncate(start + length);
        let events = self.0.get(start..).filter(|it| !it.is_empty() && Events(it).all(|it| it.is_some()));
        let is_added = events.is_some();
        if !is_added {
            self.0.truncate(start);
        }
        is_added.then_some(())
    }

    /// As bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The times of the earliest and the latest, in milliseconds since the epoch.
    pub fn times(&self) -> Option<(i64, i64)> {
        let times = || self.events().map(|it| it.at);
        Some((times().min()?, times().max()?))
    }

    /// The same without those of these ids.
    pub fn without(&self, ids: &HashSet<String>) -> AuditRecords {
        let kept = self.events().filter(|it| !ids.contains(it.id));
        AuditRecords(kept.flat_map(|it| it.bytes).copied().collect())
    }

    /// In parts that a log takes at a time, in order; `time_of` tells the milliseconds of a place.
    pub(crate) fn parts(self, time_of: impl Fn(i64) -> i64) -> Vec<AuditRecords> {
        let Some(first) = self.events().next().map(|it| time_of(it.place)) else { return Vec::new() };
        let is_within = |first: i64, event: &Event<'_>| (first - SPAN..first + SPAN).contains(&time_of(event.place));
        if self.has_room() && self.events().all(|it| is_within(first, &it)) {
            return vec![self];
        }
        let mut parts: Vec<(i64, AuditRecords)> = Vec::new();
        for event in self.events() {
            match parts.last_mut() {
                Some((first, part)) if part.has_room() && is_within(*first, &event) => {
                    part.0.extend_from_slice(event.bytes);
                }
                _ => parts.push((time_of(event.place), AuditRecords(event.bytes.to_vec()))),
            }
        }
        parts.into_iter().map(|(_, it)| it).collect()
    }

    /// Whether a log would take more at a time than these.
    pub(crate) fn has_room(&self) -> bool {
        self.0.len() < BYTES
    }

    /// The first one's id.
    pub(crate) fn first_id(&self) -> Option<&str> {
        self.events().next().map(|it| it.id)
    }

    /// The least of their places.
    pub(crate) fn least(&self) -> Option<i64> {
        self.events().map(|it| it.place).min()
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        Events(&self.0).flatten()
    }
}
