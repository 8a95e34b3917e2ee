//! A FHIRPath expression, read, checked, and evaluated on two resources.
#![no_main]

use fhir::json::Doc;
use fhir::path::{Context, Expression};
use fhir::spec::r4;
use fuzz::{OBSERVATION, PATIENT};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static DOCS: LazyLock<[Doc; 2]> =
    LazyLock::new(|| [PATIENT, OBSERVATION].map(|it| Doc::parse(it).expect("the samples are JSON")));

fuzz_target!(|text: &str| {
    let Ok(expression) = Expression::parse(text) else { return };
    for doc in DOCS.iter() {
        let of = doc.root().str("resourceType").and_then(|it| r4().resource(it)).expect("a resource");
        let _ = expression.check(&[of]);
        let context = Context::resource(doc.root()).expect("a resource").with_budget(20_000).at(1_795_000_000_000);
        let _ = expression.evaluate(&context);
        let _ = expression.truth(&context);
    }
});
