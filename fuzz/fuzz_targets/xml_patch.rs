//! An XML Patch (RFC 5261) of a stored patient.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fuzz::Sandbox;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SANDBOX: Sandbox = Sandbox::new();
}

fuzz_target!(|patch: &[u8]| {
    let data = STANDARD.encode(patch);
    let binary = format!(r#"{{"resourceType":"Binary","contentType":"application/xml-patch+xml","data":"{data}"}}"#);
    SANDBOX.with(|it| it.patch(&binary));
});
