use super::*;

#[test]
fn targets_are_local_or_urls() {
    let base = "http://here/fhir/demo";
    for (text, expected) in [
        ("Patient/1", Target::Local { of: "Patient", id: "1" }),
        ("Patient/1/_history/3", Target::Local { of: "Patient", id: "1" }),
        ("http://here/fhir/demo/Patient/1", Target::Local { of: "Patient", id: "1" }),
        ("http://there/fhir/Patient/1", Target::Url("http://there/fhir/Patient/1")),
        ("http://here/fhir/demography/Patient/1", Target::Url("http://here/fhir/demography/Patient/1")),
        ("urn:uuid:0", Target::Url("urn:uuid:0")),
        ("#c", Target::Url("#c")),
        ("Patient", Target::Url("Patient")),
    ] {
        assert_eq!(Target::parse(text, base), expected, "{text}");
    }
}

#[test]
fn param_numbers_are_stable() {
    assert_eq!(ParamId::of("Patient", "name"), ParamId(1_417_936_408), "stored indexes are keyed by it");
}

#[test]
fn a_chain_through_all_types_is_refused_before_it_grows() {
    let of = crate::spec::r4().resource("Basic").unwrap();
    let query = Query { spec: crate::spec::r4(), of, base: "", now: 0, codes: &crate::search::NO_CODES };
    assert!(query.clause("subject:Patient.organization.name", "x").is_ok());
    let refused = query.clause("subject.subject.subject.subject.name", "x");
    assert!(matches!(refused, Err(QueryError::Invalid(told)) if told.contains("name the types")));
}
