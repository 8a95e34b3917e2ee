//! Who of a provider is whom here: users are made at their first sign-in and brought up to date at each, where the tenant
//! wants that. Nobody becomes a user who is here already because names are alike.

use super::Desk;
use crate::auth::account::{self, Account};
use crate::auth::federation::{Admission, Claims, Identity, Provider, Stranger, Unmatched, identity_key};
use crate::auth::kept::{self, Entry};
use crate::auth::{logout, password, sign_ins};
use crate::http::oauth::picker;
use crate::http::oauth::problem::Result;
use crate::random;
use engine::{Caller, Scopes};
use store::Key;

/// How often a change is tried while others make theirs.
const RACES: usize = 8;

/// Why somebody whom the provider let in is not let in here.
#[derive(Clone, Copy)]
pub enum Refused {
    /// The rules do not.
    Stranger(Stranger),
    /// Nobody is made a user by signing in.
    NotLinked,
    /// The provider gives no name that a user can have.
    NoName,
    /// A user who is not this one has the name.
    NameTaken,
    /// Nobody in the records has the identifier, or several have.
    NotInRecords,
    /// The user may not sign in.
    Disabled,
}

impl Refused {
    /// For the log.
    pub fn cause(self) -> &'static str {
        match self {
            Refused::Stranger(Stranger::Domain) => "no verified address of a domain that may come",
            Refused::Stranger(Stranger::Rules(Unmatched::LeftOut)) => {
                "the provider left out a list that a rule looks at"
            }
            Refused::Stranger(Stranger::Rules(Unmatched::Weak)) => "a rule asks for another way of authentication",
            Refused::Stranger(Stranger::Rules(Unmatched::None)) => "no rule matches",
            Refused::NotLinked => "not linked with a user",
            Refused::NoName => "no name that a user can have",
            Refused::NameTaken => "another user has the name",
            Refused::NotInRecords => "not exactly one in the records has the identifier",
            Refused::Disabled => "the user is disabled",
        }
    }

    /// For the person.
    pub fn told(self) -> &'static str {
        match self {
            Refused::Stranger(Stranger::Domain) => {
                "People with your e-mail address do not sign in here, or your provider has not verified the address."
            }
            Refused::Stranger(Stranger::Rules(Unmatched::LeftOut)) => {
                "You are in so many groups that your provider does not say which. Ask whoever administers it to send roles, or \
                 only the groups that matter here."
            }
            Refused::Stranger(Stranger::Rules(Unmatched::Weak)) => {
                "Sign in at your provider in a stronger way, with a second factor, and try again."
            }
            Refused::Stranger(Stranger::Rules(Unmatched::None)) => {
                "Your provider knows you, but nothing that it says gives you access here. Ask whoever administers this place."
            }
            Refused::NotLinked | Refused::NameTaken => {
                "Your provider knows you, but you are not linked with a user here. Ask whoever administers this place."
            }
            Refused::NoName => "Your provider gives no name by which you can be known here.",
            Refused::NotInRecords => "You were not found in the records here. Ask whoever administers this place.",
            Refused::Disabled => "You may not sign in here any more. Ask whoever administers this place.",
        }
    }
}

/// What the provider's claims make of somebody.
struct Given {
    admission: Admission,
    fhir_user: String,
    name: String,
}

/// The user that somebody is.
pub async fn user(
    desk: &Desk<'_>,
    provider: &Entry<Provider>,
    claims: &Claims,
) -> Result<std::result::Result<Entry<Account>, Refused>> {
    let text = |name: &str| claims.text(name).unwrap_or_default();
    let key = identity_key(&provider.key, text("iss"), text("sub"));
    let identity = kept::find::<Identity>(&*desk.session, &key).await?;
    let admission = match provider.value.admits(claims) {
        Ok(admission) => admission,
        Err(why) => {
            // What held before holds no longer.
            if let Some(identity) = identity {
                account::sign_out(&*desk.session, desk.tenant(), &identity.value.account).await?;
            }
            return Ok(Err(Refused::Stranger(why)));
        }
    };
    match identity {
        Some(identity) => known(desk, provider, claims, admission, identity.value.account).await,
        None if !provider.value.makes_users => Ok(Err(Refused::NotLinked)),
        None => new(desk, provider, claims, admission, key).await,
    }
}

