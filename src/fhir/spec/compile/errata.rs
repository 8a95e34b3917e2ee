//! Where R4's published definitions contradict R4's own text: what is read instead, and why.

use std::borrow::Cow;

/// `Resource.id` is published with the type `string`; resource.html#id and its datatype say `id`.
pub(super) fn type_of(base_path: &str) -> Option<&'static str> {
    (base_path == "Resource.id").then_some("id")
}

/// A resource is in the compartment that it identifies. Three of R4's definitions say so: they list their own type
/// with `{def}`. Those of Patient and Device list it without, and would leave a patient out of what is the patient's.
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

/// Two composites of R4 cannot be searched by as published:
/// - `Observation-code-value-date` asks for `DateTime`, which is no type; datatypes.html has `dateTime`.
/// - `DocumentReference-relationship` takes `code` for the reference parameter `relatesto` and `target` for the token
///   parameter `relation`; they are each other's.
pub(super) fn components(param: &str, components: &mut [(&str, Cow<str>)]) {
    match (param, components) {
        ("http://hl7.org/fhir/SearchParameter/Observation-code-value-date", all) => {
            for (_, expression) in all {
                *expression = expression.replace("as(DateTime)", "as(dateTime)").into();
            }
        }
        ("http://hl7.org/fhir/SearchParameter/DocumentReference-relationship", [(first, _), (second, _)]) => {
            std::mem::swap(first, second);
        }
        _ => {}
    }
}
