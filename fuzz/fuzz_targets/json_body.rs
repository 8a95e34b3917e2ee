//! A submitted body: parsed, validated, indexed. What we take, serde_json takes too and reads the same.
#![no_main]

use fhir::json::{Doc, write_compact};
use fhir::search::{IndexSink, Indexer, ParamId, Target, Unit};
use fhir::spec::r4;
use fhir::validate::{self, References};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static INDEXER: LazyLock<Indexer> = LazyLock::new(|| Indexer::new(r4()));

fuzz_target!(|text: &str| {
    let Ok(doc) = Doc::parse(text) else { return };
    let mut written = String::new();
    write_compact(&mut written, doc.root());
    // RFC 8259 section 8.1 lets a reader pass over a byte order mark, as we do and serde_json does not.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let theirs: serde_json::Value = serde_json::from_str(text).expect("serde_json takes it as well");
    let again: serde_json::Value = serde_json::from_str(&written).expect("what was written is JSON");
    assert_eq!(theirs, again);

    let _ = validate::r4().resource(doc.root(), References::OrConditional);
    if let Some(of) = doc.root().str("resourceType").and_then(|it| r4().resource(it)) {
        INDEXER.index(of, doc.root(), "http://localhost/fhir/fuzz", &mut Checked);
    }
});

/// Takes index entries; a range must have its ends in order.
struct Checked;

impl IndexSink for Checked {
    fn date(&mut self, _: ParamId, low: i64, high: i64) {
        assert!(low <= high, "a date range ends before it starts");
    }
    fn number(&mut self, _: ParamId, low: f64, high: f64) {
        assert!(low <= high, "a range of numbers ends before it starts");
    }
    fn quantity(&mut self, _: ParamId, _: Unit<'_>, low: f64, high: f64) {
        assert!(low <= high, "a range of quantities ends before it starts");
    }
    fn present(&mut self, _: ParamId) {}
    fn token(&mut self, _: ParamId, _: Option<&str>, _: &str) {}
    fn system(&mut self, _: ParamId, _: &str) {}
    fn string(&mut self, _: ParamId, _: &str) {}
    fn reference(&mut self, _: ParamId, _: &Target<'_>) {}
    fn uri(&mut self, _: ParamId, _: &str) {}
}
