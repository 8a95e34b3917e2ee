//! What mails say. None of them names a person or anything of a record: they go through many hands.

use super::address::EmailAddress;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Somebody is to become a user.
    Invitation,
    /// A user has forgotten the password.
    ForgottenPassword,
    /// A user says that this is the own address.
    NewAddress,
    /// Somebody registers.
    Registration,
    /// Somebody who registered is a user now.
    Approved,
    /// The password was changed.
    PasswordChanged,
    /// Mails go to another address from now on.
    AddressChanged,
    /// Somebody has opened a record in an emergency.
    GlassBroken,
}

impl Purpose {
    /// Whether it tells somebody what happened: such mails are sent however many others were.
    pub fn is_notice(self) -> bool {
        matches!(self, Purpose::Approved | Purpose::PasswordChanged | Purpose::AddressChanged | Purpose::GlassBroken)
    }

    fn subject(self) -> &'static str {
        match self {
            Purpose::Invitation => "Your invitation to",
            Purpose::ForgottenPassword => "A new password for",
            Purpose::NewAddress => "Your e-mail address at",
            Purpose::Registration => "Your registration at",
            Purpose::Approved => "Your registration was approved at",
            Purpose::PasswordChanged => "Your password was changed at",
            Purpose::AddressChanged => "Your e-mail address was changed at",
            Purpose::GlassBroken => "A record was opened in an emergency at",
        }
    }

    /// What it says before the link and behind it.
    fn words(self) -> (&'static str, &'static str) {
        const UNKNOWN: &str = "If you did not ask for this, do nothing: without the link nothing changes.";
        const ALARM: &str = "If it was not you, tell whoever runs the place at once.";
        match self {
            Purpose::Invitation => (
                "You are invited to sign in. Choose a name and a password here:",
                "The link is for you alone and works once. If you did not expect it, do nothing.",
            ),
            Purpose::ForgottenPassword => ("Somebody, you we hope, asked for a new password. Choose it here:", UNKNOWN),
            Purpose::NewAddress => ("Confirm that mails of your account are to come to this address:", UNKNOWN),
            Purpose::Registration => ("Go on with your registration here:", UNKNOWN),
            Purpose::Approved => ("Your registration was approved. You can sign in now:", ""),
            Purpose::PasswordChanged => {
                ("The password of your account was changed, and all sign-ins were ended.", ALARM)
            }
            Purpose::AddressChanged => ("Mails of your account go to another address from now on.", ALARM),
            Purpose::GlassBroken => (
                "Somebody broke the glass: the record of a patient is open to them for a while, whatever consents and rules say.",
                "Who, whose record, and why is in the list of $glass-reviews, where you say that you have looked at it.",
            ),
        }
    }
}

/// As the ledger, logs and lists have it.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Invitation => "invitation",
            Purpose::ForgottenPassword => "forgotten-password",
            Purpose::NewAddress => "new-address",
            Purpose::Registration => "registration",
            Purpose::Approved => "approved",
            Purpose::PasswordChanged => "password-changed",
            Purpose::AddressChanged => "address-changed",
            Purpose::GlassBroken => "glass-broken",
        })
    }
}

/// What is to be sent to whom.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Why.
    pub purpose: Purpose,
    /// To whom.
    pub to: EmailAddress,
    /// Where it leads.
    pub link: Option<String>,
    /// From when on it is of no use, in milliseconds since the epoch.
    pub expires: i64,
}

/// A mail's subject.
pub fn subject(purpose: Purpose, tenant: &str) -> String {
    format!("{} {tenant}", purpose.subject())
}

/// A mail as plain text.
pub fn text(purpose: Purpose, link: Option<&str>) -> String {
    let (before, behind) = purpose.words();
    let parts = [Some(before), link, Some(behind)].into_iter().flatten().filter(|it| !it.is_empty());
    parts.collect::<Vec<_>>().join("\r\n\r\n") + "\r\n"
}

/// The same as a page.
pub fn html(purpose: Purpose, tenant: &str, link: Option<&str>) -> String {
    crate::pages::letter(&subject(purpose, tenant), purpose.words(), link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_says_the_same_as_text_and_as_a_page() {
        let link = "https://fhir.example.org/auth/north/reset?token=abc";
        for purpose in [Purpose::Invitation, Purpose::ForgottenPassword, Purpose::NewAddress, Purpose::Registration] {
            let (text, html) = (text(purpose, Some(link)), html(purpose, "north", Some(link)));
            assert!(text.contains(&format!("\r\n{link}\r\n")) && html.contains(&format!("href=\"{link}\"")));
        }
        assert_eq!(subject(Purpose::PasswordChanged, "north"), "Your password was changed at north");
        assert!(!text(Purpose::Approved, None).contains("\r\n\r\n"));
    }

    #[test]
    fn a_purpose_is_kept_as_it_is_told() {
        for purpose in [Purpose::ForgottenPassword, Purpose::Approved, Purpose::AddressChanged, Purpose::NewAddress] {
            assert_eq!(serde_json::to_string(&purpose).unwrap(), format!("\"{purpose}\""));
        }
    }
}
