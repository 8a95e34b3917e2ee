//! Whether a tenant demands a second factor, and of whom.

use crate::auth::kept::{self, Kept};
use fhir::Result;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use store::Session;

/// The only key of this kind in the ledger.
const KEY: &str = "sign-ins";

/// Of whom a second factor is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Of nobody who has none.
    #[default]
    Optional,
    /// Of all but patients and those who are related to them.
    Staff,
    /// Of everybody.
    All,
}

impl Kept for Demand {
    const KIND: &'static str = "second-factor";
}

const WORDS: [(Demand, &str); 3] = [(Demand::Optional, "optional"), (Demand::Staff, "staff"), (Demand::All, "all")];

impl FromStr for Demand {
    type Err = String;

    fn from_str(text: &str) -> Result<Demand, String> {
        let found = WORDS.iter().find(|(_, word)| *word == text).map(|(demand, _)| *demand);
        found.ok_or_else(|| format!("{text} is none of optional, staff and all"))
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(demand, _)| demand == self).map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

impl Demand {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<Demand> {
        Ok(kept::find(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// Keeps this for the tenant: what was begun with less ends at once.
    pub async fn keep(self, session: &dyn Session) -> Result<()> {
        kept::set(session, KEY, &self).await
    }

    /// Whether it is made of the user who is this resource, such as `Practitioner/1`.
    pub fn is_of(self, fhir_user: &str) -> bool {
        match self {
            Demand::Optional => false,
            Demand::Staff => !matches!(fhir_user.split('/').next(), Some("Patient" | "RelatedPerson")),
            Demand::All => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn staff_is_who_is_neither_patient_nor_related() {
        let of = |demand: &str| {
            let demand: Demand = demand.parse().unwrap();
            ["Practitioner/1", "Person/1", "Patient/1", "RelatedPerson/1"].map(|it| demand.is_of(it))
        };
        assert_eq!(of("optional"), [false; 4]);
        assert_eq!(of("staff"), [true, true, false, false]);
        assert_eq!(of("all"), [true; 4]);
        assert!("some".parse::<Demand>().is_err() && Demand::Staff.to_string() == "staff");
    }
}
