//! Where R4's published definitions contradict R4's own text: what is read instead, and why.

/// `Resource.id` is published with the type `string`; resource.html#id and its datatype say `id`.
pub(super) fn type_of(base_path: &str) -> Option<&'static str> {
    (base_path == "Resource.id").then_some("id")
}

/// A resource is in its own compartment (compartmentdefinition.html). Three of R4's definitions say so with
/// `{def}`; Patient and Device list the type without it.
pub(super) fn own_compartment(of: &str, member: &str, codes: &mut Vec<&str>) {
    const ITSELF: &str = "{def}";
    if of == member && !codes.contains(&ITSELF) {
        codes.insert(0, ITSELF);
    }
}

/// R4 4.0.1 was published with `affectsState` on none of its operations, although operations.html allows GET only
/// where state is left alone. These are the ones whose own text has them change or create resources.
pub(super) fn affects_state(url: &str) -> bool {
    const CHANGING: [&str; 7] = [
        "http://hl7.org/fhir/OperationDefinition/Claim-submit",
        "http://hl7.org/fhir/OperationDefinition/ConceptMap-closure",
        "http://hl7.org/fhir/OperationDefinition/CoverageEligibilityRequest-submit",
        "http://hl7.org/fhir/OperationDefinition/Measure-submit-data",
        "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message",
        "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
        "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
    ];
    CHANGING.contains(&url)
}
