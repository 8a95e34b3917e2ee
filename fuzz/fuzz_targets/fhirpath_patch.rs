//! A FHIRPath Patch of a stored patient.
#![no_main]

use fhir::json::Doc;
use fuzz::Sandbox;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SANDBOX: Sandbox = Sandbox::new();
}

fuzz_target!(|patch: &str| {
    // Bodies that are not even JSON have a target of their own.
    if Doc::parse(patch).is_ok_and(|it| it.root().is_object()) {
        SANDBOX.with(|it| it.patch(patch));
    }
});
