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
        let mut own = OwnLimits::of(session).await?;
        let of = match by {
            By::Operator => &mut own.given,
            By::Administrator => &mut own.asked,
        };
        for (of, said) in of.iter_mut().zip(said) {
            *of = said.or(*of);
        }
        kept::set(session, KEY, &own).await?;
        Ok(own)
    }
}
