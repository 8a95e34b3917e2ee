//! Files of records: plain or compressed FHIR JSON.

use crate::samples::parsed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

/// The text of a file, unpacked when its name ends in `.bz2`.
pub fn unpacked(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if file.extension().is_none_or(|ending| ending != "bz2") {
        return String::from_utf8(bytes).expect("UTF-8");
    }
    let mut text = String::new();
    bzip2::read::BzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("a bzip2 file of UTF-8");
    text
}

/// The bytes in gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// The bytes that this gzip holds.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

/// The bytes in bzip2.
pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes it")
}

/// A Bundle's resources by type, counted.
pub fn counts(bundle: &Value) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for entry in bundle["entry"].as_array().into_iter().flatten() {
        let kind = entry["resource"]["resourceType"].as_str().unwrap_or_default();
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

/// The Bundle in a file.
pub fn bundle(file: &Path) -> Value {
    parsed(&unpacked(file))
}
