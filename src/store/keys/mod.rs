//! Keys of tenants, and what wraps them.
//!
//! Each tenant has [`Secrets`] of its own. The directory keeps them wrapped by a [`Master`] key that is not in the database:
//! whoever has the database alone has nobody's keys, and a tenant whose wrapped keys are destroyed is unreadable for good
//! (docs/decisions/0024-keys.md).

mod aead;
#[cfg(test)]
mod away;
mod body;
pub(crate) mod figures;
mod keeper;
mod marks;
mod master;
mod raw;
mod reseal;
mod rewrap;
mod ring;
mod seal;
mod sealer;
mod sealing;
mod secrets;
mod signing;

pub(crate) use aead::{Cipher, NONCE};
pub(crate) use body::Version;
pub(crate) use keeper::Kept;
pub use keeper::{Keeper, Random};
pub use marks::Marks;
pub(crate) use master::NONE;
pub use master::{Master, Unwrapped, Wrapped};
pub(crate) use raw::{Raw, RawBody, RawRecords, Size, edition, size};
pub(crate) use reseal::reseal;
pub use rewrap::{Rewrapped, Stale};
pub(crate) use rewrap::{Shelf, rewrap, rotate_data_key, set_marks, set_sealing};
pub use ring::{KeyFile, MasterRing};
pub use seal::Sealed;
pub(crate) use seal::seal;
pub(crate) use sealer::Sealer;
pub use sealing::Sealing;
pub use secrets::{DataKey, Secrets};
pub(crate) use signing::signing_key;

#[cfg(test)]
pub(crate) use keeper::tests;
