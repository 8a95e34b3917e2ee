//! How mails leave: by SMTP (RFC 5321), or as files into a folder where somebody tries things out.

use super::outbox::{DeadMail, Mail};
use super::{FIGURES, letter};
use crate::config::{self, MailRoute, SmtpServer, SmtpTls};
use crate::outbox::{Carrier, Figures, Refusal};
use crate::random;
use anyhow::{Context, bail};
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::pki_types::CertificateDer;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use store::{LedgerChange, Session, Tenant};

/// How long a mail server may take for one step.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest line of a mail, without its end.
const LONGEST_LINE: usize = 998;

/// What sends mails, and what it says of whom they come from.
pub struct Transport {
    way: Way,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

enum Way {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

impl Transport {
    /// As the settings say; `None` where they say that no mails are sent.
    pub fn new(settings: &config::Mail, authorities: &[CertificateDer<'_>]) -> anyhow::Result<Option<Transport>> {
        let (way, is_smtp) = match &settings.mail {
            MailRoute::None => return Ok(None),
            MailRoute::Folder(folder) => (Way::Folder(folder.clone()), false),
            MailRoute::Smtp(server) => (Way::Smtp(Box::new(smtp(server, settings, authorities)?)), true),
        };
        let from = match settings.mail_from.mailbox() {
            Some(from) => from.clone(),
            None if is_smtp => bail!("--mail-from is missing: the address that mails come from"),
            None => Mailbox::new(Some("MediSync".into()), "medisync@localhost".parse()?),
        };
        Ok(Some(Transport { way, from, reply_to: settings.mail_reply_to.mailbox().cloned() }))
    }

    /// Delivers a mail, which has this name, once more if need be.
    async fn deliver(&self, tenant: &str, name: &str, mail: &Mail) -> Result<(), Refusal> {
        let message = self.message(tenant, name, mail).map_err(|cause| Refusal {
            reason: format!("the mail could not be written: {cause:#}"),
            is_permanent: true,
            is_of_server: false,
        })?;
        match &self.way {
            Way::Smtp(smtp) => smtp.send(message).await.map(|_| ()).map_err(|it| refusal(&it)),
            Way::Folder(folder) => keep(folder, name, &message.formatted()).await.map_err(|cause| Refusal {
                reason: format!("the folder cannot be written to: {}", cause.kind()),
                is_permanent: false,
                is_of_server: true,
            }),
        }
    }

    /// The same mail has the same Message-ID and date however often it is sent.
    fn message(&self, tenant: &str, name: &str, mail: &Mail) -> anyhow::Result<Message> {
        let written = Duration::from_millis(u64::try_from(mail.written)?);
        let link = mail.link.as_deref();
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.as_str().parse().ok().context("no address")?))
            .subject(letter::subject(mail.purpose, tenant))
            .date(SystemTime::UNIX_EPOCH + written)
            .message_id(Some(format!("<{name}@{}>", self.from.email.domain())));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let (text, html) = (letter::text(mail.purpose, link), letter::html(mail.purpose, tenant, link));
        let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(plain(text));
        Ok(message.multipart(MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html)))?)
    }
}

impl Carrier for Transport {
    type Item = Mail;
    const NAME: &'static str = "mail";

    async fn send(&self, tenant: &Tenant, _: &dyn Session, name: &str, mail: &Mail) -> Result<(), Refusal> {
        self.deliver(tenant.name(), name, mail).await
    }

    fn given_up(&self, name: &str, mail: &Mail, reason: &str, now: i64) -> fhir::Result<Option<LedgerChange>> {
        DeadMail::of(name, mail, reason, now).map(Some)
    }

    fn figures(&self) -> &'static Figures {
        &FIGURES
    }
}

/// A text as it is, where mail servers take it so (RFC 5322 section 2.1.1): a link stays in one piece, and whoever looks at the
/// file can follow it.
fn plain(text: String) -> Body {
    match text.is_ascii() && text.lines().all(|it| it.len() <= LONGEST_LINE) {
        true => Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit),
        false => Body::new(text),
    }
}

fn smtp(
    server: &SmtpServer,
    settings: &config::Mail,
    authorities: &[CertificateDer<'_>],
) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let parameters = || {
        let mut parameters = TlsParameters::builder(server.host.clone());
        for authority in authorities {
            parameters = parameters.add_root_certificate(Certificate::from_der(authority.to_vec())?);
        }
        parameters.build().context("TLS cannot be prepared")
    };
    let tls = match server.tls {
        SmtpTls::None => Tls::None,
        SmtpTls::StartTls => Tls::Required(parameters()?),
        SmtpTls::Wrapped => Tls::Wrapper(parameters()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE));
    if let Some(from) = settings.mail_from.mailbox() {
        builder = builder.hello_name(ClientId::Domain(from.email.domain().to_owned()));
    }
    if let (Some(user), Some(password)) = (settings.mail_user.given(), settings.mail_password.given()) {
        builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
    }
    Ok(builder.build())
}

fn refusal(error: &lettre::transport::smtp::Error) -> Refusal {
    let refused = |reason: String, is_permanent, is_of_server| Refusal { reason, is_permanent, is_of_server };
    match error.status().map(|it| it.to_string()) {
        // RFC 4954 section 6: it is our name and password that are wrong, not the mail.
        Some(code) if code.starts_with("53") => {
            refused(format!("the mail server does not let this server in ({code})"), false, true)
        }
        // RFC 5321 section 3.8: the server goes down.
        Some(code) if code == "421" => refused("the mail server closed the connection (421)".into(), false, true),
        Some(code) if error.is_permanent() => refused(format!("the mail server refused it ({code})"), true, false),
        Some(code) => refused(format!("the mail server put it off ({code})"), false, false),
        None if error.is_tls() => refused("the connection to the mail server is not safe (TLS)".into(), false, true),
        None if error.is_timeout() => refused("the mail server does not answer".into(), false, true),
        None if error.is_client() => {
            refused("the mail server does not offer what is needed, such as STARTTLS".into(), false, true)
        }
        None => refused("the mail server cannot be reached".into(), false, true),
    }
}

/// Puts a file in its place at once: who looks into the folder never sees half of one.
async fn keep(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let unfinished = folder.join(format!(".{}", random::id()));
    tokio::fs::write(&unfinished, content).await?;
    tokio::fs::rename(unfinished, folder.join(format!("{name}.eml"))).await
}

#[cfg(test)]
mod tests;
