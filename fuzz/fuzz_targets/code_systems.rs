//! A file of a code system, by its first line's word: it is read or refused, and what was read has places.
#![no_main]

use convert::terminology::{Choices, Files, read};
use libfuzzer_sys::fuzz_target;
use std::io::{BufRead, ErrorKind, Result};

/// Headers of SNOMED CT's files that come beside the concepts, without rows.
const BESIDE: [(&str, &str); 2] = [
    (
        "sct2_Description_Snapshot-en_INT.txt",
        "id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\r\n",
    ),
    (
        "sct2_Relationship_Snapshot_INT.txt",
        "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\r\n",
    ),
];

/// One file, and what belongs to it.
struct Few<'d>(&'d str, &'d [u8]);

impl Files for Few<'_> {
    fn names(&self) -> Vec<String> {
        let beside = BESIDE.iter().map(|it| it.0).filter(|_| self.0.starts_with("sct2"));
        beside.chain([self.0]).map(str::to_owned).collect()
    }

    fn open<'f>(&'f self, name: &str) -> Result<Box<dyn BufRead + 'f>> {
        if name == self.0 {
            return Ok(Box::new(self.1));
        }
        let beside = BESIDE.iter().find(|it| it.0 == name).ok_or(ErrorKind::NotFound)?;
        Ok(Box::new(beside.1.as_bytes()))
    }
}

fuzz_target!(|data: &[u8]| {
    let (kind, file) = match data.iter().position(|it| *it == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &data[..0]),
    };
    let name = match kind {
        b"rf2" => "sct2_Concept_Snapshot_INT.txt",
        b"loinc" => "Loinc.csv",
        b"rxnorm" => "RXNCONSO.RRF",
        b"icd10cm" => "icd10cm_order_2025.txt",
        b"tabular" => "icd10cm_tabular_2025.xml",
        _ => "icd.xml",
    };
    let Ok(draft) = read(&Few(name, file), &Choices::default()) else { return };
    let Ok(arranged) = draft.arranged() else { return };
    assert_eq!((0..arranged.len() as u32).filter(|it| arranged.row(*it).is_some()).count(), arranged.len());
    assert!(arranged.is_empty() || !arranged.posted().is_empty());
    assert!(arranged.relations().is_sorted());
});
