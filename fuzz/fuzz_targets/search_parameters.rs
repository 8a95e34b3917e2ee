//! A query string, read for every resource type in turn.
#![no_main]

use fhir::primitive::datetime;
use fhir::search::number::Precise;
use fhir::search::query::{join_dates, split};
use fhir::search::{Codes, Query};
use fhir::spec::{TypeId, r4};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TYPES: LazyLock<Vec<TypeId>> = LazyLock::new(|| r4().resources().collect());

fuzz_target!(|input: (u8, &str)| {
    let (number, text) = input;
    let of = TYPES[usize::from(number) % TYPES.len()];
    let (base, codes) = ("http://localhost/fhir/fuzz", &Codes::none());
    let query = Query { spec: r4(), of, base, now: 1_795_000_000_000_000, codes };
    let mut filter = Vec::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        filter.extend(query.clause(&name, &value));
        check_value(&value);
    }
    let parts = filter.len();
    assert!(join_dates(r4(), of, filter).len() <= parts);
});

fn check_value(value: &str) {
    assert_eq!(split(value, ',').join(","), value);
    if let Some(range) = datetime::range(value) {
        assert!(range.low <= range.high);
    }
    if let Some(number) = Precise::parse(value) {
        assert!(number.low <= number.value && number.value <= number.high);
    }
}
