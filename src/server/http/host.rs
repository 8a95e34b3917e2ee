//! The host that a request addresses, and which hosts are believed: links, issuers and redirects are built on it.

use super::listen::Local;
use ::fhir::{Failure, IssueType, Result};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use std::net::IpAddr;

/// Which hosts a server answers as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// All: nothing is built on them, or only this machine asks.
    Any,
    /// Names of this machine, asked by programs and pages of this machine: a browser would otherwise lend a stranger's
    /// script its place on the machine.
    Local,
    /// Those that it can tell to be its own: strangers reach it, and nobody said what it is called.
    Known,
}

/// The host that the client addressed; HTTP/2 has it in the address, HTTP/1.1 in a header.
pub fn of(parts: &Parts) -> Result<&str> {
    let from_header = || parts.headers.get(HOST).and_then(|it| it.to_str().ok());
    let host = parts.uri.authority().map(|it| it.as_str()).or_else(from_header);
    host.filter(|it| is_authority(it))
        .ok_or_else(|| Failure::new(IssueType::Invalid, "The request needs a Host header with a host name."))
}

/// A host without its port.
pub fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a text can stand as host and port.
pub fn is_authority(text: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    (1..=255).contains(&text.len()) && text.bytes().all(is_plain)
}

/// The address that a host is written as, if it is no name.
fn address(host: &str) -> Option<IpAddr> {
    let name = name(host).trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().ok().map(|it| it.to_canonical())
}

/// Fails unless a host is `localhost`, the address that was connected to, or `domain` or a name below it.
pub fn check_is_known(parts: &Parts, host: &str, domain: &str) -> Result<()> {
    let own = parts.extensions.get::<Local>().map(|it| it.0.to_canonical());
    let name = name(host).to_ascii_lowercase();
    let is_below = || name.strip_suffix(domain).is_some_and(|it| it.is_empty() || it.ends_with('.'));
    if name == "localhost" || is_below() || (own.is_some() && address(host) == own) {
        return Ok(());
    }
    let told = "This server does not know the host that the request addresses, and builds no links on it. Set base-url to \
                the server's own address as clients see it (--base-url https://fhir.example.org), or address the server as \
                localhost or by its IP address.";
    Err(Failure::new(IssueType::Invalid, told).with_status(421))
}

/// Refuses what a page of another site may have made a browser send.
pub fn check_is_local(parts: &Parts, host: &str) -> Result<()> {
    let origin = parts.headers.get(ORIGIN).and_then(|it| it.to_str().ok());
    let is_own_page = origin.is_none_or(|it| it.split_once("://").is_some_and(|(_, host)| is_local(host)));
    if is_local(host) && is_own_page {
        return Ok(());
    }
    let told = "With --no-auth this server answers only programs and pages of this machine, as localhost.";
    Err(Failure::new(IssueType::Forbidden, told))
}

/// Whether a host is this machine by whatever address (RFC 6761 section 6.3).
fn is_local(host: &str) -> bool {
    let name = name(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || address(host).is_some_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn known_are_localhost_the_own_address_and_the_tenants_domain() {
        let mut parts = Request::get("/").body(()).unwrap().into_parts().0;
        let is_known =
            |parts: &Parts, host: &str| check_is_known(parts, host, "fhir.example.org").map_err(|it| it.status);
        assert_eq!(is_known(&parts, "10.0.0.1:8080"), Err(421));
        parts.extensions.insert(Local("::ffff:10.0.0.1".parse().unwrap()));
        for host in ["10.0.0.1", "10.0.0.1:8080", "localhost:8080", "fhir.example.org", "North.fhir.example.org:80"] {
            assert_eq!(is_known(&parts, host), Ok(()), "{host}");
        }
        for host in ["10.0.0.2", "evil.example", "evilfhir.example.org", "localhost.evil.example", "[::1]:80"] {
            assert_eq!(is_known(&parts, host), Err(421), "{host}");
        }
        parts.extensions.insert(Local("2001:db8::1".parse().unwrap()));
        assert_eq!(is_known(&parts, "[2001:db8::1]:8080"), Ok(()));
    }
}
