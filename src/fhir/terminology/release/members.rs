//! What the members of reference sets say besides the concepts they are about: rows of fields, as SNOMED CT's files have them.
//! A set's rows are cut into parts, each with the texts that its rows have, once.

use super::Places;
use super::places::{put, take};
use rustc_hash::FxHashMap;

/// The property under which reference sets are posted whose rows are kept, each with its fields; its rows are under the same
/// with the set's code behind it. No property of a code system is called so.
pub const MEMBERS: &str = "=^";
/// How many rows, one after another, are in one part.
const PART: usize = 1024;
/// Cells from here on are numbers of texts, and no concepts.
pub(super) const TEXT: u32 = 1 << 31;

/// The fields of a reference set's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberTable {
    /// Their names, as the publisher's file has them.
    pub fields: Vec<String>,
    /// The place of the first concept of each part of the rows.
    pub starts: Vec<u32>,
}

/// Part of a reference set's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRows {
    texts: Vec<String>,
    width: usize,
    /// Of each row the place of its concept, then its cells.
    rows: Vec<u32>,
}

/// A row of a reference set.
#[derive(Clone, Copy, Debug)]
pub struct MemberRow<'r> {
    /// The place of the concept that it is about.
    pub concept: u32,
    texts: &'r [String],
    cells: &'r [u32],
}

/// What a row has in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberCell<'r> {
    /// The place of a concept.
    Concept(u32),
    /// Anything else, as the publisher's file has it.
    Text(&'r str),
}

impl MemberTable {
    /// As it is kept.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.starts.len() as u32);
        self.starts.iter().for_each(|it| put(&mut bytes, *it));
        put_texts(&mut bytes, self.fields.iter().map(String::as_str));
        bytes
    }

    /// What [`MemberTable::write`] wrote; `None` of other bytes.
    pub fn read(mut bytes: &[u8]) -> Option<MemberTable> {
        let count = take(&mut bytes)?;
        let mut starts = Vec::new();
        for _ in 0..count {
            starts.push(take(&mut bytes)?);
        }
        Some(MemberTable { fields: take_texts(&mut bytes)?, starts })
    }

    /// The parts that may have rows of these concepts.
    pub fn parts_of(&self, concepts: &Places) -> Vec<u32> {
        // What a part ends with, the next one may begin with.
        let ends = self.starts.iter().skip(1).map(|it| it.saturating_add(1)).chain([u32::MAX]);
        let all = (0..).zip(self.starts.iter().zip(ends));
        all.filter(|(_, (start, end))| concepts.meets(&(**start..*end))).map(|it| it.0).collect()
    }

    /// Under which property the rows of a set are posted.
    pub fn property(set: &str) -> String {
        format!("{MEMBERS}{set}")
    }

    /// Under which term a part is posted. Numbers of one length are in order as texts, too.
    pub fn term(part: u32) -> String {
        format!("{part:08x}")
    }

    /// Which field has this name, in any case.
    pub fn position(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|it| it.eq_ignore_ascii_case(field))
    }
}

impl MemberRows {
    /// The parts of rows, as they are kept, and with which place each begins: rows of the place of a concept and so many cells, in the
    /// order of places. `text` has the texts that cells have the numbers of.
    pub(super) fn parts<'t>(rows: &[u32], width: usize, text: impl Fn(u32) -> &'t str) -> (Vec<u32>, Vec<Vec<u8>>) {
        let parts = rows.chunks((width + 1) * PART);
        parts.map(|part| (part.first().copied().unwrap_or_default(), written(part, width, &text))).unzip()
    }

    /// Reads a part; `None` of other bytes.
    pub fn read(mut bytes: &[u8]) -> Option<MemberRows> {
        let bytes = &mut bytes;
        let texts = take_texts(bytes)?;
        let (width, count) = (take(bytes)? as usize, take(bytes)?);
        let (mut rows, mut before) = (Vec::new(), 0_u32);
        for _ in 0..count {
            before = before.checked_add(take(bytes)?)?;
            rows.push(before);
            for _ in 0..width {
                let cell = take(bytes)?;
                let is_known = cell & 1 == 0 || texts.len() > (cell >> 1) as usize;
                rows.push(is_known.then_some(cell)?);
            }
        }
        Some(MemberRows { texts, width, rows })
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = MemberRow<'_>> {
        self.rows.chunks_exact(self.width + 1).filter_map(|row| {
            let (concept, cells) = row.split_first()?;
            Some(MemberRow { concept: *concept, texts: &self.texts, cells })
        })
    }
}

