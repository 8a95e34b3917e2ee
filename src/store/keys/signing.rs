//! The key that signs what the operator hands out.

use super::{Keeper, Shelf};
use crate::{Error, Result};

/// How often it is tried while others make one.
const TRIES: usize = 8;

/// The key, which is `made` where there was none.
pub(crate) async fn signing_key(shelf: &dyn Shelf, keeper: &Keeper, made: &[u8]) -> Result<Vec<u8>> {
    for _ in 0..TRIES {
        match shelf.signing_key().await? {
            Some(wrapped) => return keeper.unwrap_signing_key(&wrapped).await,
            None => {
                let wrapped = keeper.wrap_signing_key(made).await?;
                shelf.exchange_signing_key(None, &wrapped).await?;
            }
        }
    }
    Err(Error::Directory("the signing key is being changed by others"))
}
