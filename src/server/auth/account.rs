//! Users of a tenant: each is a Practitioner, Patient, RelatedPerson or Person, has a password, and may do what their roles
//! let them, and the rules that they have alone.

use super::kept::{self, Entry, Kept};
use super::roles::{self, Assignment};
use super::{logout, password, sign_ins};
use crate::mail::EmailAddress;
use crate::{clock, random};
use engine::Grant;
use fhir::json::Doc;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{Key, Session};

/// The resource types that a user can be.
const KINDS: [&str; 4] = ["Practitioner", "Patient", "RelatedPerson", "Person"];

/// An account, kept under the user's name in lower case.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// What tokens call the user: stays the same whatever else changes.
    pub id: String,
    /// The resource that the user is: `Practitioner/1`.
    pub fhir_user: String,
    /// What pages call the user.
    pub name: String,
    /// The password's hash.
    pub password: String,
    /// Rules that the user has alone, beside roles: scopes on resources. Accounts from before there were roles have these.
    pub scope: String,
    /// The roles, which say what an app can do for the user at the most.
    #[serde(default)]
    pub roles: Vec<Assignment>,
    /// The Organization or Location that the user chose last to act in, in whichever browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether the user may sign in.
    pub is_enabled: bool,
    /// What was granted, and where the user signed in, before this time holds no longer.
    pub signed_out: i64,
    /// Where mails for the user go; somebody has seen that they arrive.
    #[serde(default)]
    pub email: Option<EmailAddress>,
    /// The provider that made the account, and that it is only used by: its claims say what the account has.
    #[serde(default)]
    pub provider: Option<String>,
    /// Whether the user administers the tenant: the mark of accounts from before there were roles.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_administrator: bool,
}

impl Kept for Account {
    const KIND: &'static str = "account";
}

/// What an account is made of.
pub struct NewAccount {
    /// The user's name.
    pub username: String,
    /// `Practitioner/1`
    pub fhir_user: String,
    /// Rules that the user is to have alone: scopes on resources.
    pub scope: Option<String>,
    /// Roles that are there; those that the kind of user has where neither these nor rules are given.
    pub roles: Vec<Assignment>,
    /// Where mails for the user go.
    pub email: Option<EmailAddress>,
}

/// A user's name as it is kept.
pub fn folded(username: &str) -> String {
    username.trim().to_lowercase()
}

/// The account of a user.
pub async fn find(session: &dyn Session, username: &str) -> Result<Option<Entry<Account>>> {
    kept::find(session, &folded(username)).await
}

/// Makes an account; fails if the name is taken, the resource is not there or something else is wrong with it.
pub async fn create(session: &dyn Session, new: NewAccount, password: &str) -> Result<Account> {
    let hash = chosen_password(&new.username, password).await?;
    let (username, account) = made(session, new, hash).await?;
    match kept::write(session, vec![kept::insert(username, &account, None)?]).await? {
        true => Ok(account),
        false => Err(is_taken()),
    }
}

/// The hash of a password that a user may choose.
pub async fn chosen_password(username: &str, password: &str) -> Result<String> {
    password::check(password, &checked_name(username)?).await?;
    password::hash(password.to_owned()).await
}

/// The account of a user with this hash of a password, and the name to keep it under; fails if the name is taken, the resource
/// is not there or something else is wrong with it.
pub async fn made(session: &dyn Session, new: NewAccount, hash: String) -> Result<(String, Account)> {
    let username = checked_name(&new.username)?;
    let (key, scope) = checked_user(session, &new.fhir_user, new.scope.as_deref()).await?;
    let roles = match new.roles.is_empty() && scope.is_empty() {
        true => roles::usual(&key.of),
        false => new.roles,
    };
    let name = name_of(session, &key).await?;
    if find(session, &username).await?.is_some() {
        return Err(is_taken());
    }
    let account = Account {
        id: random::id(),
        fhir_user: key.to_string(),
        name,
        password: hash,
        scope,
        roles,
        is_enabled: true,
        signed_out: 0,
        email: new.email,
        provider: None,
        is_administrator: false,
        place: None,
    };
    Ok((username, account))
}

