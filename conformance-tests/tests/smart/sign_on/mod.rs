//! Sign-on by other OpenID providers (OpenID Connect Core, Discovery, RP-Initiated Logout, Back-Channel Logout), and what is
//! done to abuse it.

mod abuse;
mod between;
mod end_session;
pub(super) mod issuer;
mod log_out;
mod people;
mod providers;
mod quirks;
