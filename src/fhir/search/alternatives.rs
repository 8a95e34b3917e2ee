//! A search parameter's expression for several types, taken apart.

use crate::spec::{SearchParam, Spec, TypeId};

/// The alternatives of a joined expression (`Account.name | Patient.name`) that can select something of this type.
pub fn own_alternatives<'s>(spec: &Spec, param: &'s SearchParam, of: TypeId) -> Vec<&'s str> {
    let is_own = |part: &&str| {
        let root = part.trim_start_matches(['(', ' ']).split(|it: char| !it.is_ascii_alphanumeric()).next();
        let root = root.and_then(|it| spec.type_named(it));
        root.is_none_or(|it| spec.is_a(of, it))
    };
    alternatives(&param.expression).into_iter().filter(is_own).collect()
}

/// Splits at every `|` that stands outside brackets and quotes.
fn alternatives(expression: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0, false, 0);
    let mut parts = Vec::new();
    for (at, c) in expression.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            '|' if !quoted && depth == 0 => {
                parts.push(expression[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(expression[start..].trim());
    parts
}
