//! Where a request comes from: the connection's other end, or whom a proxy speaks for that is trusted with telling it
//! (`X-Forwarded-For`).

use super::listen::Peer;
use axum::http::request::Parts;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The addresses of proxies that are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// A block of addresses: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    first: IpAddr,
    /// How many leading bits its addresses share.
    bits: u32,
}

impl FromStr for Proxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Proxies, String> {
        let mut all = Vec::new();
        for word in text.split(',').map(str::trim) {
            match word {
                "none" => {}
                "loopback" => all.extend(["127.0.0.0/8", "::1"].iter().filter_map(|it| network(it))),
                word => all.push(network(word).ok_or_else(|| {
                    format!("`{word}` is not loopback, none, an address or a block of addresses such as 10.0.0.0/8")
                })?),
            }
        }
        Ok(Proxies(all))
    }
}

fn network(text: &str) -> Option<Network> {
    let (first, bits) = match text.split_once('/') {
        Some((first, bits)) => (first.parse::<IpAddr>().ok()?, Some(bits.parse::<u32>().ok()?)),
        None => (text.parse().ok()?, None),
    };
    let most = width(first);
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(Network { first, bits })
}

/// How many bits an address has.
fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let differing = match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(it)) => (first.to_bits() ^ it.to_bits()).leading_zeros(),
            (IpAddr::V6(first), IpAddr::V6(it)) => (first.to_bits() ^ it.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= self.bits
    }
}

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|it| it.has(address))
    }

    /// The address that a request came from. Each proxy appends whom it was asked by, so the last one that is no proxy of
    /// ours is the client; what stands before it, the client may have made up.
    pub fn client(&self, parts: &Parts) -> Option<IpAddr> {
        let mut client = parts.extensions.get::<Peer>()?.0.to_canonical();
        let lines = parts.headers.get_all("x-forwarded-for").iter();
        let told: Vec<&str> = lines.flat_map(|it| it.to_str().unwrap_or_default().split(',')).collect();
        for text in told.into_iter().rev() {
            if !self.trust(client) {
                break;
            }
            let Some(address) = address(text) else { break };
            client = address;
        }
        Some(client)
    }
}

/// An address as proxies write it, some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|it| it.ip());
    let address = text.parse().ok().or_else(with_port)?;
    Some(address.to_canonical())
}

/// What attempts from an address are counted for: whoever has one address of version 6 has all that share its first 64
/// bits (RFC 4291 section 2.5.4).
pub fn counted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(it) => it.to_string(),
        IpAddr::V6(it) => format!("{}/64", Ipv6Addr::from_bits(it.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn client(proxies: &str, peer: &str, lines: &[&str]) -> String {
        let mut request = Request::get("/");
        for line in lines {
            request = request.header("x-forwarded-for", *line);
        }
        let mut parts = request.body(()).unwrap().into_parts().0;
        parts.extensions.insert(Peer(peer.parse().unwrap()));
        proxies.parse::<Proxies>().unwrap().client(&parts).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_tell_whom_they_speak_for() {
        for (proxies, peer, lines, expected) in [
            ("loopback", "127.0.0.1", &["192.0.2.1"][..], "192.0.2.1"),
            ("loopback", "::1", &["192.0.2.1"], "192.0.2.1"),
            ("loopback", "::ffff:127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("loopback", "10.0.0.1", &["192.0.2.1"], "10.0.0.1"),
            ("none", "127.0.0.1", &["192.0.2.1"], "127.0.0.1"),
            ("10.0.0.0/8", "10.7.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("10.0.0.0/8", "11.0.0.1", &["192.0.2.1"], "11.0.0.1"),
            ("2001:db8::/32", "2001:db8:1::1", &["192.0.2.1"], "192.0.2.1"),
        ] {
            assert_eq!(client(proxies, peer, lines), expected, "{proxies} {peer}");
        }
    }

    #[test]
    fn the_last_address_that_is_no_proxys_counts() {
        for (lines, expected) in [
            (&["192.0.2.66", "192.0.2.1"][..], "192.0.2.1"),
            (&["192.0.2.66, 192.0.2.1, 127.0.0.2"], "192.0.2.1"),
            (&["192.0.2.66", "192.0.2.1", "127.0.0.2", "127.0.0.3"], "192.0.2.1"),
            (&["127.0.0.2"], "127.0.0.2"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["192.0.2.66, nonsense"], "127.0.0.1"),
            (&[], "127.0.0.1"),
        ] {
            assert_eq!(client("loopback", "127.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn addresses_of_version_6_are_counted_by_64_bits() {
        let counted = |text: &str| counted(text.parse().unwrap());
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), counted("2001:db8:1:2::1"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn proxies_are_addresses_and_blocks() {
        for wrong in ["", "proxy.example.org", "10.0.0.0/33", "::1/129", "10.0.0.1,"] {
            assert!(wrong.parse::<Proxies>().is_err(), "{wrong}");
        }
        assert!("loopback, 10.0.0.0/8,192.0.2.7".parse::<Proxies>().is_ok());
    }
}