/// A user who was here before. Only what a provider made does it change.
async fn known(
    desk: &Desk<'_>,
    provider: &Entry<Provider>,
    claims: &Claims,
    admission: Admission,
    username: String,
) -> Result<std::result::Result<Entry<Account>, Refused>> {
    for _ in 0..RACES {
        let Some(mut account) = account::find(&*desk.session, &username).await? else {
            return Ok(Err(Refused::NotLinked));
        };
        if !account.value.is_enabled {
            return Ok(Err(Refused::Disabled));
        }
        if account.value.provider.as_ref() != Some(&provider.key) {
            return Ok(Ok(account));
        }
        let Some(given) = given(desk, provider, claims, admission.clone()).await? else {
            account::sign_out(&*desk.session, desk.tenant(), &username).await?;
            return Ok(Err(Refused::NotInRecords));
        };
        let was_out = account.value.signed_out;
        if !given.change(&mut account.value, desk.now) {
            return Ok(Ok(account));
        }
        let mut changes = vec![account.replace()?];
        if account.value.signed_out != was_out {
            changes.extend(sign_ins::end_all(&*desk.session, &username).await?);
        }
        if kept::write(&*desk.session, changes).await? {
            logout::wake(desk.tenant());
            return Ok(Ok(account));
        }
    }
    Err(raced().into())
}

/// A user who signs in for the first time.
async fn new(
    desk: &Desk<'_>,
    provider: &Entry<Provider>,
    claims: &Claims,
    admission: Admission,
    key: String,
) -> Result<std::result::Result<Entry<Account>, Refused>> {
    let told = claims.text(&provider.value.username_claim).unwrap_or_default();
    let Ok(username) = account::checked_name(told) else { return Ok(Err(Refused::NoName)) };
    let Some(given) = given(desk, provider, claims, admission).await? else { return Ok(Err(Refused::NotInRecords)) };
    let account = Account {
        id: random::id(),
        fhir_user: given.fhir_user,
        name: given.name,
        password: password::of_nobody(),
        scope: given.admission.scope,
        roles: given.admission.roles,
        is_enabled: true,
        is_administrator: false,
        place: None,
        signed_out: 0,
        email: None,
        provider: Some(provider.key.clone()),
    };
    let identity = Identity { provider: provider.key.clone(), account: username.clone() };
    let changes = vec![kept::insert(username.clone(), &account, None)?, kept::insert(key, &identity, None)?];
    if !kept::write(&*desk.session, changes).await? {
        return Ok(Err(Refused::NameTaken));
    }
    tracing::info!(tenant = desk.tenant(), provider = provider.key, "a user is made at the first sign-in");
    Ok(account::find(&*desk.session, &username).await?.ok_or(Refused::Disabled))
}

impl Given {
    /// Brings an account up to date; whether that changes it. What it may do no longer ends with all that was granted of it.
    fn change(self, account: &mut Account, now: i64) -> bool {
        let Admission { roles, scope } = self.admission;
        let is_same = account.scope == scope && account.roles == roles && account.fhir_user == self.fhir_user;
        if is_same && account.name == self.name {
            return false;
        }
        if !is_same {
            account.signed_out = now;
        }
        (account.scope, account.roles) = (scope, roles);
        (account.fhir_user, account.name) = (self.fhir_user, self.name);
        true
    }
}

/// What an account is made of; `None` if the person is not in the records.
async fn given(
    desk: &Desk<'_>,
    provider: &Entry<Provider>,
    claims: &Claims,
    admission: Admission,
) -> Result<Option<Given>> {
    let Some(tie) = &provider.value.tie else { return Ok(None) };
    let Some(value) = claims.text(&tie.claim) else { return Ok(None) };
    // Whoever administers the provider's registration may read everything.
    let (scopes, _) = Scopes::parse(&format!("system/{}.rs", tie.of), None);
    let caller = Caller { subject: format!("provider:{}", provider.key), scopes, ..Caller::default() };
    let context = desk.server.engine.context(&desk.known.tenant, caller, &desk.base()).await?;
    let Some(id) = picker::identified(desk, &context, &tie.of, &tie.system, value).await? else { return Ok(None) };
    let key = Key::new(&tie.of, &id);
    let name = match claims.text("name") {
        Some(name) => name.to_owned(),
        None => account::name_of(&*desk.session, &key).await?,
    };
    Ok(Some(Given { admission, fhir_user: key.to_string(), name }))
}

fn raced() -> ::fhir::Failure {
    ::fhir::Failure::new(::fhir::IssueType::Transient, "The account is being changed by others; try again.")
}
