//! SMART App Launch 2.2, OAuth 2.1 and OpenID Connect, and what is done to abuse them.

mod abuse;
mod api_keys;
mod app_state;
mod brands;
mod clients;
mod clinics;
mod confusion;
mod encounters;
mod factors;
mod freshness;
mod hosts;
mod introspection;
mod keys;
mod launches;
mod origins;
mod passkeys;
mod people;
pub mod place;
mod pushed;
mod rates;
mod remote_keys;
mod scopes;
mod sign_ins;
mod sign_on;
mod signing_in;
mod stepping_up;
mod strangers;
