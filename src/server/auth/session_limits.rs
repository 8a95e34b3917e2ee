//! How long sign-ins hold, and the codes that apps are given of them: a tenant may say so itself.

use super::kept::{self, Kept};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::Session;

/// The only key of this kind in the ledger.
const KEY: &str = "sign-ins";
/// The shortest and the longest that a tenant may say, in milliseconds: a second, 30 days.
const BOUNDS: (i64, i64) = (1_000, 30 * 24 * 3600 * 1000);
/// The longest between two notes that a sign-in is used, in milliseconds.
const NOTED: i64 = 60 * 1000;
/// The longest that a code may hold, in milliseconds (RFC 6749 section 4.1.2).
const LONGEST_CODE: i64 = 10 * 60 * 1000;

/// How long a sign-in holds, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLimits {
    /// Without being used.
    pub idle: i64,
    /// At all.
    pub longest: i64,
    /// Until whoever changes something about signing in, or administers users, has to sign in again.
    #[serde(default = "recent")]
    pub recent: i64,
    /// Until an app has to have exchanged the code that it was sent.
    #[serde(default = "code")]
    pub code: i64,
}

/// What [`SessionLimits::recent`] is where a tenant does not say.
fn recent() -> i64 {
    5 * 60 * 1000
}

/// What [`SessionLimits::code`] is where a tenant does not say.
fn code() -> i64 {
    60 * 1000
}

impl Kept for SessionLimits {
    const KIND: &'static str = "session-limits";
}

/// What holds where a tenant does not say.
impl Default for SessionLimits {
    fn default() -> SessionLimits {
        SessionLimits { idle: 30 * 60 * 1000, longest: 12 * 3600 * 1000, recent: recent(), code: code() }
    }
}

impl SessionLimits {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<SessionLimits> {
        Ok(kept::find(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// Keeps for the tenant what is made of what holds: sign-ins that are older end at once.
    pub async fn change(
        session: &dyn Session,
        made: impl FnOnce(SessionLimits) -> SessionLimits,
    ) -> Result<SessionLimits> {
        let change = |limits: &mut SessionLimits| {
            *limits = made(*limits);
            limits.check()
        };
        kept::change(session, KEY, change).await
    }

    fn check(self) -> Result<()> {
        let (least, most) = BOUNDS;
        if self.idle < least || self.recent < least || self.idle > self.longest || self.longest > most {
            let told = "A sign-in holds without use for a second at least, and no longer than at all; that is 30 days at the \
                        most. It is recent for a second at least.";
            return Err(Failure::new(IssueType::Value, told));
        }
        if !(least..=LONGEST_CODE).contains(&self.code) {
            let told = "An authorization code holds for a second at least, and for ten minutes at the most.";
            return Err(Failure::new(IssueType::Value, told));
        }
        Ok(())
    }

    /// Until when a sign-in holds that began and was last used then.
    pub fn until(self, began: i64, used: i64) -> i64 {
        (began + self.longest).min(used + self.idle)
    }

    /// Whether a sign-in that began then is recent.
    pub fn is_recent(self, began: i64, now: i64) -> bool {
        now < began + self.recent
    }

    /// How often the use of a sign-in is written down, in milliseconds.
    pub fn noted(self) -> i64 {
        NOTED.min(self.idle / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_ends_idle_or_old() {
        let limits = SessionLimits { idle: 10, longest: 25, recent: 5, code: 1 };
        assert_eq!([(0, 0), (0, 9), (0, 20)].map(|(began, used)| limits.until(began, used)), [10, 19, 25]);
        assert_eq!([4, 5].map(|it| limits.is_recent(0, it)), [true, false]);
        assert_eq!((limits.noted(), SessionLimits::default().noted()), (2, NOTED));
    }
}
