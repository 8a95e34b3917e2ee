//! A resource in XML, or a document of JSON to be written as XML. What is read is JSON within its limits, and a valid
//! resource comes back as it was.
#![no_main]

use fhir::Severity;
use fhir::json::{Doc, Limits, Value};
use fhir::validate::{self, References};
use fhir::xml::{Layout, read, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let doc = if text.starts_with('{') {
        Doc::parse(text)
    } else {
        let Ok(json) = read(text, &Limits::default()) else { return };
        Ok(Doc::parse(json).expect("what was read is JSON within the limits"))
    };
    let Ok(doc) = doc else { return };
    let written = write(doc.root(), Layout::Compact);
    if !is_valid(doc.root()) {
        return;
    }
    let Ok(xml) = written else {
        // A character that JSON has and XML has not.
        assert!(doc.source().contains(['\u{fffe}', '\u{ffff}', '\\']), "a valid resource is not written");
        return;
    };
    let again = read(&xml, &Limits::default()).expect("what was written is read");
    let again = Doc::parse(again).expect("what was read is JSON");
    assert!(doc.root().same(again.root()), "another resource came back");
});

fn is_valid(resource: Value<'_>) -> bool {
    !validate::r4().resource(resource, References::Literal).iter().any(|it| it.severity <= Severity::Error)
}
