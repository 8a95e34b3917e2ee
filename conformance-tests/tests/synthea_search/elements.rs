//! Parameter by parameter: for each, values that the records have find just the resources that have them.

use super::dates::dated;
use super::records::{Records, Row, on_records, row};
use super::walk::{is, texts};
use conformance_tests::encode;
use std::collections::BTreeSet;

/// A type, a parameter, and the path of what it selects.
type Selected = (&'static str, &'static str, &'static str);

/// Up to three values at the path, from all over the records.
fn some<'a>(records: &'a Records, kind: &'a str, path: &str) -> Vec<&'a str> {
    let values: BTreeSet<&str> = records.of(kind).flat_map(|it| texts(it, path)).collect();
    let step = values.len().div_ceil(3).max(1);
    let values: Vec<&str> = values.into_iter().step_by(step).collect();
    assert!(!values.is_empty(), "{kind} has no {path}");
    values
}

/// For each parameter, searches by some of the values that the records have.
fn rows(records: &'static Records, selected: &[Selected]) -> Vec<Row<'static>> {
    let by_value = |&(kind, parameter, path): &Selected| {
        some(records, kind, path)
            .into_iter()
            .map(move |value| row(format!("{kind}?{parameter}={}", encode(value)), move |it| is(it, path, value)))
    };
    selected.iter().flat_map(by_value).collect()
}

/// search.html#token: codes, booleans and identifiers of all kinds of elements.
#[test]
fn tokens_of_all_types_agree_with_the_records() {
    on_records(async |records| {
        const TOKENS: [Selected; 54] = [
            ("AllergyIntolerance", "category", "category"),
            ("AllergyIntolerance", "clinical-status", "clinicalStatus.coding.code"),
            ("AllergyIntolerance", "code", "code.coding.code"),
            ("AllergyIntolerance", "criticality", "criticality"),
            ("AllergyIntolerance", "type", "type"),
            ("CarePlan", "activity-code", "activity.detail.code.coding.code"),
            ("CarePlan", "category", "category.coding.code"),
            ("CarePlan", "intent", "intent"),
            ("CarePlan", "status", "status"),
            ("CareTeam", "status", "status"),
            ("Claim", "priority", "priority.coding.code"),
            ("Claim", "status", "status"),
            ("Claim", "use", "use"),
            ("Condition", "category", "category.coding.code"),
            ("Condition", "code", "code.coding.code"),
            ("Condition", "verification-status", "verificationStatus.coding.code"),
            ("Device", "status", "status"),
            ("Device", "type", "type.coding.code"),
            ("DiagnosticReport", "category", "category.coding.code"),
            ("DiagnosticReport", "code", "code.coding.code"),
            ("DiagnosticReport", "status", "status"),
            ("DocumentReference", "category", "category.coding.code"),
            ("DocumentReference", "contenttype", "content.attachment.contentType"),
            ("DocumentReference", "format", "content.format.code"),
            ("DocumentReference", "identifier", "identifier.value"),
            ("DocumentReference", "status", "status"),
            ("DocumentReference", "type", "type.coding.code"),
            ("Encounter", "class", "class.code"),
            ("Encounter", "identifier", "identifier.value"),
            ("Encounter", "participant-type", "participant.type.coding.code"),
            ("Encounter", "reason-code", "reasonCode.coding.code"),
            ("Encounter", "type", "type.coding.code"),
            ("ExplanationOfBenefit", "identifier", "identifier.value"),
            ("ImagingStudy", "bodysite", "series.bodySite.code"),
            ("ImagingStudy", "dicom-class", "series.instance.sopClass.code"),
            ("ImagingStudy", "modality", "series.modality.code"),
            ("Immunization", "vaccine-code", "vaccineCode.coding.code"),
            ("Medication", "code", "code.coding.code"),
            ("MedicationAdministration", "code", "medicationCodeableConcept.coding.code"),
            ("MedicationAdministration", "status", "status"),
            ("MedicationRequest", "code", "medicationCodeableConcept.coding.code"),
            ("MedicationRequest", "intent", "intent"),
            ("Observation", "category", "category.coding.code"),
            ("Observation", "combo-code", "component.code.coding.code"),
            ("Observation", "value-concept", "valueCodeableConcept.coding.code"),
            ("Organization", "identifier", "identifier.value"),
            ("Organization", "type", "type.coding.code"),
            ("Patient", "identifier", "identifier.value"),
            ("Patient", "language", "communication.language.coding.code"),
            ("Patient", "phone", "telecom.value"),
            ("Practitioner", "email", "telecom.value"),
            ("Practitioner", "gender", "gender"),
            ("PractitionerRole", "specialty", "specialty.coding.code"),
            ("Procedure", "code", "code.coding.code"),
        ];
        records.check(rows(records, &TOKENS)).await;
    });
}

/// search.html#reference: whatever refers to something.
#[test]
fn references_of_all_types_agree_with_the_records() {
    on_records(async |records| {
        const REFERENCES: [Selected; 38] = [
            ("AllergyIntolerance", "patient", "patient.reference"),
            ("CarePlan", "care-team", "careTeam.reference"),
            ("CarePlan", "condition", "addresses.reference"),
            ("CarePlan", "encounter", "encounter.reference"),
            ("CareTeam", "participant", "participant.member.reference"),
            ("CareTeam", "subject", "subject.reference"),
            ("Claim", "encounter", "item.encounter.reference"),
            ("Claim", "facility", "facility.reference"),
            ("Claim", "patient", "patient.reference"),
            ("Claim", "provider", "provider.reference"),
            ("Condition", "encounter", "encounter.reference"),
            ("Device", "patient", "patient.reference"),
            ("DiagnosticReport", "performer", "performer.reference"),
            ("DiagnosticReport", "result", "result.reference"),
            ("DocumentReference", "author", "author.reference"),
            ("DocumentReference", "custodian", "custodian.reference"),
            ("DocumentReference", "encounter", "context.encounter.reference"),
            ("Encounter", "location", "location.location.reference"),
            ("Encounter", "participant", "participant.individual.reference"),
            ("Encounter", "practitioner", "participant.individual.reference"),
            ("Encounter", "service-provider", "serviceProvider.reference"),
            ("ExplanationOfBenefit", "care-team", "careTeam.provider.reference"),
            ("ExplanationOfBenefit", "claim", "claim.reference"),
            ("ExplanationOfBenefit", "encounter", "item.encounter.reference"),
            ("ExplanationOfBenefit", "facility", "facility.reference"),
            ("ExplanationOfBenefit", "provider", "provider.reference"),
            ("ImagingStudy", "encounter", "encounter.reference"),
            ("Immunization", "location", "location.reference"),
            ("MedicationAdministration", "context", "context.reference"),
            ("MedicationRequest", "encounter", "encounter.reference"),
            ("MedicationRequest", "medication", "medicationReference.reference"),
            ("MedicationRequest", "requester", "requester.reference"),
            ("Observation", "encounter", "encounter.reference"),
            ("Observation", "subject", "subject.reference"),
            ("Procedure", "location", "location.reference"),
            ("Procedure", "reason-reference", "reasonReference.reference"),
            ("Provenance", "agent", "agent.who.reference"),
            ("Provenance", "target", "target.reference"),
        ];
        records.check(rows(records, &REFERENCES)).await;
    });
}

/// search.html#date: the day on which something happened, in UTC.
#[test]
fn dates_of_all_types_agree_with_the_records() {
    on_records(async |records| {
        const DATES: [Selected; 15] = [
            ("AllergyIntolerance", "date", "recordedDate"),
            ("Claim", "created", "created"),
            ("Condition", "abatement-date", "abatementDateTime"),
            ("Condition", "onset-date", "onsetDateTime"),
            ("Condition", "recorded-date", "recordedDate"),
            ("DiagnosticReport", "date", "effectiveDateTime"),
            ("DiagnosticReport", "issued", "issued"),
            ("DocumentReference", "date", "date"),
            ("ExplanationOfBenefit", "created", "created"),
            ("ImagingStudy", "started", "started"),
            ("Immunization", "date", "occurrenceDateTime"),
            ("MedicationAdministration", "effective-time", "effectiveDateTime"),
            ("MedicationRequest", "authoredon", "authoredOn"),
            ("Patient", "birthdate", "birthDate"),
            ("Provenance", "recorded", "recorded"),
        ];
        let mut rows = Vec::new();
        for (kind, parameter, path) in DATES {
            for value in some(records, kind, path) {
                for (prefix, precision) in [("eq", 4), ("ge", 7), ("lt", 7), ("le", 10)] {
                    let date = &value[..precision];
                    let test = move |it: &serde_json::Value| dated(it, path, prefix, date);
                    let query = format!("{kind}?{parameter}={prefix}{date}");
                    if !records.expected(&query, test).is_empty() {
                        rows.push(row(query, test));
                    }
                }
            }
        }
        assert!(rows.len() > 100, "{}", rows.len());
        records.check(rows).await;
    });
}
