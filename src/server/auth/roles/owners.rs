//! That a tenant does not lose the last of its owners, nor the platform its last super administrator.

use super::{Assignment, TOP};
use crate::auth::account::Account;
use crate::auth::kept::{self, Kept};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{LedgerChange, Session};

/// The only key of its kind in the ledger.
const KEY: &str = "owners";

/// How often somebody lost a top role. Two who take it from each other at the same time change the same entry.
#[derive(Default, Serialize, Deserialize)]
struct Losses {
    count: u64,
}

impl Kept for Losses {
    const KIND: &'static str = "owners";
}

/// What else is to be written where a user loses a top role: nothing, or the count of losses. Fails with 409 for the last who
/// has it.
pub async fn change(
    session: &dyn Session,
    username: &str,
    before: &[Assignment],
    after: &[Assignment],
) -> Result<Option<LedgerChange>> {
    let lost = TOP.into_iter().find(|it| is_top(before, it) && !is_top(after, it));
    let Some(role) = lost else { return Ok(None) };
    let losses = kept::find::<Losses>(session, KEY).await?;
    let has_it = |it: &kept::Entry<Account>| it.key != username && it.value.is_enabled && is_top(&it.value.roles, role);
    if !kept::all::<Account>(session).await?.iter().any(has_it) {
        let told = format!("This is the last user with the role {role}: give it to somebody else first.");
        return Err(Failure::new(IssueType::BusinessRule, told).with_status(409));
    }
    Ok(Some(match losses {
        Some(mut entry) => {
            entry.value.count += 1;
            entry.replace()?
        }
        None => kept::insert(KEY, &Losses { count: 1 }, None)?,
    }))
}

fn is_top(roles: &[Assignment], role: &str) -> bool {
    roles.iter().any(|it| it.role == role && it.place.is_none())
}
