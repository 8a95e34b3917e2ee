//! Expressions as publishers write them.

use fhir::spec::Spec;

/// The expression in FHIRPath's words, for one that names elements which are not there. Its elements of several types are called without a type (fhirpath.html#polymorphism);
/// published search parameters, US Core's among them, also call them as JSON does: what `Condition.extension.valueDateTime` means is
/// `Condition.extension.value.ofType(dateTime)`.
pub(super) fn in_fhirpath(spec: &Spec, expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut rest = expression;
    while let Some(next) = rest.chars().next() {
        let end = match next {
            '\'' | '`' | '"' => quoted(rest, next),
            '.' => 1 + rest.get(1..).map_or(0, word),
            _ => word(rest).max(next.len_utf8()),
        };
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match part.strip_prefix('.').and_then(|it| typed(spec, it)) {
            Some(of) => out.push_str(&format!(".value.ofType({of})")),
            None => out.push_str(part),
        }
        rest = behind;
    }
    out
}

/// The type that a member like `valueDateTime` of an extension has.
fn typed<'s>(spec: &'s Spec, name: &str) -> Option<&'s str> {
    let extension = spec.of(spec.type_named("Extension")?);
    let property = extension.property(name).filter(|_| extension.element(name).is_none())?;
    Some(&*spec.of(property.of).name)
}

/// How long the name is that comes next.
fn word(text: &str) -> usize {
    text.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(text.len())
}

/// How long the text is that a quotation mark begins, with both.
fn quoted(text: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            it if it == mark => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::spec::r4;
    use proptest::prelude::*;

    #[test]
    fn members_of_json_are_elements_with_their_type() {
        for (published, meant) in [
            (
                "Condition.extension.where(url = 'http://a.b/c.valueDateTime').valueDateTime",
                "Condition.extension.where(url = 'http://a.b/c.valueDateTime').value.ofType(dateTime)",
            ),
            ("A.valueQuantity.unit | A.valueQuantity", "A.value.ofType(Quantity).unit | A.value.ofType(Quantity)"),
            ("A.where(x = 'it\\'s.valueCode').`valueCode`", "A.where(x = 'it\\'s.valueCode').`valueCode`"),
            ("A.value.as(dateTime)", "A.value.as(dateTime)"),
            ("ValueSet.compose.include.valueSet", "ValueSet.compose.include.valueSet"),
            ("A.valueNothing", "A.valueNothing"),
            ("A.valueCodes", "A.valueCodes"),
        ] {
            assert_eq!(in_fhirpath(r4(), published), meant);
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_changed(text in "[a-zé.'`\\\\ ]{0,20}") {
            prop_assert_eq!(in_fhirpath(r4(), &text), text);
        }
    }
}