/// A user's name as it is kept; fails if it can be none.
pub fn checked_name(username: &str) -> Result<String> {
    let username = folded(username);
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '@' | '+');
    match (1..=100).contains(&username.len()) && username.chars().all(is_plain) {
        true => Ok(username),
        false => Err(refused("A user's name is 1 to 100 letters, digits and . - _ @ +.")),
    }
}

/// Who a user is and the rules that the user has alone; fails if the resource is not there, or a scope is none.
pub async fn checked_user(session: &dyn Session, fhir_user: &str, scope: Option<&str>) -> Result<(Key, String)> {
    let key = user_key(fhir_user)?;
    current(session, &key).await?;
    let scope = scope.unwrap_or_default();
    match scope.split_whitespace().find(|it| Grant::parse(it).is_none()) {
        None => Ok((key, scope.to_owned())),
        Some(word) => {
            Err(refused(format!("{} is no scope on resources that this server has.", fhir::outcome::shown(word))))
        }
    }
}

/// The name of a new user is another's.
pub fn is_taken() -> Failure {
    Failure::new(IssueType::Duplicate, "There is a user of this name already.").with_status(409)
}

/// Ends all that was granted for a user, and all sign-ins, of which apps are told.
pub async fn sign_out(session: &dyn Session, tenant: &str, username: &str) -> Result<()> {
    // Others change an account now and then, never many at a time.
    for _ in 0..8 {
        let Some(mut account) = find(session, username).await? else { return Ok(()) };
        account.value.signed_out = clock::now_ms();
        let mut changes = sign_ins::end_all(session, &account.key).await?;
        changes.push(account.replace()?);
        if kept::write(session, changes).await? {
            logout::wake(tenant);
            return Ok(());
        }
    }
    Err(Failure::new(IssueType::Transient, "The account is being changed by others; try again."))
}

/// The key of the resource that a user is.
pub fn user_key(reference: &str) -> Result<Key> {
    match reference.split_once('/') {
        Some((of, id)) if KINDS.contains(&of) && !id.is_empty() && !id.contains('/') => Ok(Key::new(of, id)),
        _ => Err(refused("A user is a Practitioner, Patient, RelatedPerson or Person of the tenant: Practitioner/1.")),
    }
}

async fn current(session: &dyn Session, key: &Key) -> Result<Doc> {
    let doc = found(session, key).await?;
    doc.ok_or_else(|| refused(format!("There is no such {} in the tenant.", key.of)))
}

/// A resource as it is now, unless it was deleted.
pub async fn found(session: &dyn Session, key: &Key) -> Result<Option<Doc>> {
    let Some(stored) = session.read(key).await?.filter(|it| !it.is_deleted()) else { return Ok(None) };
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    Doc::parse(text).map(Some).map_err(Failure::internal)
}

/// A person's name, as a page shows it.
pub async fn name_of(session: &dyn Session, key: &Key) -> Result<String> {
    let doc = current(session, key).await?;
    Ok(human_name(doc.root()).unwrap_or_else(|| key.of.clone()))
}

/// The first name of a resource in one line.
pub fn human_name(resource: fhir::json::Value<'_>) -> Option<String> {
    let name = resource.get("name")?.each().next()?;
    if let Some(text) = name.str("text") {
        return Some(text.to_owned());
    }
    let given = name.get("given").into_iter().flat_map(|it| it.each()).filter_map(|it| it.scalar());
    let parts: Vec<&str> = given.chain(name.str("family")).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An account without roles.
    pub fn account() -> Account {
        Account {
            id: "1".into(),
            fhir_user: "Practitioner/1".into(),
            name: "Ana".into(),
            password: String::new(),
            scope: String::new(),
            roles: Vec::new(),
            is_enabled: true,
            signed_out: 0,
            email: None,
            provider: None,
            is_administrator: false,
            place: None,
        }
    }

    #[test]
    fn an_account_from_before_roles_is_read_as_it_was() {
        let text = r#"{"id":"1","fhir_user":"Practitioner/1","name":"Ana","password":"","scope":"user/*.cruds",
            "is_enabled":true,"signed_out":0,"is_administrator":true}"#;
        let read: Account = serde_json::from_str(text).unwrap();
        assert_eq!((read.scope.as_str(), read.roles.len(), read.is_administrator), ("user/*.cruds", 0, true));
    }
}
