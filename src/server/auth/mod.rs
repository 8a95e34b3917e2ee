//! Who may come in: signed tokens, and the contexts of those who hold one. Contexts are made here and nowhere else.

pub mod account;
mod admissions;
pub mod api_key;
pub mod app_state;
pub mod appearance;
pub mod brands;
pub mod breached;
pub mod client;
mod client_operations;
pub mod clinics;
pub mod code;
pub mod device;
pub mod factor;
pub mod federation;
pub mod fetched;
mod gate;
mod glass;
pub mod grant;
pub mod invitation;
pub mod kept;
mod keys;
pub mod launch;
pub mod leaving;
pub mod logout;
pub mod old_hash;
pub mod operations;
pub mod own_address;
pub mod password;
mod privacy;
pub mod remote_keys;
pub mod reset;
pub mod ring;
pub mod roles;
mod rsa_key;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod session_limits;
pub mod sign_ins;
pub mod sign_up;
pub mod standing;
pub mod throttle;
mod token;
pub mod visit;

pub use gate::{Gate, Holder, Known, Mode, bearer};
pub use keys::{TokenKey, new_token_key};
pub use operations::{Stale, operations};
pub use ring::KeyRing;
pub use token::{Claims, verify};

use fhir::{Failure, IssueType};

/// What a request must show: RFC 6750's challenge goes with every 401, or RFC 9470's where the sign-in is too old.
pub fn challenge(failure: &Failure) -> String {
    let realm = "Bearer realm=\"medisync\"";
    let stale = failure.cause.as_ref().and_then(|it| it.downcast_ref::<Stale>());
    match (stale, failure.code()) {
        (Some(Stale { max_age }), _) => {
            format!("{realm}, error=\"insufficient_user_authentication\", max_age=\"{max_age}\"")
        }
        (None, IssueType::Login) => realm.to_owned(),
        _ => format!("{realm}, error=\"invalid_token\""),
    }
}
