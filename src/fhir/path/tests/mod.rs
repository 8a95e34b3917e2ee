//! The engine against the official suite and against R4's own expressions.

mod elements;
mod official;
mod services;
mod syntax;
mod tables;
mod values;
mod xml;

use super::{Context, Expression, Item};
use crate::json::Doc;

/// What an expression answers on a resource, as texts; what has none is shown by its type.
fn answers(expression: &str, resource: &str) -> Vec<String> {
    let doc = Doc::parse(resource).expect("JSON");
    let context = Context::resource(doc.root()).expect("a resource").at(1_795_000_000_000);
    answers_in(expression, &context)
}

fn answers_in(expression: &str, context: &Context<'_>) -> Vec<String> {
    let compiled = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    // The context outlives the expression here, so what it answers is copied out.
    let shown = |it: &Item<'_>| it.to_text().map_or_else(|| format!("{it:?}"), |it| it.into_owned());
    let context = context.clone();
    let found = compiled.evaluate(&context).unwrap_or_else(|error| panic!("{expression}: {error}"));
    found.iter().map(shown).collect()
}

/// Why an expression cannot be evaluated on a resource without anything in it.
fn refusal(expression: &str) -> String {
    let doc = Doc::parse(r#"{"resourceType":"Basic"}"#).expect("JSON");
    let context = Context::resource(doc.root()).expect("a resource");
    let compiled = Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    compiled.evaluate(&context).expect_err(expression).to_string()
}
