//! What wraps tenants' keys.

use crate::{Error, Result};
use async_trait::async_trait;

/// A key or a service that wraps tenants' keys. What it wraps is *about* something, and can be unwrapped as just that.
#[async_trait]
pub trait Master: Send + Sync {
    /// The id of the key that wraps now.
    async fn current(&self) -> Result<String>;
    /// Wraps by that key.
    async fn wrap(&self, about: &[u8], secret: &[u8]) -> Result<Wrapped>;
    /// What was wrapped, by this key or one before.
    async fn unwrap(&self, about: &[u8], wrapped: &Wrapped) -> Result<Vec<u8>>;
}

/// A tenant's keys as the directory keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The id of the key that wrapped them.
    pub by: String,
    /// The wrapped bytes.
    pub bytes: Vec<u8>,
}

/// The id where there is no master key.
pub(crate) const NONE: &str = "none";

/// No master key: whoever has the database has all keys. To try things out.
pub struct Unwrapped;

#[async_trait]
impl Master for Unwrapped {
    async fn current(&self) -> Result<String> {
        Ok(NONE.to_owned())
    }

    async fn wrap(&self, _about: &[u8], secret: &[u8]) -> Result<Wrapped> {
        Ok(Wrapped { by: NONE.to_owned(), bytes: secret.to_vec() })
    }

    async fn unwrap(&self, _about: &[u8], wrapped: &Wrapped) -> Result<Vec<u8>> {
        match wrapped.by.as_str() {
            NONE => Ok(wrapped.bytes.clone()),
            by => Err(Error::MasterKey(format!(
                "the tenant's keys are wrapped by master key {by}, but none is configured; give --master-key"
            ))),
        }
    }
}
