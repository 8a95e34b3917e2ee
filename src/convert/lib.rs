//! Other formats to and from FHIR: HL7v2, ECG. Pure.

pub mod ecg;
