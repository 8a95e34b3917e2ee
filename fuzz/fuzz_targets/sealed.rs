//! What is kept encrypted, and files of master keys: they are read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use store::{MasterRing, Sealed};

fuzz_target!(|bytes: &[u8]| {
    if let Some(sealed) = Sealed::parse(bytes) {
        assert_eq!(Sealed::parse(bytes), Some(sealed));
        assert!(bytes.len() > 48, "a number, random bytes, a nonce and a tag");
    }
    if let Ok(ring) = std::str::from_utf8(bytes).map(MasterRing::parse) {
        let _ = ring.map(|it| format!("{it:?}"));
    }
});
