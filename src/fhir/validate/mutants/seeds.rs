//! Valid resources with what no example has and what cannot be put into one alone.

use serde_json::{Value as Json, json};

/// Each with elements that stand or fall together.
pub(super) fn seeds() -> Vec<Json> {
    let resolved = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "resolved" }] });
    let patient = json!({ "reference": "Patient/x" });
    vec![
        json!({ "resourceType": "Condition", "clinicalStatus": resolved, "subject": patient, "abatementString": "x" }),
        json!({ "resourceType": "Appointment", "status": "cancelled", "participant": [{ "actor": patient, "status": "declined" }],
            "cancelationReason": { "text": "x" } }),
        json!({ "resourceType": "CoverageEligibilityResponse", "status": "active", "purpose": ["benefits"], "patient": patient,
            "created": "2020", "request": { "display": "x" }, "outcome": "complete", "insurer": { "display": "x" },
            "insurance": [{ "coverage": { "display": "x" }, "item": [{ "productOrService": { "text": "x" } }] }] }),
        json!({ "resourceType": "Library", "status": "draft", "type": { "text": "x" }, "dataRequirement": [
            { "type": "Patient", "codeFilter": [{ "searchParam": "x" }], "dateFilter": [{ "searchParam": "x" }] }] }),
        json!({ "resourceType": "Library", "status": "draft", "type": { "text": "x" }, "dataRequirement": [
            { "type": "Patient", "codeFilter": [{ "path": "x" }], "dateFilter": [{ "path": "x" }] }] }),
        json!({ "resourceType": "StructureDefinition", "url": "http://example.org/x", "name": "X", "status": "draft",
            "kind": "logical", "abstract": false, "type": "X", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Element",
            "derivation": "specialization", "differential": { "element": [
                { "id": "X", "path": "X" },
                { "id": "X.a", "path": "X.a", "type": [{ "code": "Reference", "aggregation": ["contained"] }] },
                { "id": "X.b", "path": "X.b", "type": [{ "code": "string" }], "defaultValueString": "x" }] } }),
        json!({ "resourceType": "ExampleScenario", "status": "draft", "instance": [{ "resourceId": "x", "resourceType": "Patient",
            "name": "x", "description": "x", "version": [{ "versionId": "1", "description": "x" }],
            "containedInstance": [{ "resourceId": "x", "versionId": "1" }] }] }),
        json!({ "resourceType": "FamilyMemberHistory", "status": "completed", "patient": patient,
            "relationship": { "text": "x" }, "ageString": "x", "estimatedAge": true }),
        json!({ "resourceType": "ImplementationGuide", "url": "http://example.org/x", "name": "X", "status": "draft",
            "packageId": "x.y", "fhirVersion": ["4.0.1"], "definition": {
                "grouping": [{ "id": "g", "name": "x" }],
                "resource": [{ "reference": { "display": "x" }, "fhirVersion": ["4.0.1"], "groupingId": "g" }] } }),
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "x", "part": [{ "name": "y", "valueCode": "z" }] }] }),
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "x", "resource": { "resourceType": "Patient", "active": true } }] }),
        json!({ "resourceType": "Patient", "contained": [{ "resourceType": "Organization", "id": "o", "name": "x" }],
            "managingOrganization": { "reference": "#o" } }),
        json!({ "resourceType": "RiskAssessment", "status": "final", "subject": patient,
            "prediction": [{ "probabilityRange": { "low": { "value": 1, "system": "http://unitsofmeasure.org", "code": "%" } } }] }),
        json!({ "resourceType": "RiskAssessment", "status": "final", "subject": patient, "prediction": [{ "probabilityDecimal": 1 }] }),
        json!({ "resourceType": "Substance", "code": { "text": "x" }, "ingredient": [{ "substanceCodeableConcept": { "text": "x" } }] }),
        json!({ "resourceType": "PlanDefinition", "status": "draft", "action": [{ "trigger": [{ "type": "data-added",
            "data": [{ "type": "Patient" }], "condition": { "language": "text/fhirpath", "expression": "true" } }] }] }),
    ]
}

#[test]
fn every_seed_is_valid() {
    for seed in seeds() {
        assert_eq!(super::errors(&seed), [], "{seed}");
    }
}
