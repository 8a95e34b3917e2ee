//! The tenants' files that are open: as few as are in use, and no more than a bound where it can be kept.

use super::Clock;
use super::place::{Place, Settings};
use crate::keys::Sealer;
use crate::{Error, Result, Tenant};
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

/// More open places than this close the one that was not used for longest. A place in use takes some ten files and
/// threads.
const OPEN: usize = 256;
/// A place unused for so many milliseconds is closed.
const IDLE_MS: i64 = 300_000;

/// One for every tenant that was ever opened: whoever holds the lock may open and close the place, so that a file never
/// has two writers.
type Slot = Arc<AsyncMutex<Option<Open>>>;

struct Open {
    place: Arc<Place>,
    /// When, in milliseconds.
    used: i64,
}

#[derive(Default)]
pub(super) struct Places {
    is_closed: AtomicBool,
    slots: Mutex<FxHashMap<Arc<str>, Slot>>,
}

impl Places {
    /// The tenant's place, opened if need be.
    pub(super) async fn open(
        &self,
        tenant: &Tenant,
        file: &Path,
        settings: &Settings,
        sealer: &Sealer,
    ) -> Result<Arc<Place>> {
        let slot = self.slots().entry(tenant.name.clone()).or_default().clone();
        let mut open = slot.lock().await;
        if let Some(open) = open.as_mut() {
            open.used = (settings.clock)();
            return Ok(open.place.clone());
        }
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        let place = Arc::new(Place::open(file, tenant, settings, sealer.clone()).await?);
        *open = Some(Open { place: place.clone(), used: (settings.clock)() });
        drop(open);
        self.close_unused(OPEN, (settings.clock)() - IDLE_MS).await;
        Ok(place)
    }

    /// Closes places that nobody asks anything of just now: those not used since `since`, and of the others the longest unused as long as more
    /// than `most` are open.
    pub(super) async fn close_unused(&self, most: usize, since: i64) {
        let slots: Vec<Slot> = self.slots().values().cloned().collect();
        // A slot that is locked is in use.
        let mut open: Vec<(i64, Slot)> =
            slots.into_iter().filter_map(|slot| Some((slot.try_lock().ok()?.as_ref()?.used, slot.clone()))).collect();
        open.sort_by_key(|(used, _)| *used);
        let too_many = open.len().saturating_sub(most);
        for (i, (used, slot)) in open.into_iter().enumerate() {
            if i >= too_many && used >= since {
                break;
            }
            let Ok(mut slot) = slot.try_lock_owned() else { continue };
            if let Some(open) = slot.take_if(|it| it.used == used && Arc::strong_count(&it.place) == 1) {
                // A task of its own goes on if the caller goes away: the file is never opened before it is closed.
                let closing = tokio::spawn(async move {
                    open.place.close().await;
                    drop(slot);
                });
                if let Err(error) = closing.await {
                    tracing::error!(%error, "a tenant's file was not closed in order");
                }
            }
        }
    }

    /// Closes a tenant's place, also one in use.
    pub(super) async fn close_one(&self, name: &str) {
        let slot = self.slots().remove(name);
        if let Some(slot) = slot
            && let Some(open) = slot.lock().await.take()
        {
            open.place.close().await;
        }
    }

    /// Closes all, those in use as well, for good.
    pub(super) async fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let slots: Vec<Slot> = self.slots().values().cloned().collect();
        for slot in slots {
            if let Some(open) = slot.lock().await.take() {
                open.place.close().await;
            }
        }
    }

    /// How many are open.
    #[cfg(test)]
    pub(super) async fn count(&self) -> usize {
        let slots: Vec<Slot> = self.slots().values().cloned().collect();
        let mut count = 0;
        for slot in slots {
            count += usize::from(slot.lock().await.is_some());
        }
        count
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, FxHashMap<Arc<str>, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for unused places from time to time, as long as there are any to look after.
pub(super) async fn close_idle(places: Weak<Places>, clock: Clock) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let Some(places) = places.upgrade() else { return };
        places.close_unused(OPEN, clock() - IDLE_MS).await;
    }
}
