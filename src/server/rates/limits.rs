//! What is limited, and to how much.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// For whom requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// All that come into a tenant.
    Tenant,
    /// An app, a program, or an API key.
    Client,
    /// A user, whichever apps act for them.
    User,
    /// An address, or a block of version 6.
    Address,
}

impl Who {
    /// All of them.
    pub const ALL: [Who; 4] = [Who::Tenant, Who::Client, Who::User, Who::Address];

    /// As headers and figures name it.
    pub fn name(self) -> &'static str {
        match self {
            Who::Tenant => "tenant",
            Who::Client => "client",
            Who::User => "user",
            Who::Address => "address",
        }
    }
}

/// How many requests a minute; costly ones count for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(Option<u32>);

impl Rate {
    /// The number, if there is one.
    pub fn number(self) -> Option<u32> {
        self.0
    }

    /// The lower one.
    fn min(self, other: Rate) -> Rate {
        Rate(self.0.into_iter().chain(other.0).min())
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let number = || text.parse().ok().filter(|it| *it > 0);
        match text {
            "none" => Ok(Rate(None)),
            _ => number().map(|it| Rate(Some(it))).ok_or_else(|| format!("`{text}` is not none, nor a number above 0")),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("none"),
        }
    }
}

/// A limit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits(pub [Rate; Who::ALL.len()]);

impl Limits {
    /// Somebody's.
    pub fn of(&self, who: Who) -> Rate {
        self.0.get(who as usize).copied().unwrap_or(Rate(None))
    }

    /// These, but for those that are given; and no more than is asked for.
    pub(super) fn with(&self, given: [Option<Rate>; 4], asked: [Option<Rate>; 4]) -> Limits {
        let mut limits = *self;
        for ((limit, given), asked) in limits.0.iter_mut().zip(given).zip(asked) {
            *limit = given.unwrap_or(*limit).min(asked.unwrap_or(Rate(None)));
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn rates_are_numbers_or_none() {
        assert_eq!((rate("10").number(), rate("none").number()), (Some(10), None));
        for wrong in ["", "0", "-1", "many", "99999999999"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_operator_gives_and_the_tenant_takes_away() {
        let server = Limits([rate("100"), rate("50"), rate("50"), rate("none")]);
        let given = [Some(rate("200")), None, Some(rate("none")), None];
        let asked = [Some(rate("150")), Some(rate("80")), Some(rate("9")), Some(rate("7"))];
        assert_eq!(server.with(given, asked).0.map(|it| it.to_string()), ["150", "50", "9", "7"]);
        assert_eq!(server.with([None; 4], [None; 4]), server);
    }
}
