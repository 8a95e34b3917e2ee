//! Tenants that were asked for before, with the keys of their tokens.

use super::super::KeyRing;
use super::{GRANTED, Gate, read};
use crate::clock;
use fhir::{Failure, IssueType, Result};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use store::Tenant;

/// A tenant that was asked for before.
pub struct Known {
    /// The tenant.
    pub tenant: Tenant,
    /// The keys of its tokens.
    pub keys: KeyRing,
    /// When the keys were last seen to be these.
    pub(super) seen: AtomicI64,
}

impl Gate {
    /// The tenant of this name as it was when it was last asked for, if it was.
    pub fn last_known(&self, name: &str) -> Option<Arc<Known>> {
        read(&self.tenants).get(name).cloned()
    }

    /// The tenant of this name, with its keys as they were a second ago at the most.
    pub async fn known(&self, name: &str) -> Result<Arc<Known>> {
        let now = clock::now_ms();
        let known = self.last_known(name);
        if let Some(known) = &known
            && (self.issuer().is_none() || now < known.seen.load(Ordering::Relaxed) + GRANTED)
        {
            return Ok(known.clone());
        }
        let tenant = match &known {
            Some(known) => known.tenant.clone(),
            None => {
                let unknown = || Failure::new(IssueType::NotFound, format!("This server has no tenant {name}."));
                self.engine.store().tenant(name).await?.ok_or_else(unknown)?
            }
        };
        let session = match self.engine.store().open(&tenant).await {
            Err(store::Error::Erased) => {
                self.tenants.write().unwrap_or_else(PoisonError::into_inner).remove(name);
                return Err(store::Error::Erased.into());
            }
            opened => opened?,
        };
        if let Some(known) = known
            && known.keys.is_current(&*session).await?
        {
            known.seen.store(now, Ordering::Relaxed);
            return Ok(known);
        }
        let keys = KeyRing::of(&*session, &tenant).await?;
        let known = Arc::new(Known { tenant, keys, seen: AtomicI64::new(now) });
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).insert(name.into(), known.clone());
        Ok(known)
    }
}
