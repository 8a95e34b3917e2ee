//! Erasing a tenant: its keys are destroyed, which is final, then what they opened is taken away, then it is told what was.

use crate::keys::Kept;
use crate::{Result, Secrets};
use async_trait::async_trait;

/// What a tenant has, before it is erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// By resource type, sorted.
    pub types: Vec<Counted>,
    /// Entries of the ledger: accounts, clients, sessions.
    pub ledger: i64,
    /// The id of the master key that wraps its keys.
    pub wrapped_by: Option<String>,
    /// The numbers of its data keys.
    pub data_keys: Vec<u32>,
    /// The SHA-256 of its keys as they are wrapped, in hexadecimal digits: it tells which they were, and opens nothing.
    pub keys: String,
}

impl Census {
    /// What is told of a tenant's keys.
    pub(crate) fn of_keys(kept: &Kept, secrets: &Secrets) -> Census {
        let bytes = match kept {
            Kept::Wrapped(wrapped) => wrapped.bytes.as_slice(),
            Kept::Bare(_) => &[],
        };
        let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
        Census {
            wrapped_by: kept.wrapped().map(|it| it.by.clone()),
            data_keys: secrets.data_keys.iter().map(|it| it.number).collect(),
            keys: digest.as_ref().iter().map(|it| format!("{it:02x}")).collect(),
            ..Census::default()
        }
    }
}

/// Resources of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The type.
    pub of: String,
    /// How many there are that are not deleted.
    pub current: i64,
    /// How many versions there are, with those and deletions.
    pub versions: i64,
}

/// A tenant that was erased, or is being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// Its name, which no other tenant gets.
    pub name: String,
    /// What was noted when its keys were destroyed.
    pub record: String,
    /// What was made of that in the end; none as long as something is left.
    pub certificate: Option<String>,
}

/// Erases tenants, each in three steps. Whoever is stopped between two of them is started again and goes on.
#[async_trait]
pub trait Erasure: Send + Sync {
    /// What a tenant has; `None` where there is no such tenant.
    async fn census(&self, name: &str) -> Result<Option<Census>>;
    /// Destroys a tenant's keys, for good: from then on there is no such tenant. `record` says why.
    async fn destroy_keys(&self, name: &str, record: &str) -> Result<()>;
    /// Takes away all that a tenant had whose keys are destroyed.
    async fn clear(&self, name: &str) -> Result<()>;
    /// Keeps what was made of the record, once all is taken away.
    async fn certify(&self, name: &str, certificate: &str) -> Result<()>;
    /// The tenants whose keys were destroyed, sorted by name.
    async fn erased(&self) -> Result<Vec<Erased>>;
}
