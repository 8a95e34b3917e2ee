//! A GET of any address below a tenant's base, answered from a real store: no query makes SQL that the database
//! refuses.
#![no_main]

use engine::Verb;
use fuzz::Sandbox;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SANDBOX: Sandbox = Sandbox::new();
}

fuzz_target!(|url: &str| {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    SANDBOX.with(|it| {
        let _ = it.perform(Verb::Get, path.trim_matches('/'), query, Vec::new());
    });
});
