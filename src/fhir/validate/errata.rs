//! What R4 publishes and is not held to: invariants that the walk checks itself, and what is wrong as published.

/// Invariants that the walk itself checks, or whose breach it cannot let pass: of elements and extensions, contained
/// resources, references to these, and narratives.
#[rustfmt::skip]
const IMPLIED: &[&str] = &["ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "ref-1", "txt-1", "txt-2"];

/// Invariants whose expression does not say what their text says: type, key, and why.
const FAULTY: &[(&str, &str, &str)] = &[
    ("ChargeItemDefinition", "cid-0", "it asks for a name, which the type does not have"),
    ("Questionnaire.item.enableWhen", "que-7", "it asks for a System.Boolean, which no element of a resource is"),
];

/// Extensions that R4's own definitions have elsewhere than their contexts say, and so everybody's.
const OUT_OF_CONTEXT: &[&str] = &[
    "http://hl7.org/fhir/StructureDefinition/regex",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
];

/// Whether the contexts of an extension are not to be relied on.
pub(super) fn is_out_of_context(url: &str) -> bool {
    OUT_OF_CONTEXT.contains(&url)
}

/// Whether the walk checks it itself.
pub(super) fn is_implied(key: &str) -> bool {
    IMPLIED.contains(&key)
}

/// Whether it is wrong as published.
pub(super) fn is_faulty(of: &str, key: &str) -> bool {
    FAULTY.iter().any(|(ty, faulty, _)| *ty == of && *faulty == key)
}
