//! Sign-on by other OpenID providers: what a tenant registers of them, what they tell of themselves and of people, and what
//! that makes of people here.

mod claims;
mod exchange;
mod identity;
mod metadata;
mod operations;
mod own_key;
mod provider;
mod rules;
mod sign_on;
mod token;

pub use claims::Claims;
pub use exchange::{Asked, Prover, Tokens, add_user_info, exchange, joined};
pub use identity::{Identity, identity_key};
pub use metadata::{Metadata, Providers};
pub use operations::operations;
pub use provider::{LogOut, Provider, Stranger, all};
pub use rules::{Admission, Unmatched};
pub use sign_on::{Attempt, SignOn, TIME};
pub use token::{Expected, Flaw, LogoutToken};
