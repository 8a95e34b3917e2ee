use super::*;
use crate::json::Doc;
use crate::search::{Indexer, NO_CODES, Query};
use crate::spec::r4;

const MEASURED: &str = r#"{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/1"},
    "code":{"coding":[{"system":"http://loinc.org","code":"8480-6"},{"code":"own"}]},"effectiveDateTime":"2026-05",
    "valueQuantity":{"value":5.4,"system":"http://unitsofmeasure.org","code":"mg","unit":"milligram"}}"#;

fn passes(name: &str, value: &str) -> Option<bool> {
    let of = r4().resource("Observation").unwrap();
    let query = Query { spec: r4(), of, base: "", now: 0, codes: &NO_CODES };
    let filter = [query.clause(name, value).unwrap()];
    let doc = Doc::parse(MEASURED).unwrap();
    let mut alone = Alone::new("here", &filter);
    Indexer::new(r4()).index(of, doc.root(), "", &mut alone);
    let told = alone.passes(&filter);
    assert_eq!(told.is_some(), is_told_alone(&filter), "{name}={value}");
    told
}

#[test]
fn a_resource_tells_what_it_passes() {
    for (name, value, told) in [
        ("_id", "here", Some(true)),
        ("_id", "there", Some(false)),
        ("code", "own", Some(true)),
        ("code", "|own", Some(true)),
        ("code", "|8480-6", Some(false)),
        ("code", "http://loinc.org|", Some(true)),
        ("code:not", "own", Some(false)),
        ("code:missing", "true", Some(false)),
        ("encounter:missing", "true", Some(true)),
        ("patient", "Patient/1", Some(true)),
        ("subject", "Group/1", Some(false)),
        ("date", "ge2026-05-01", Some(true)),
        ("date", "lt2026", Some(false)),
        ("value-quantity", "0.0054|http://unitsofmeasure.org|g", Some(true)),
        ("value-quantity", "5.4||milligram", Some(true)),
        ("value-quantity", "gt6", Some(false)),
        ("code-value-quantity", "http://loinc.org|8480-6$5.4", Some(true)),
        ("code-value-quantity", "8480-6$lt5", Some(false)),
        ("code-value-quantity", "other$5.4", Some(false)),
        ("subject:Patient.name", "x", None),
        ("_has:DiagnosticReport:result:code", "x", None),
    ] {
        assert_eq!(passes(name, value), told, "{name}={value}");
    }
}
