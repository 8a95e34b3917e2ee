//! An expression constraint: it is read or refused, no deeper than its bounds, and what is read of it is the same however it is spaced.
#![no_main]

use fhir::terminology::ecl::{Constraint, Expected, MemberTest, Refinement, Supplement};
use libfuzzer_sys::fuzz_target;

/// Parentheses that may lie in one another, each of which makes a few levels of what is read.
const DEEPEST: usize = 32 * 8;

/// How deep a constraint is.
fn depth(of: &Constraint) -> usize {
    1 + match of {
        Constraint::Any | Constraint::Concept(_) => 0,
        Constraint::Members(inner) | Constraint::Targets(inner) | Constraint::Related(_, inner) => depth(inner),
        Constraint::Ends(_, inner) | Constraint::Described(inner, _) | Constraint::Filtered(inner, _) => depth(inner),
        Constraint::Listed(listed) => listed.tests.iter().map(asked).fold(depth(&listed.sets), usize::max),
        Constraint::Supplemented(inner, Supplement::These(sets)) => depth(inner).max(depth(sets)),
        Constraint::Supplemented(inner, _) => depth(inner),
        Constraint::All(parts) | Constraint::Either(parts) => parts.iter().map(depth).max().unwrap_or(0),
        Constraint::Without(a, b) | Constraint::Values(a, b) => depth(a).max(depth(b)),
        Constraint::Refined(focus, refinement) => depth(focus).max(depth_of(refinement)),
    }
}

fn asked(of: &MemberTest) -> usize {
    match &of.is {
        Expected::Concepts(_, concepts) => depth(concepts),
        _ => 0,
    }
}

fn depth_of(refinement: &Refinement) -> usize {
    1 + match refinement {
        Refinement::All(parts) | Refinement::Either(parts) => parts.iter().map(depth_of).max().unwrap_or(0),
        Refinement::Group(_, inner) => depth_of(inner),
        Refinement::Attribute(it) => depth(&it.name).max(depth(&it.values)),
        Refinement::Value(it) => depth(&it.name),
    }
}

fuzz_target!(|text: &str| {
    let Ok(constraint) = Constraint::read(text) else { return };
    assert!(depth(&constraint) <= DEEPEST);
    assert_eq!(Constraint::read(&format!(" /* {} */\n{text}\t", "-")).ok(), Some(constraint));
});
