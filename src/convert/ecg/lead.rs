//! The leads of the standard ECG and their codes.

/// The nomenclature of ISO/IEEE 11073-10101, as terminologies-systems.html names it.
pub const MDC: &str = "urn:iso:std:iso:11073:10101";

/// The same nomenclature by its object identifier, as the standard's own example of an ECG writes it.
const MDC_OID: &str = "urn:oid:2.16.840.1.113883.6.24";

/// A lead of the standard twelve-lead ECG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Lead {
    I,
    II,
    III,
    AVR,
    AVL,
    AVF,
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
}

impl Lead {
    /// The twelve, in the order in which they are printed.
    pub const ALL: [Lead; 12] = [
        Lead::I,
        Lead::II,
        Lead::III,
        Lead::AVR,
        Lead::AVL,
        Lead::AVF,
        Lead::V1,
        Lead::V2,
        Lead::V3,
        Lead::V4,
        Lead::V5,
        Lead::V6,
    ];

    /// What clinicians call it, such as `aVR`.
    pub fn name(self) -> &'static str {
        match self {
            Lead::I => "I",
            Lead::II => "II",
            Lead::III => "III",
            Lead::AVR => "aVR",
            Lead::AVL => "aVL",
            Lead::AVF => "aVF",
            Lead::V1 => "V1",
            Lead::V2 => "V2",
            Lead::V3 => "V3",
            Lead::V4 => "V4",
            Lead::V5 => "V5",
            Lead::V6 => "V6",
        }
    }

    /// The lead of this name, in upper or lower case.
    pub fn named(name: &str) -> Option<Lead> {
        Lead::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// Its code in [`MDC`] (electric potential at this lead).
    pub fn code(self) -> &'static str {
        match self {
            Lead::I => "131329",
            Lead::II => "131330",
            Lead::III => "131389",
            Lead::AVR => "131390",
            Lead::AVL => "131391",
            Lead::AVF => "131392",
            Lead::V1 => "131331",
            Lead::V2 => "131332",
            Lead::V3 => "131333",
            Lead::V4 => "131334",
            Lead::V5 => "131335",
            Lead::V6 => "131336",
        }
    }

    /// The nomenclature's reference identifier, such as `MDC_ECG_ELEC_POTL_AVR`.
    pub fn reference_id(self) -> String {
        format!("MDC_ECG_ELEC_POTL_{}", self.name().to_ascii_uppercase())
    }

    /// The lead of a coding.
    pub fn coded(system: &str, code: &str) -> Option<Lead> {
        let known = system == MDC || system == MDC_OID;
        Lead::ALL.into_iter().find(|it| known && it.code() == code)
    }
}
