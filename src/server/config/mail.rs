//! How mails are sent.

use lettre::message::Mailbox;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where mails go: `none`, `folder:PATH`, `smtp://HOST:PORT` or `smtps://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailRoute {
    /// None are sent.
    None,
    /// Files in a folder.
    Folder(PathBuf),
    /// A mail server.
    Smtp(SmtpServer),
}

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub tls: SmtpTls,
}

/// How a connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all: it stays on this machine.
    None,
    /// By STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// From the first byte on (RFC 8314).
    Wrapped,
}

impl MailRoute {
    /// The folder into which they go, if they do.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            MailRoute::Folder(folder) => Some(folder),
            _ => None,
        }
    }
}

impl FromStr for MailRoute {
    type Err = String;

    fn from_str(text: &str) -> Result<MailRoute, String> {
        if text == "none" {
            return Ok(MailRoute::None);
        }
        if let Some(folder) = text.strip_prefix("folder:").filter(|it| !it.is_empty()) {
            return Ok(MailRoute::Folder(folder.into()));
        }
        let server = match text.split_once("://") {
            Some(("smtp", rest)) => server(rest, 587, SmtpTls::StartTls),
            Some(("smtps", rest)) => server(rest, 465, SmtpTls::Wrapped),
            _ => None,
        };
        // What is wrong is not shown: it may hold a password.
        let told = "this is not none, folder:PATH, smtp://HOST:PORT or smtps://HOST:PORT; the user and password have \
                    settings of their own";
        server.map(MailRoute::Smtp).ok_or_else(|| told.to_owned())
    }
}

fn server(text: &str, usual: u16, tls: SmtpTls) -> Option<SmtpServer> {
    let text = text.trim_end_matches('/');
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_host = !host.is_empty() && host.bytes().all(|it| it.is_ascii_alphanumeric() || b".-:".contains(&it));
    let tls = if tls == SmtpTls::StartTls && is_loopback(host) { SmtpTls::None } else { tls };
    is_host.then(|| SmtpServer { host: host.to_owned(), port, tls })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Whom mails come from, or where answers go: `none`, or an address with a name or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correspondent(Option<Mailbox>);

impl Correspondent {
    /// The address.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        self.0.as_ref()
    }
}

impl FromStr for Correspondent {
    type Err = String;

    fn from_str(text: &str) -> Result<Correspondent, String> {
        match text {
            "none" => Ok(Correspondent(None)),
            _ if text.chars().any(char::is_control) => Err("an address has no control characters".to_owned()),
            _ => match text.parse() {
                Ok(mailbox) => Ok(Correspondent(Some(mailbox))),
                Err(_) => Err(format!("`{text}` is not an address such as North Clinic <noreply@example.org>")),
            },
        }
    }
}

/// `none`, or a text that nobody is told.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<String>);

impl Secret {
    /// The text.
    pub fn given(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Secret, Self::Err> {
        Ok(Secret((text != "none").then(|| text.to_owned())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_away_from_this_machine_is_asked_for_tls() {
        for (text, host, port, tls) in [
            ("smtp://mail.example.org", "mail.example.org", 587, SmtpTls::StartTls),
            ("smtp://mail.example.org:25/", "mail.example.org", 25, SmtpTls::StartTls),
            ("smtps://mail.example.org", "mail.example.org", 465, SmtpTls::Wrapped),
            ("smtp://localhost:2525", "localhost", 2525, SmtpTls::None),
            ("smtp://[::1]:2525", "::1", 2525, SmtpTls::None),
            ("smtp://localhost.example.org", "localhost.example.org", 587, SmtpTls::StartTls),
            ("smtps://127.0.0.1", "127.0.0.1", 465, SmtpTls::Wrapped),
        ] {
            let expected = MailRoute::Smtp(SmtpServer { host: host.into(), port, tls });
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!("folder:./mails".parse(), Ok(MailRoute::Folder("./mails".into())));
        assert_eq!("none".parse(), Ok(MailRoute::None));
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        for text in ["smtp://user:hunter2@mail.example.org", "folder:", "mail.example.org", "smtp://", "smtp://a b"] {
            let told = text.parse::<MailRoute>().unwrap_err();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_correspondent_has_one_line() {
        assert!("North Clinic <noreply@example.org>".parse::<Correspondent>().unwrap().mailbox().is_some());
        assert!("none".parse::<Correspondent>().unwrap().mailbox().is_none());
        for text in ["North", "a@b.org\r\nBcc: c@d.org", "North\n<a@b.org>"] {
            assert!(text.parse::<Correspondent>().is_err(), "{text}");
        }
    }
}
