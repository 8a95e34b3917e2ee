//! Sends what waits. Every node looks after what it wrote itself, at once, and when it starts, and among others now and then,
//! after all tenants' outboxes: for what a node left that was killed.

use super::outbox::{self, Mail};
use super::transport::{Refusal, Transport};
use crate::auth::kept::{self, Entry};
use crate::clock;
use anyhow::anyhow;
use fhir::Failure;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use store::{Session, Store};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

/// How often all tenants are looked after.
const PATROL: Duration = Duration::from_secs(60);
/// The most mails of a tenant that are sent before others have their turn, and among how many those that are due are looked
/// for.
const TURN: usize = 20;
const LOOKED_AT: usize = 1_000;
/// How long mails wait where the mail server takes none, at least.
const REST: Duration = Duration::from_secs(30);
/// The most tenants whose mails are sent at the same time.
const AT_A_TIME: usize = 4;

/// How many mails were sent, put off and given up since the start.
#[derive(Default)]
pub struct Figures {
    sent: AtomicU64,
    put_off: AtomicU64,
    dead: AtomicU64,
}

impl Figures {
    /// What became of how many.
    pub fn all(&self) -> [(&'static str, u64); 3] {
        [("sent", &self.sent), ("put_off", &self.put_off), ("dead", &self.dead)].map(|(it, n)| (it, n.load(Relaxed)))
    }
}

/// What sends mails.
pub struct Sender {
    /// Whose they are.
    pub store: Arc<dyn Store>,
    /// How they leave.
    pub transport: Transport,
    /// What became of them.
    pub figures: &'static Figures,
}

impl Sender {
    /// Sends until the process ends. `wake` names tenants that have a new mail.
    pub async fn run(self, mut wake: UnboundedReceiver<String>) {
        // Tenants with mails that wait, and until when.
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
                // A node that is alone knows of every mail from then on, and leaves tenants closed that nobody asks for.
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
            tracing::warn!(%cause, "it cannot be known which tenants have mails to send");
            Vec::new()
        })
    }

    /// Sends what is due of a tenant; tells how long the rest can wait, if there is one.
    async fn turn(&self, tenant: String) -> Option<(String, Duration)> {
        let wait = self.send_due(&tenant).await.unwrap_or_else(|cause| {
            tracing::warn!(tenant, cause = format!("{cause:#}"), "mails could not be looked after");
            Some(PATROL)
        })?;
        Some((tenant, wait))
    }

    async fn send_due(&self, name: &str) -> anyhow::Result<Option<Duration>> {
        let Some(tenant) = self.store.tenant(name).await? else { return Ok(None) };
        let session = self.store.open(&tenant).await?;
        let mails = kept::list::<Mail>(&*session, LOOKED_AT).await.map_err(known)?;
        for mail in mails.into_iter().filter(|it| it.value.next <= clock::now_ms()).take(TURN) {
            if !self.send(name, &*session, mail).await.map_err(known)? {
                return Ok(Some(REST));
            }
        }
        let left = kept::list::<Mail>(&*session, LOOKED_AT).await.map_err(known)?;
        let next = left.iter().map(|it| it.value.next).min();
        let wait = |next: i64| Duration::from_millis(u64::try_from(next - clock::now_ms()).unwrap_or_default());
        Ok(next.map(wait))
    }

    /// Sends a mail, unless somebody else is at it; `false` if the next one need not be tried.
    async fn send(&self, tenant: &str, session: &dyn Session, mail: Entry<Mail>) -> fhir::Result<bool> {
        let Some(mail) = outbox::take(session, mail, clock::now_ms()).await? else { return Ok(true) };
        let (name, purpose, tries) = (mail.key.clone(), mail.value.purpose, mail.value.tries);
        match self.transport.send(tenant, &name, &mail.value).await {
            Ok(()) => {
                kept::write(session, vec![mail.delete()]).await?;
                self.figures.sent.fetch_add(1, Relaxed);
                tracing::info!(tenant, mail = name, %purpose, tries, "a mail was sent");
                Ok(true)
            }
            Err(Refusal { reason, is_permanent, is_of_server }) => {
                let is_over = outbox::failed(session, mail, &reason, is_permanent, clock::now_ms()).await?;
                let count = if is_over { &self.figures.dead } else { &self.figures.put_off };
                count.fetch_add(1, Relaxed);
                tracing::warn!(tenant, mail = name, %purpose, tries, reason, is_over, "a mail could not be sent");
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