impl<'r> MemberRow<'r> {
    /// What it has in a field.
    pub fn cell(&self, field: usize) -> Option<MemberCell<'r>> {
        let cell = *self.cells.get(field)?;
        match cell & 1 {
            0 => Some(MemberCell::Concept(cell >> 1)),
            _ => self.texts.get((cell >> 1) as usize).map(|it| MemberCell::Text(it)),
        }
    }
}

fn written<'t>(rows: &[u32], width: usize, text: &impl Fn(u32) -> &'t str) -> Vec<u8> {
    let (mut texts, mut numbers) = (Vec::new(), FxHashMap::default());
    for cell in rows.chunks_exact(width + 1).flat_map(|it| &it[1..]).filter(|it| **it >= TEXT) {
        numbers.entry(*cell).or_insert_with(|| {
            texts.push(text(cell - TEXT));
            texts.len() as u32 - 1
        });
    }
    let mut bytes = Vec::new();
    put_texts(&mut bytes, texts.into_iter());
    put(&mut bytes, width as u32);
    put(&mut bytes, (rows.len() / (width + 1)) as u32);
    let mut before = 0;
    for row in rows.chunks_exact(width + 1) {
        put(&mut bytes, row[0] - before);
        before = row[0];
        for cell in &row[1..] {
            put(&mut bytes, numbers.get(cell).map_or(cell << 1, |number| number << 1 | 1));
        }
    }
    bytes
}

fn put_texts<'t>(bytes: &mut Vec<u8>, texts: impl ExactSizeIterator<Item = &'t str>) {
    put(bytes, texts.len() as u32);
    for text in texts {
        put(bytes, text.len() as u32);
        bytes.extend_from_slice(text.as_bytes());
    }
}

fn take_texts(bytes: &mut &[u8]) -> Option<Vec<String>> {
    let count = take(bytes)?;
    let mut texts = Vec::new();
    for _ in 0..count {
        let length = take(bytes)? as usize;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        texts.push(std::str::from_utf8(text).ok()?.to_owned());
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXTS: [&str; 3] = ["", "J45.9", "é"];

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(
            mut rows in proptest::collection::vec((0_u32..5000, 0_u32..9, 0_u32..3), 0..2500)
        ) {
            rows.sort_unstable();
            let flat: Vec<u32> = rows.iter().flat_map(|it| [it.0, it.1, TEXT + it.2]).collect();
            let (starts, parts) = MemberRows::parts(&flat, 2, |it| TEXTS[it as usize]);
            let read: Vec<MemberRows> = parts.iter().map(|it| MemberRows::read(it).unwrap()).collect();
            let table = MemberTable { fields: Vec::new(), starts };
            for place in rows.iter().map(|it| it.0).chain([0, 5000]) {
                let has = |it: &MemberRows| it.rows().any(|row| row.concept == place);
                let found = table.parts_of(&Places::one(place));
                prop_assert!((0..).zip(&read).all(|(at, part)| !has(part) || found.contains(&at)));
            }
            let all: Vec<_> = read.iter().flat_map(MemberRows::rows).collect();
            prop_assert_eq!(all.len(), rows.len());
            for (row, (concept, other, text)) in all.into_iter().zip(rows) {
                prop_assert_eq!((row.concept, row.cell(0)), (concept, Some(MemberCell::Concept(other))));
                prop_assert_eq!(row.cell(1), Some(MemberCell::Text(TEXTS[text as usize])));
                prop_assert_eq!(row.cell(2), None);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some(part) = MemberRows::read(&bytes) {
                let width = part.width;
                prop_assert!(part.rows().all(|row| (0..width).all(|it| row.cell(it).is_some())));
            }
            let _ = MemberTable::read(&bytes);
        }
    }

    #[test]
    fn fields_are_known_by_name() {
        let table = MemberTable { fields: vec!["active".into(), "mapTarget".into()], starts: vec![0, 7, 7, 300] };
        assert_eq!(MemberTable::read(&table.write()), Some(table.clone()));
        assert_eq!((table.position("maptarget"), table.position("map")), (Some(1), None));
        let parts = |from: u32, to: u32| table.parts_of(&Places::all(from..to));
        assert_eq!((parts(0, 7), parts(7, 8), parts(301, 302), parts(5, 5)), (vec![0], vec![0, 1, 2], vec![3], vec![]));
    }
}
