//! What clinicians ask for together: of a patient, what has a code, by its date. Stores may keep an index of the three.

use super::ParamId;

/// The parameters of a clinical type that stand for what it is, whose it is and when it was. Each resource has one patient
/// and one date at the most; it may have several codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// What it is: a token.
    pub code: ParamId,
    /// Whose it is: a reference.
    pub patient: ParamId,
    /// When it was: a date.
    pub date: ParamId,
}

/// Type, and the codes of its parameters. Each type costs two more index rows for a code of a resource, so that only what a
/// record has much of is here.
const PAIRINGS: [(&str, [&str; 3]); 13] = [
    ("CarePlan", ["category", "patient", "date"]),
    ("Composition", ["type", "patient", "date"]),
    ("Condition", ["code", "patient", "onset-date"]),
    ("DiagnosticReport", ["code", "patient", "date"]),
    ("DocumentReference", ["type", "patient", "date"]),
    ("Encounter", ["type", "patient", "date"]),
    ("Immunization", ["vaccine-code", "patient", "date"]),
    ("MedicationAdministration", ["code", "patient", "effective-time"]),
    ("MedicationRequest", ["code", "patient", "authoredon"]),
    ("MedicationStatement", ["code", "patient", "effective"]),
    ("Observation", ["code", "patient", "date"]),
    ("Procedure", ["code", "patient", "date"]),
    ("ServiceRequest", ["code", "patient", "authored"]),
];

impl Pairing {
    /// The type that [`Pairing::patient`] refers to.
    pub const SUBJECT: &str = "Patient";

    /// Of a resource type, if it has one.
    pub fn of(of: &str) -> Option<Pairing> {
        let (name, [code, patient, date]) = PAIRINGS.iter().find(|it| it.0 == of)?;
        let param = |code| ParamId::of(name, code);
        Some(Pairing { code: param(code), patient: param(patient), date: param(date) })
    }

    /// The types that have one.
    pub fn types() -> impl Iterator<Item = &'static str> {
        PAIRINGS.iter().map(|it| it.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::has_one_value;
    use super::*;
    use crate::spec::{ParamType, r4};

    #[test]
    fn its_parameters_are_of_their_kinds() {
        for (of, codes) in PAIRINGS {
            let kinds = [ParamType::Token, ParamType::Reference, ParamType::Date];
            let of = r4().resource(of).unwrap();
            for (code, kind) in codes.into_iter().zip(kinds) {
                assert_eq!(r4().param(of, code).unwrap().kind, kind, "{code}");
            }
        }
    }

    #[test]
    fn a_resource_has_one_date_and_one_patient() {
        for (name, _) in PAIRINGS {
            let (of, pairing) = (r4().resource(name).unwrap(), Pairing::of(name).unwrap());
            assert!(has_one_value(r4(), of, pairing.date), "{name}");
            let one = ["subject", "patient"].iter().find_map(|it| r4().of(of).element(it)).unwrap();
            assert_eq!(one.max, Some(1), "{name}");
        }
    }
}
