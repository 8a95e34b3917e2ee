//! Other formats to and from FHIR: HL7v2, ECG, and code systems as their publishers' files have them. Pure.

pub mod ecg;
pub mod terminology;
