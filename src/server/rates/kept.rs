//! The limits that are a tenant's own.

use super::limits::{Limits, Rate, Who};
use crate::auth::kept::{self, Kept};
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::Session;

/// The only key of this kind in the ledger.
const KEY: &str = "requests";

/// A tenant's own limits, in the order of [`Who::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnLimits {
    /// What the operator gave it, instead of the server's.
    given: [Option<Rate>; Who::ALL.len()],
    /// What its administrator asked for: more than the operator gave it does not get.
    asked: [Option<Rate>; Who::ALL.len()],
}

impl Kept for OwnLimits {
    const KIND: &'static str = "rate-limits";
}

/// Who says what a limit is.
#[derive(Clone, Copy)]
pub enum By {
    /// Whoever runs the server.
    Operator,
    /// Whoever runs the tenant.
    Administrator,
}

impl OwnLimits {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<OwnLimits> {
        Ok(kept::find::<OwnLimits>(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// What holds where the server has these.
    pub fn within(&self, server: &Limits) -> Limits {
        server.with(self.given, self.asked)
    }

    /// What one of the two said.
    pub fn said(&self, by: By) -> [Option<Rate>; Who::ALL.len()] {
        match by {
            By::Operator => self.given,
            By::Administrator => self.asked,
        }
    }

    /// Keeps what one of the two says; what they do not say stays.
    pub async fn keep(session: &dyn Session, by: By, said: [Option<Rate>; Who::ALL.len()]) -> Result<OwnLimits> {
        let say = |own: &mut OwnLimits| {
            let of = match by {
                By::Operator => &mut own.given,
                By::Administrator => &mut own.asked,
            };
            for (of, said) in of.iter_mut().zip(said) {
                *of = said.or(*of);
            }
            Ok(())
        };
        kept::change(session, KEY, say).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock, random, tenants};
    use std::sync::Arc;
    use std::time::Duration;
    use store::{Keeper, SqliteStore, Store, Unwrapped};

    #[tokio::test]
    async fn what_two_say_at_once_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Arc::new(Keeper::new(Arc::new(Unwrapped), random::fill));
        let store = SqliteStore::open(folder.path(), clock::now_ms, Duration::from_secs(10), keeper).await.unwrap();
        let session = store.open(&tenants::create(&store, "north").await.unwrap().unwrap()).await.unwrap();
        for number in 1..=20 {
            let said = [Some(number.to_string().parse().unwrap()); Who::ALL.len()];
            let keep = |by| OwnLimits::keep(&*session, by, said);
            let (given, asked) = tokio::join!(keep(By::Operator), keep(By::Administrator));
            let own = OwnLimits::of(&*session).await.unwrap();
            for (by, kept) in [(By::Operator, given), (By::Administrator, asked)] {
                assert!(kept.is_err() || own.said(by) == said, "round {number}: {kept:?}, and then {own:?}");
            }
        }
    }
}
