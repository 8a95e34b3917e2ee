//! Who may come in: signed tokens, and the contexts of those who hold one. Contexts are made here and nowhere else.

mod gate;
mod keys;
mod token;

pub use gate::{Gate, Mode};
pub use keys::{TokenKeys, new_token_key};
pub use token::{Claims, verify};

use fhir::{Failure, IssueType};

/// What a request must show: RFC 6750's challenge goes with every 401.
pub fn challenge(failure: &Failure) -> &'static str {
    match failure.code() {
        IssueType::Login => "Bearer realm=\"medisync\"",
        _ => "Bearer realm=\"medisync\", error=\"invalid_token\"",
    }
}
