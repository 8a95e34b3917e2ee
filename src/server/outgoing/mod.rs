//! Requests that the server makes, to addresses that somebody else chose: all of them go through here.
//!
//! A server that can be sent anywhere opens the network it stands in (server-side request forgery). So: https only; every
//! address that a name leads to must be a public one, and the connection goes to the very address that was looked at, so
//! that a name cannot lead elsewhere a moment later; no redirect is followed; time and size are bounded. The setting
//! `private-hosts` names the hosts for which none of this is asked but the bounds; `private-authorities` has certificates verified by
//! more authorities than Mozilla's.

mod address;
mod authorities;
#[cfg(test)]
mod tests;

pub use address::is_public;
pub use authorities::Authorities;

use crate::config;
use anyhow::{Context, Result, anyhow};
use axum::http::header::{HOST, HeaderValue, USER_AGENT};
use axum::http::{Request, Response, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// How long a request may take, from the look-up of the name to the end of the body, unless it is said.
const TIME: Duration = Duration::from_secs(5);

/// Hosts that may be at addresses of a private network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Hosts, String> {
        let is_host = |it: &str| !it.is_empty() && !it.contains(['/', '@', ' ', '*']);
        match text.trim() {
            "none" => Ok(Hosts::default()),
            list => match list.split(',').map(str::trim).find(|it| !is_host(it)) {
                None => Ok(Hosts(list.split(',').map(|it| it.trim().to_ascii_lowercase()).collect())),
                Some(wrong) => Err(format!("`{wrong}` is not a host such as keys.hospital.internal")),
            },
        }
    }
}

impl Hosts {
    /// The host of an address.
    pub fn only(url: &str) -> Result<Hosts> {
        let target = Target::of(&url.parse().context("this is no address")?).map_err(|cause| anyhow!("{cause}"))?;
        Ok(Hosts(vec![target.host]))
    }
}

/// Makes requests.
pub struct Outgoing {
    private: Hosts,
    tls: TlsConnector,
    time: Duration,
}

/// Why a request was not made, or not answered. For the log: whoever chose the address is told nothing of the network.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address is not one that may be asked.
    Address(&'static str),
    /// Nobody answered as HTTP has it.
    Unreachable(String),
    /// It took longer than this.
    TooSlow(Duration),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Address(told) => f.write_str(told),
            Refusal::Unreachable(told) => write!(f, "the other side did not answer: {told}"),
            Refusal::TooSlow(time) => write!(f, "the other side took longer than {} s", time.as_secs()),
        }
    }
}

impl Outgoing {
    /// As the settings say.
    pub fn new(settings: &config::Network) -> Result<Outgoing> {
        Outgoing::trusting(settings.private_hosts.clone(), settings.private_authorities.with_public()?)
    }

    /// What may ask these hosts beside those of the public internet, and trusts these certificate authorities.
    pub fn trusting(private: Hosts, roots: RootCertStore) -> Result<Outgoing> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.context("TLS cannot be set up")?.with_root_certificates(roots).with_no_client_auth();
        Ok(Outgoing { private, tls: TlsConnector::from(Arc::new(config)), time: TIME })
    }

    /// The same with another time that a request may take.
    pub fn within(self, time: Duration) -> Outgoing {
        Outgoing { time, ..self }
    }

    /// The answer to a request, whatever its status, if its body has at most this many bytes.
    pub async fn send(&self, request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, Refusal> {
        let exchange = self.exchange(request, most);
        tokio::time::timeout(self.time, exchange).await.map_err(|_| Refusal::TooSlow(self.time))?
    }

    async fn exchange(&self, request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, Refusal> {
        let target = Target::of(request.uri())?;
        let address = self.resolve(&target).await?;
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        if !target.is_secure {
            return ask(stream, request, most).await;
        }
        let name = ServerName::try_from(target.host).map_err(|_| Refusal::Address("the host is no name"))?;
        ask(self.tls.connect(name, stream).await.map_err(unreachable)?, request, most).await
    }

    /// The address to connect to.
    async fn resolve(&self, target: &Target) -> Result<SocketAddr, Refusal> {
        let is_private = self.private.0.contains(&target.host);
        if !target.is_secure && !is_private {
            return Err(Refusal::Address("only https is asked"));
        }
        let addresses: Vec<SocketAddr> =
            lookup_host((&*target.host, target.port)).await.map_err(unreachable)?.collect();
        let is_open = |it: IpAddr| match target.is_secure {
            true => is_private || address::is_public(it),
            false => it.is_loopback(),
        };
        match addresses.first() {
            Some(first) if addresses.iter().all(|it| is_open(it.ip())) => Ok(*first),
            Some(_) => Err(Refusal::Address("the host is in a private network; private-hosts does not name it")),
            None => Err(Refusal::Address("the host has no address")),
        }
    }
}

/// What an address leads to.
struct Target {
    host: String,
    port: u16,
    is_secure: bool,
}

impl Target {
    fn of(uri: &Uri) -> Result<Target, Refusal> {
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Refusal::Address("only https is asked")),
        };
        let authority = uri.authority().ok_or(Refusal::Address("the address has no host"))?;
        if authority.as_str().contains('@') {
            return Err(Refusal::Address("the address has a user in it"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Ok(Target { host, port: authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 }), is_secure })
    }
}

/// One request on a connection of its own.
async fn ask<S>(stream: S, request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    // Ends with this call, however it ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (mut parts, body) = request.into_parts();
    let authority = parts.uri.authority().map(|it| it.as_str()).unwrap_or_default();
    let host = HeaderValue::from_str(authority).map_err(|_| Refusal::Address("the address has no host"))?;
    parts.headers.insert(HOST, host);
    parts.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("medisync/", env!("CARGO_PKG_VERSION"))));
    let path = parts.uri.path_and_query().map_or("/", |it| it.as_str());
    parts.uri = path.parse().map_err(|_| Refusal::Address("the address has no path"))?;
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(unreachable)?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(unreachable)?;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn unreachable(cause: impl fmt::Display) -> Refusal {
    Refusal::Unreachable(cause.to_string())
}
