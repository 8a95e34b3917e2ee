//! Black-box tests over HTTP against any FHIR R4 base.
