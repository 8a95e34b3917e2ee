//! What a sign-in came from, told roughly: enough for its user to know it again, and too little to follow anybody by.

use crate::outgoing;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Browsers by what their `User-Agent` has in it. Most of them claim to be others as well, which come later.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
/// Systems, in the same way.
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// What a sign-in came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// `Firefox on Linux`, by its own word.
    pub browser: String,
    /// From where.
    pub place: Place,
}

/// What kind of address it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The machine that the server runs on.
    Machine,
    /// A private network.
    Network,
    /// The public internet.
    Internet,
    /// Whoever speaks for the browser does not say.
    Unknown,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Machine => "the server's own machine",
            Place::Network => "a private network",
            Place::Internet => "the internet",
            Place::Unknown => "an unknown place",
        })
    }
}

impl Device {
    /// Of a request with this `User-Agent` from this address.
    pub fn of(user_agent: Option<&str>, address: Option<IpAddr>) -> Device {
        let told = user_agent.unwrap_or_default();
        let known = |all: &[(&str, &'static str)]| all.iter().find(|(it, _)| told.contains(it)).map(|(_, name)| *name);
        let browser = match (known(&BROWSERS), known(&SYSTEMS)) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "An unknown program".to_owned(),
        };
        let place = match address.map(|it| it.to_canonical()) {
            None => Place::Unknown,
            Some(it) if it.is_loopback() => Place::Machine,
            Some(it) if outgoing::is_public(it) => Place::Internet,
            Some(_) => Place::Network,
        };
        Device { browser, place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_apart_and_nothing_more() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, browser) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0".to_owned(), "Firefox on Linux"),
            (format!("Mozilla/5.0 (Windows NT 10.0) {webkit} Chrome/126.0 Safari/537.36 Edg/126.0"), "Edge on Windows"),
            (format!("Mozilla/5.0 (Linux; Android 14) {webkit} Chrome/126.0 Safari/537.36"), "Chrome on Android"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1".to_owned(),
                "Safari on iOS",
            ),
            ("curl/8.5.0".to_owned(), "An unknown program"),
        ] {
            assert_eq!(Device::of(Some(&user_agent), None).browser, browser, "{user_agent}");
        }
    }

    #[test]
    fn addresses_are_told_by_their_kind() {
        for (address, place) in [
            ("127.0.0.1", Place::Machine),
            ("::ffff:127.0.0.1", Place::Machine),
            ("10.1.2.3", Place::Network),
            ("fe80::1", Place::Network),
            ("1.1.1.1", Place::Internet),
        ] {
            assert_eq!(Device::of(None, address.parse().ok()).place, place, "{address}");
        }
        assert_eq!(Device::of(None, None).place, Place::Unknown);
    }
}
