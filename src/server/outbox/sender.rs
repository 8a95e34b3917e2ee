//! Sends what waits. Every node looks after what it wrote itself, at once, and when it starts, and among others now and then,
//! after all tenants' outboxes: for what a node left that was killed.

use super::{Carrier, Refusal, Waiting, failed, take};
use crate::auth::kept::{self, Entry};
use crate::clock;
use anyhow::anyhow;
use fhir::Failure;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use store::{Session, Store, Tenant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

/// How often all tenants are looked after.
const PATROL: Duration = Duration::from_secs(60);
/// The most of a tenant that are sent before others have their turn, and among how many those that are due are looked for.
const TURN: usize = 20;
const LOOKED_AT: usize = 1_000;
/// How long the rest wait where the other side takes none, at least.
const REST: Duration = Duration::from_secs(30);
/// The most tenants for whom is sent at the same time.
const AT_A_TIME: usize = 4;

/// Names tenants for whom something waits.
pub struct Wake(UnboundedSender<String>);

impl Wake {
    /// Has a tenant's outbox looked after at once.
    pub fn up(&self, tenant: &str) {
        // At the end of the process nobody listens any more; the outbox is looked after at the next start.
        let _ = self.0.send(tenant.to_owned());
    }
}

/// What sends one kind of what waits.
pub struct Sender<C> {
    store: Arc<dyn Store>,
    carrier: C,
}

impl<C: Carrier> Sender<C> {
    /// Sends until the process ends; gives what wakes it.
    pub fn start(store: Arc<dyn Store>, carrier: C) -> Wake {
        let (wake, woken) = unbounded_channel();
        tokio::spawn(Sender { store, carrier }.run(woken));
        Wake(wake)
    }

    /// Sends until the process ends. `wake` names tenants for whom something waits.
    async fn run(self, mut wake: UnboundedReceiver<String>) {
        // Tenants for whom something waits, and until when.
        let mut waiting: HashMap<String, Instant> = HashMap::new();
        let mut patrol = Some(Instant::now());
        loop {
            let next = waiting.values().copied().chain(patrol).min();
            tokio::select! {
                woken = wake.recv() => {
                    let Some(tenant) = woken else { return };
                    waiting.insert(tenant, Instant::now());
                }
                () = until(next) => {}
            }
            let now = Instant::now();
            if patrol.is_some_and(|it| it <= now) {
                // A node that is alone knows of everything that waits from then on, and leaves tenants closed that nobody asks for.
                patrol = self.store.told().map(|_| now + PATROL);
                waiting.extend(self.tenants().await.into_iter().map(|it| (it, now)));
            }
            let due: Vec<String> = waiting.extract_if(|_, until| *until <= now).map(|(tenant, _)| tenant).collect();
            let sent = futures_util::stream::iter(due).map(|it| self.turn(it)).buffer_unordered(AT_A_TIME);
            let left: Vec<(String, Duration)> = sent.filter_map(std::future::ready).collect().await;
            waiting.extend(left.into_iter().map(|(tenant, wait)| (tenant, Instant::now() + wait)));
        }
    }

    async fn tenants(&self) -> Vec<String> {
        self.store.tenants().await.unwrap_or_else(|cause| {
            tracing::warn!(%cause, what = C::NAME, "it cannot be known for which tenants something waits");
            Vec::new()
        })
    }

    /// Sends what is due of a tenant; tells how long the rest can wait, if there is one.
    async fn turn(&self, tenant: String) -> Option<(String, Duration)> {
        let wait = self.send_due(&tenant).await.unwrap_or_else(|cause| {
            tracing::warn!(tenant, what = C::NAME, cause = format!("{cause:#}"), "an outbox could not be looked after");
            Some(PATROL)
        })?;
        Some((tenant, wait))
    }

    async fn send_due(&self, name: &str) -> anyhow::Result<Option<Duration>> {
        let Some(tenant) = self.store.tenant(name).await? else { return Ok(None) };
        let session = self.store.open(&tenant).await?;
        let waiting = kept::list::<C::Item>(&*session, LOOKED_AT).await.map_err(known)?;
        let due = |it: &mut Entry<C::Item>| it.value.wait().next <= clock::now_ms();
        for entry in waiting.into_iter().filter_map(|mut it| due(&mut it).then_some(it)).take(TURN) {
            if !self.send(&tenant, &*session, entry).await.map_err(known)? {
                return Ok(Some(REST));
            }
        }
        let left = kept::list::<C::Item>(&*session, LOOKED_AT).await.map_err(known)?;
        let next = left.into_iter().map(|mut it| it.value.wait().next).min();
        let wait = |next: i64| Duration::from_millis(u64::try_from(next - clock::now_ms()).unwrap_or_default());
        Ok(next.map(wait))
    }

    /// Sends one, unless somebody else is at it; `false` if the next one need not be tried.
    async fn send(&self, tenant: &Tenant, session: &dyn Session, entry: Entry<C::Item>) -> fhir::Result<bool> {
        let Some(mut entry) = take(session, entry, clock::now_ms()).await? else { return Ok(true) };
        let (name, tries, figures) = (entry.key.clone(), entry.value.wait().tries, self.carrier.figures());
        match self.carrier.send(tenant, session, &name, &entry.value).await {
            Ok(()) => {
                kept::write(session, vec![entry.delete()]).await?;
                figures.sent.fetch_add(1, Relaxed);
                tracing::info!(tenant = tenant.name(), what = C::NAME, name, tries, "sent");
                Ok(true)
            }
            Err(refusal) => {
                let is_over = failed(&self.carrier, session, entry, &refusal, clock::now_ms()).await?;
                let count = if is_over { &figures.dead } else { &figures.put_off };
                count.fetch_add(1, Relaxed);
                let Refusal { reason, is_of_server, .. } = refusal;
                tracing::warn!(
                    tenant = tenant.name(),
                    what = C::NAME,
                    name,
                    tries,
                    reason,
                    is_over,
                    "could not be sent"
                );
                Ok(!is_of_server)
            }
        }
    }
}

/// Waits until a time; without one for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A failure with its cause, for the log.
fn known(failure: Failure) -> anyhow::Error {
    match failure.cause {
        Some(cause) => anyhow!("{cause}"),
        None => anyhow!("{failure}"),
    }
}
