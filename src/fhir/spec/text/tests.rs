use super::*;
use crate::spec::rows::{ParamRow, TypeRow};
use crate::spec::{Kind, ParamType};

const TYPES: &str = include_str!("../../../../profiles/r4/types.txt");
const PARAMS: &str = include_str!("../../../../profiles/r4/params.txt");
const COMPARTMENTS: &str = include_str!("../../../../profiles/r4/compartments.txt");
const OPERATIONS: &str = include_str!("../../../../profiles/r4/operations.txt");
const CODES: &str = include_str!("../../../../profiles/r4/codes.txt");

/// What follows the line that says where a table comes from.
fn body(table: &str) -> &str {
    table.split_once('\n').unwrap().1
}

#[test]
fn what_is_read_is_written_the_same() {
    assert!(write_types(&types(TYPES).unwrap()) == body(TYPES));
    assert!(write_params(&params(PARAMS).unwrap()) == body(PARAMS));
    assert!(write_compartments(&compartments(COMPARTMENTS).unwrap()) == body(COMPARTMENTS));
    assert!(write_operations(&operations(OPERATIONS).unwrap()) == body(OPERATIONS));
    assert!(write_codes(&codes(CODES).unwrap()) == body(CODES));
}

#[test]
fn rows_are_sorted_so_that_tables_can_be_compared() {
    assert!(types(TYPES).unwrap().is_sorted_by_key(|it| it.name));
    assert!(params(PARAMS).unwrap().is_sorted_by_key(|it| it.url));
    assert!(compartments(COMPARTMENTS).unwrap().is_sorted_by_key(|it| it.of));
    assert!(operations(OPERATIONS).unwrap().is_sorted_by_key(|it| it.url));
    assert!(codes(CODES).unwrap().is_sorted_by_key(|it| it.url));
}

#[test]
fn codes_are_sorted_so_that_they_can_be_looked_up() {
    let sets = codes(CODES).unwrap();

    assert!(sets.iter().flat_map(|it| &it.codes).all(|(_, codes)| codes.is_sorted()));
}

#[test]
fn free_text_may_hold_whatever_parts_lines_and_columns() {
    let row = ParamRow {
        code: "note",
        kind: ParamType::String,
        base: vec!["A", "B"],
        targets: Vec::new(),
        url: "http://example.org/note",
        expression: r"A.note.matches('\\d\t')".into(),
        description: "One\r\nline,\ta tab, a \\ and ü".into(),
        components: Vec::new(),
    };

    let text = write_params(std::slice::from_ref(&row));

    assert_eq!(text.lines().count(), 1);
    assert_eq!(params(&text), Ok(vec![row]));
}

#[test]
fn comments_and_empty_lines_are_no_rows() {
    let row = TypeRow {
        name: "A",
        kind: Kind::Resource,
        base: None,
        is_abstract: false,
        elements: Vec::new(),
        constraints: Vec::new(),
    };

    assert_eq!(types("# about\n\nT\tA\tresource\n"), Ok(vec![row]));
}

#[test]
fn a_malformed_line_is_named_by_its_number() {
    let number = |text| types(text).unwrap_err().line;

    assert_eq!(number("E\tname\t0..1"), 1, "an element of no type");
    assert_eq!(number("T\tA\tunknown"), 1, "no such kind");
    assert_eq!(number("T\tA\tresource\nE\tname\tmany"), 2, "no cardinality");
    assert_eq!(number("T\tA\tresource\nE\tname\t0..x"), 2, "no number");
    assert_eq!(number("T\tA\tresource\nC\tk\terror\t\\x"), 2, "no such escape");
    assert_eq!(params("C\tx\ty").unwrap_err().line, 1, "a component of no parameter");
    assert_eq!(codes("S\tx\ty").unwrap_err().line, 1, "a system of no value set");
    assert_eq!(compartments("M\tx\ty").unwrap_err().line, 1, "a member of no compartment");
    assert_eq!(operations("X").unwrap_err().line, 1, "no operation");
}
