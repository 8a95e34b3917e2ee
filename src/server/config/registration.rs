//! Who may register apps.

use std::str::FromStr;

/// What becomes of an app that registers itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// It can be used at once by people who sign in.
    Open,
    /// It waits for `medisync client approve`.
    Approval,
    /// It is refused.
    Closed,
}

impl FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Registration, String> {
        match text {
            "open" => Ok(Registration::Open),
            "approval" => Ok(Registration::Approval),
            "closed" => Ok(Registration::Closed),
            _ => Err(format!("`{text}` is not open, approval or closed")),
        }
    }
}
