//! Reading queries.

use super::ast::{Document, Input, Selection};

fn problem(query: &str) -> String {
    Document::parse(query).expect_err(query).to_string()
}

#[test]
fn a_query_is_read() {
    let text = "query One($id: ID! = \"7\", $all: [String]) { # a comment\n p: Patient(id: $id, _count: 2, use: official)\n\
                @include(if: true) { ...names ... on Patient { id } } } fragment names on Patient { name { family } }";
    let document = Document::parse(text).unwrap();
    let query = document.operation(Some("One")).unwrap();
    let [Selection::Field(field)] = query.selections.as_slice() else { panic!("one field") };
    assert_eq!((field.alias.as_deref(), field.name.as_str()), (Some("p"), "Patient"));
    assert_eq!(field.arguments[0].1, Input::Variable("id".into()));
    assert_eq!(field.arguments[2].1, Input::Text("official".into()));
    assert_eq!((field.directives.len(), field.selections.len()), (1, 2));
    let variables = query.variables(Some(r#"{"all": ["a", 1, true, null]}"#)).unwrap();
    assert_eq!(
        (&variables["id"], &variables["all"]),
        (&vec!["7".to_owned()], &vec!["a".into(), "1".into(), "true".into()])
    );
    assert_eq!(document.fragments["names"].on, "Patient");
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    for (query, told) in [
        ("{ Patient(id: 1) { id }", "its end at character 24"),
        ("{ a(x: {y: 1}) }", "{y: 1}) } at character 8"),
        ("{ }", "at character"),
        ("nonsense", "nonsense at character 1"),
        ("mutation { PatientCreate }", "no GraphQL mutation"),
        ("subscription { x }", "no GraphQL subscription"),
        ("{ a(x: \"open) }", "at character 8"),
        ("{ a(x: 1, x: 2) }", "at character"),
        ("{ a(x: 1.2.3) }", "at character 8"),
    ] {
        assert!(problem(query).contains(told), "{query}: {}", problem(query));
    }
}

#[test]
fn queries_are_bounded() {
    let deep = format!("{}a{}", "{ a ".repeat(50), "}".repeat(50));
    assert!(problem(&deep).contains("deep at the most"));
    assert!(problem(&" ".repeat(70_000)).contains("bytes long"));
    let lists = format!("{{ a(x: {}) }}", "[".repeat(5000));
    assert!(problem(&lists).contains("deep at the most"));
}

#[test]
fn variables_that_must_have_a_value_have_one() {
    let document = Document::parse("query($id: ID!) { Patient(id: $id) { id } }").unwrap();
    let query = document.operation(None).unwrap();
    assert!(query.variables(None).is_err() && query.variables(Some(r#"{"id":null}"#)).is_err());
    assert!(query.variables(Some(r#"{"id":{"a":1}}"#)).is_err() && query.variables(Some("[]")).is_err());
    assert!(query.variables(Some(r#"{"id":"1"}"#)).is_ok());
}
