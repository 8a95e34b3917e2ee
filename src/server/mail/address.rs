//! Addresses to which mails are sent.

use fhir::{Failure, IssueType};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest address and the longest part before the `@` (RFC 5321 section 4.5.3.1).
const LONGEST: (usize, usize) = (254, 64);

/// An address as RFC 5321 section 4.1.2 has it, without quotes, comments and literal addresses: so nothing of it can end
/// a line or a header. Its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

impl EmailAddress {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is the same for addresses that reach the same person, as far as that can be known from outside.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = Failure;

    fn from_str(text: &str) -> Result<EmailAddress, Failure> {
        let text = text.trim();
        let is_address = text.len() <= LONGEST.0
            && text.split_once('@').is_some_and(|(local, domain)| is_local(local) && is_domain(domain));
        match is_address {
            true => Ok(EmailAddress(text.to_owned())),
            false => Err(Failure::new(IssueType::Value, "This is no e-mail address such as ana@example.org.")),
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = String;

    fn try_from(text: String) -> Result<EmailAddress, String> {
        text.parse().map_err(|_: Failure| "no e-mail address".to_owned())
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> String {
        address.0
    }
}

/// An address is a person's: logs and errors do not have it.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress")
    }
}

/// RFC 5322 section 3.2.3, dot-atom
fn is_local(local: &str) -> bool {
    let is_atom = |it: &str| {
        !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&it))
    };
    local.len() <= LONGEST.1 && local.split('.').all(is_atom)
}

/// RFC 1035 section 2.3.1
fn is_domain(domain: &str) -> bool {
    let is_label = |it: &str| {
        (1..=63).contains(&it.len())
            && !it.starts_with('-')
            && !it.ends_with('-')
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
    };
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_an_address_is_taken() {
        for text in ["ana@example.org", " Ana.O'Neil+x@mail.example.org ", "a@localhost"] {
            assert_eq!(text.parse::<EmailAddress>().unwrap().as_str(), text.trim());
        }
        let long = format!("{}@example.org", "x".repeat(65));
        for text in [
            "",
            "ana",
            "@example.org",
            "ana@",
            "ana@b@c",
            "a b@example.org",
            "ana@example.org\r\nBcc: bo@example.org",
            "ana\n@example.org",
            "\"a\r\nb\"@example.org",
            "ana@example.org,bo@example.org",
            "<ana@example.org>",
            "ana@[10.0.0.1]",
            "ana@-x.org",
            "ana..b@example.org",
            "änä@example.org",
            &long,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn it_is_kept_as_text_and_not_told() {
        let address: EmailAddress = serde_json::from_str("\"Ana@example.org\"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"Ana@example.org\"");
        assert_eq!((format!("{address:?}"), address.folded()), ("EmailAddress".into(), "ana@example.org".into()));
        assert!(serde_json::from_str::<EmailAddress>("\"x\\ny@z\"").is_err());
        assert_eq!(address.domain(), "example.org");
    }
}
