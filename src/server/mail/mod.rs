//! E-mail: letters, the outbox in which they wait, and what sends them.

mod address;
mod letter;
pub mod outbox;
mod transport;

pub use address::EmailAddress;
pub use letter::{Letter, Purpose};

use crate::auth::kept;
use crate::config;
use crate::outbox::{Figures, Sender, Wake};
use anyhow::bail;
use fhir::{Failure, IssueType, Result};
use outbox::Limits;
use rustls::pki_types::CertificateDer;
use std::sync::{Arc, LazyLock, OnceLock};
use store::{LedgerChange, Session, Store};
use transport::Transport;

/// How this process sends mails. FHIR's operations are plain functions and have no other way to it.
static POST: OnceLock<Post> = OnceLock::new();
static FIGURES: LazyLock<Figures> = LazyLock::new(Figures::default);

/// What writes mails.
pub struct Post {
    /// What links begin with: never what a request says of its host.
    origin: String,
    /// How long an invitation holds, in milliseconds.
    pub invitation_time: i64,
    limits: Limits,
    wake: Wake,
}

/// Has mails sent from now on, if the settings say so, to a mail server for which public authorities or these vouch; `origin` is what links begin with, unless it cannot be known.
pub fn begin(
    settings: &config::Mail,
    authorities: &[CertificateDer<'_>],
    origin: Option<String>,
    store: Arc<dyn Store>,
) -> anyhow::Result<()> {
    let Some(transport) = Transport::new(settings, authorities)? else { return Ok(()) };
    let Some(origin) = origin else {
        bail!("mails hold links: set --base-url to the address by which people reach this server");
    };
    // Settings are read once for each process.
    if POST.get().is_some() {
        return Ok(());
    }
    let wake = Sender::start(store, transport);
    let limits = Limits { address: settings.mails_per_address, tenant: settings.mails_per_tenant };
    let post = Post { origin, invitation_time: settings.invitation_time.millis()?, limits, wake };
    let _ = POST.set(post);
    Ok(())
}

/// What writes mails; fails where none are sent.
pub fn post() -> Result<&'static Post> {
    let told = "This server sends no mails; whoever runs it sets --mail.";
    POST.get().ok_or_else(|| Failure::new(IssueType::NotSupported, told))
}

/// Whether mails are sent.
pub fn is_on() -> bool {
    POST.get().is_some()
}

/// Commits `changes`, with a notice of them to the user's address where mails are sent and the user has one; `false` where
/// somebody else was faster.
pub async fn commit_with_notice(
    session: &dyn Session,
    tenant: &str,
    (purpose, to): (Purpose, Option<&EmailAddress>),
    changes: Vec<LedgerChange>,
    now: i64,
) -> Result<bool> {
    let (Some(post), Some(to)) = (POST.get(), to) else { return kept::write(session, changes).await };
    let link = (purpose == Purpose::Approved).then(|| post.link(tenant, "account", None));
    let letter = Letter { purpose, to: to.clone(), link, expires: i64::MAX };
    post.write(session, tenant, &letter, changes, now).await
}

/// What became of how many mails since the start.
pub fn figures() -> [(&'static str, u64); 3] {
    FIGURES.all()
}

impl Post {
    /// The address of a page of a tenant's authorization server, with a secret.
    pub fn link(&self, tenant: &str, page: &str, token: Option<&str>) -> String {
        let token = token.map(|it| format!("?token={it}")).unwrap_or_default();
        format!("{}/auth/{tenant}/{page}{token}", self.origin)
    }

    /// Commits `changes` and the letter that they cause, and has it sent; `false` where somebody else was faster.
    pub async fn write(
        &self,
        session: &dyn Session,
        tenant: &str,
        letter: &Letter,
        changes: Vec<LedgerChange>,
        now: i64,
    ) -> Result<bool> {
        let is_written = outbox::write(session, letter, changes, self.limits, now).await?;
        if is_written {
            self.wake.up(tenant);
        }
        Ok(is_written)
    }
}
