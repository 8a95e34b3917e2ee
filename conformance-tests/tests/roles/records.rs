//! The records of the matrix: for each role ones of its own to change, of its kinds and of each patient.

use serde_json::{Value, json};

/// Whose record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The patient's who is a user.
    Own,
    /// Another patient's.
    Other,
    /// No patient's.
    Nobody,
}

impl Whose {
    /// The patient's id.
    pub fn patient(self) -> &'static str {
        match self {
            Whose::Own => "mine",
            Whose::Other => "other",
            Whose::Nobody => "nobody",
        }
    }
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    pub kind: &'static str,
    pub whose: Whose,
    pub id: String,
}

/// The kinds whose records are about a patient, their types, and the element that says whom they are about.
const OF_PATIENTS: [(&str, &str, &str); 11] = [
    ("patient", "Patient", ""),
    ("person", "RelatedPerson", "patient"),
    ("appointment", "Appointment", "participant"),
    ("condition", "Condition", "subject"),
    ("vital_sign", "Observation", "subject"),
    ("lab_result", "Observation", "subject"),
    ("report", "DiagnosticReport", "subject"),
    ("prescription", "MedicationRequest", "subject"),
    ("dispense", "MedicationDispense", "subject"),
    ("coverage", "Coverage", "beneficiary"),
    ("invoice", "Invoice", "subject"),
];
const OF_NOBODY: [(&str, &str, &str); 6] = [
    ("location", "Location", ""),
    ("service", "HealthcareService", ""),
    ("schedule", "Schedule", ""),
    ("slot", "Slot", ""),
    ("medication", "Medication", ""),
    ("value_set", "ValueSet", ""),
];

/// The records for a role.
pub fn all(role: &str) -> Vec<Record> {
    let role = role.replace('_', "-");
    let record = |kind: &'static str, whose: Whose| {
        let id = format!("{}-{}-{role}", kind.replace('_', "-"), whose.patient());
        // Whoever reads as a patient is that patient.
        let id = if kind == "patient" && whose == Whose::Own { whose.patient().to_owned() } else { id };
        Record { kind, whose, id }
    };
    let of_patients = OF_PATIENTS.iter().flat_map(|(kind, ..)| [Whose::Own, Whose::Other].map(|it| record(kind, it)));
    of_patients.chain(OF_NOBODY.iter().map(|(kind, ..)| record(kind, Whose::Nobody))).collect()
}

/// All kinds.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    OF_PATIENTS.iter().chain(&OF_NOBODY).map(|(kind, ..)| *kind)
}

impl Record {
    fn row(&self) -> (&'static str, &'static str) {
        let found = OF_PATIENTS.iter().chain(&OF_NOBODY).find(|(kind, ..)| *kind == self.kind);
        found.map(|(_, of, about)| (*of, *about)).expect("a kind")
    }

    /// The resource type.
    pub fn of(&self) -> &'static str {
        self.row().0
    }

    /// `Observation/1`
    pub fn path(&self) -> String {
        format!("{}/{}", self.of(), self.id)
    }

    /// The resource.
    pub fn body(&self) -> Value {
        let text = |it: &str| json!({ "text": it });
        let category = |it: &str| json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": it }] }]);
        let mut body = match self.kind {
            "patient" => {
                json!({ "name": [{ "family": "Doe" }], "identifier": [{ "system": "urn:people", "value": self.id }] })
            }
            "person" => json!({ "name": [{ "family": "Doe" }] }),
            "appointment" => json!({ "status": "proposed" }),
            "vital_sign" => json!({ "status": "final", "code": text("Pulse"), "category": category("vital-signs") }),
            "lab_result" => json!({ "status": "final", "code": text("Sodium"), "category": category("laboratory") }),
            "report" => json!({ "status": "final", "code": text("Electrolytes") }),
            "prescription" => {
                json!({ "status": "active", "intent": "order", "medicationCodeableConcept": text("Salt") })
            }
            "dispense" => json!({ "status": "completed", "medicationCodeableConcept": text("Salt") }),
            "coverage" => json!({ "status": "active", "payor": [{ "display": "A fund" }] }),
            "invoice" => json!({ "status": "issued" }),
            "schedule" => json!({ "actor": [{ "display": "Ward 1" }] }),
            "slot" => json!({
                "status": "free", "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T10:15:00Z",
                "schedule": { "reference": "Schedule/schedule-nobody-owner" },
            }),
            "value_set" => json!({ "status": "draft" }),
            _ => json!({}),
        };
        body["resourceType"] = self.of().into();
        body["id"] = self.id.as_str().into();
        let patient = json!({ "reference": format!("Patient/{}", self.whose.patient()) });
        match self.row().1 {
            "" => {}
            "participant" => body["participant"] = json!([{ "actor": patient, "status": "accepted" }]),
            about => body[about] = patient,
        }
        body
    }

    /// The same as it is created: without an id.
    pub fn new_body(&self) -> Value {
        let mut body = self.body();
        body.as_object_mut().expect("an object").remove("id");
        body
    }
}
