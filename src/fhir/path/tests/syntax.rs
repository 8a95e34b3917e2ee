//! What is read and what is refused; what may be hostile.

use super::super::{Context, Expression, PathError};
use crate::json::Doc;
use proptest::prelude::*;

fn problem(text: &str) -> String {
    Expression::parse(text).expect_err(text).to_string()
}

#[test]
fn an_error_says_where_and_what() {
    assert_eq!(problem("name."), "the FHIRPath expression is wrong at character 6: expected a name");
    assert!(problem("name.frist()").contains("character 6: there is no function 'frist'"));
    assert!(problem("value as Quantty").contains("character 10: there is no type 'Quantty'"));
    assert!(problem("name.first(1)").contains("'first' takes 0 arguments, not 1"));
    assert!(problem("'a").contains("character 1: the quote is not closed"));
}

#[test]
fn expressions_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Expression>();
}

#[test]
fn depth_and_length_are_bounded() {
    assert!(problem(&"(".repeat(100_000)).contains("longer"));
    assert!(problem(&"(".repeat(1000)).contains("too deep"));
    assert!(problem(&format!("true{}", " and true".repeat(1000))).contains("too deep"));
    assert!(problem(&format!("{}1", "-".repeat(1000))).contains("too deep"));
    let doc = Doc::parse(r#"{"resourceType":"Basic"}"#).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    for long in
        [format!("a{}", ".a".repeat(5000)), format!("a{}", ".first()".repeat(5000)), format!("1{}", "|1".repeat(5000))]
    {
        let expression = Expression::parse(&long).unwrap();
        assert!(expression.evaluate(&context).is_ok());
    }
}

#[test]
fn work_is_bounded() {
    let doc =
        Doc::parse(r#"{"resourceType":"Basic","id":"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"}"#).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    let chars = "%resource.id.toChars().combine(%resource.id.toChars())";
    for hostile in [
        format!("{chars}.aggregate($total.combine($total), 1)"),
        format!("{chars}.aggregate($total & $total, 'aaaaaaaaaaaaaaaa')"),
        format!("{chars}.select({chars}.select({chars}.select({chars})))"),
        "(1).repeat($this + 1)".to_string(),
    ] {
        let expression = Expression::parse(&hostile).unwrap();
        assert_eq!(expression.evaluate(&context).expect_err(&hostile), PathError::TooCostly);
    }
}

const WORDS: &[&str] = &[
    "name",
    "Patient",
    ".",
    ".",
    ".",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "{}",
    "1",
    "2147483647",
    "0.5",
    "'a'",
    "'(a+)+$'",
    "@2015-02",
    "@T14:30",
    "@2015-02-04T14:34:28.123+10:00",
    "1 year",
    "4 'mg'",
    "+",
    "-",
    "*",
    "/",
    "div",
    "mod",
    "&",
    "|",
    "=",
    "~",
    "!=",
    "<",
    ">=",
    "in",
    "contains",
    "and",
    "or",
    "xor",
    "implies",
    "is",
    "as",
    "Quantity",
    "$this",
    "$index",
    "$total",
    "%resource",
    "where(",
    "select(",
    "exists()",
    "first()",
    "given",
    "children()",
    "descendants()",
    "toString()",
    "substring(",
    "matches(",
    "replaceMatches(",
    "lowBoundary(",
    "highBoundary()",
    "round(",
    "power(",
    "aggregate(",
    "repeat(",
    "sort(",
    "iif(",
    ",",
    "split(",
    "toQuantity()",
    "toDate()",
    "exp()",
    "ln()",
    "sqrt()",
    "combine(",
    "precision()",
    "decode('hex')",
    "skip(",
    "take(",
];

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn any_words_are_evaluated_or_refused(picks in prop::collection::vec(0..WORDS.len(), 1..14)) {
        let text = picks.into_iter().map(|it| WORDS[it]).collect::<Vec<_>>().join(" ");
        if let Ok(expression) = Expression::parse(&text) {
            let doc = Doc::parse(r#"{"resourceType":"Patient","id":"é","birthDate":"2015-02","name":[{"given":["A",null],"family":"B"}],"multipleBirthInteger":2}"#).unwrap();
            let _ = expression.evaluate(&Context::resource(doc.root()).unwrap().with_budget(20_000));
        }
    }
}
