//! `medisync user import`

use super::user::told;
use crate::auth::account::{self, NewAccount};
use crate::auth::roles::{self, Assignment};
use crate::auth::{kept, old_hash};
use anyhow::{Context, Result, bail};
use fhir::Failure;
use serde::Deserialize;
use std::path::Path;
use store::Session;

/// A user as a line of the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    username: String,
    /// `Practitioner/1`
    user: String,
    /// bcrypt's.
    password_hash: String,
    scope: Option<String>,
    /// `nurse`, `nurse@Location/1`
    #[serde(default)]
    roles: Vec<String>,
    email: Option<String>,
}

/// How many users were made, and how many were there.
#[derive(Default)]
pub struct Imported {
    /// Made.
    pub made: usize,
    /// Left as they are.
    pub known: usize,
}

/// Makes the users of a file, one JSON object to a line. Those whose names are there are left as they are, so that what was
/// interrupted can be done once more.
pub async fn import(session: &dyn Session, tenant: &str, file: &Path) -> Result<Imported> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut imported = Imported::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, it)| !it.trim().is_empty()) {
        let is_made = add(session, tenant, line).await.with_context(|| format!("{} line {number}", file.display()))?;
        if is_made { imported.made += 1 } else { imported.known += 1 }
    }
    Ok(imported)
}

async fn add(session: &dyn Session, tenant: &str, line: &str) -> Result<bool> {
    // What serde says of a wrong line may repeat what stands in it.
    let Ok(line) = serde_json::from_str::<Line>(line) else {
        bail!("the line has no username, user, password_hash and, where wanted, roles, scope and email as JSON")
    };
    let Line { username, user, password_hash, scope, roles, email } = line;
    if account::find(session, &username).await.map_err(told)?.is_some() {
        return Ok(false);
    }
    let made = async {
        let roles = roles.iter().map(|it| it.parse()).collect::<Result<Vec<Assignment>, Failure>>()?;
        roles::checked(session, tenant, &roles).await?;
        let email = email.map(|it| it.parse()).transpose()?;
        let mut changes = Vec::from_iter(old_hash::take(session, &password_hash).await?);
        let new = NewAccount { username, fhir_user: user, scope, roles, email };
        let (username, account) = account::made(session, new, password_hash).await?;
        changes.push(kept::insert(username, &account, None)?);
        kept::decided(kept::write(session, changes).await?)?;
        Ok::<_, Failure>(true)
    };
    made.await.map_err(told)
}
