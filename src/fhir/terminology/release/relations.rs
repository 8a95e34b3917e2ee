//! What concepts of a release are to one another besides their hierarchy: SNOMED CT's attributes (snomedct.html), by the
//! concepts that have them. The table is cut into parts, of which only those are read that a question is about.

use super::Places;
use super::places::{put, take};

/// The property under which the parts are posted; no property of a code system is called so.
pub const RELATIONS: &str = "=";
/// The property under which the numbers, texts and booleans are posted that attributes have, as the publisher's files write them,
/// each with its number; under nothing all of these. No property of a code system is called so.
pub const CONCRETES: &str = "=#";
/// Values of relations from here on are numbers of such values, and no places.
pub const CONCRETE: u32 = 1 << 31;
/// How many places, one after another, have their relations in one part.
const PART: u32 = 4096;

/// That one concept has another one as an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// The place of the concept that has it.
    pub source: u32,
    /// Attributes of one group belong together; each in group 0 stands by itself.
    pub group: u32,
    /// The place of the attribute.
    pub kind: u32,
    /// The place of its value, or from [`CONCRETE`] on the number of a value that is no concept.
    pub value: u32,
}

impl Relation {
    /// Parts of a table that is in order, each with the term that it is posted under.
    pub fn parts(table: &[Relation]) -> impl Iterator<Item = (String, Vec<u8>)> {
        table.chunk_by(|a, b| a.source / PART == b.source / PART).map(|part| {
            let mut bytes = Vec::new();
            put(&mut bytes, part.len() as u32);
            let mut before = 0;
            for it in part {
                [it.source - before, it.group, it.kind, it.value].into_iter().for_each(|it| put(&mut bytes, it));
                before = it.source;
            }
            (term(part.first().map_or(0, |it| it.source / PART)), bytes)
        })
    }

    /// Reads a part; `None` of other bytes.
    pub fn read(mut bytes: &[u8]) -> Option<Vec<Relation>> {
        let bytes = &mut bytes;
        let count = take(bytes)?;
        let mut before = 0_u32;
        let mut part = Vec::new();
        for _ in 0..count {
            let source = before.checked_add(take(bytes)?)?;
            part.push(Relation { source, group: take(bytes)?, kind: take(bytes)?, value: take(bytes)? });
            before = source;
        }
        Some(part)
    }

    /// The terms of the parts that have the relations of these places.
    pub fn terms(of: &Places) -> Vec<String> {
        let parts = of.ranges().iter().flat_map(|it| it.start / PART..=(it.end.saturating_sub(1)) / PART);
        let mut parts: Vec<u32> = parts.collect();
        parts.dedup();
        parts.into_iter().map(term).collect()
    }
}

/// Numbers of one length are in order as texts, too.
fn term(part: u32) -> String {
    format!("{part:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_are_read_as_they_were_written(of in proptest::collection::btree_set((0_u32..20_000, 0_u32..4, any::<u32>(), any::<u32>()), 0..50)) {
            let table: Vec<Relation> =
                of.into_iter().map(|(source, group, kind, value)| Relation { source, group, kind, value }).collect();
            let parts: Vec<(String, Vec<u8>)> = Relation::parts(&table).collect();
            prop_assert!(parts.is_sorted_by(|a, b| a.0 < b.0));
            let read: Vec<Relation> = parts.iter().flat_map(|it| Relation::read(&it.1).unwrap()).collect();
            prop_assert_eq!(&read, &table);
            let places = Places::of(table.iter().map(|it| it.source..it.source + 1).collect());
            prop_assert_eq!(Relation::terms(&places), parts.into_iter().map(|it| it.0).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(part) = Relation::read(&bytes) {
                prop_assert!(part.is_sorted_by_key(|it| it.source));
            }
        }
    }
}
