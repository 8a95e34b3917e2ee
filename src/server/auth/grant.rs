//! What a user, or the operator, granted a client. Every token but those of `medisync token` belongs to a grant, and holds
//! as long as the grant does.

use super::account::Account;
use super::client::Client;
use super::factor::assurance;
use super::factor::demand::Demand;
use super::federation::SignOn;
use super::kept::{self, Entry, Kept};
use super::roles;
use super::standing;
use super::{Claims, secret, sign_ins, visit};
use crate::{clock, random};
use engine::Duties;
use fhir::Result;
use serde::{Deserialize, Serialize};
use store::{Session, Tenant};

/// How long an access token holds, in seconds: a user's, and a program's (SMART says five minutes at the most).
pub const USER_TOKEN: i64 = 3600;
/// See [`USER_TOKEN`].
pub const SYSTEM_TOKEN: i64 = 300;
/// How long a grant with a refresh token holds after its last use, in milliseconds.
pub const UNUSED: i64 = 90 * 24 * 3600 * 1000;

/// A grant, kept under a random name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Grant {
    /// The client's id.
    pub client: String,
    /// The user's name; none if the client acts for nobody.
    pub account: Option<String>,
    /// What tokens call whom they speak for.
    pub subject: String,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// The patient in context.
    pub patient: Option<String>,
    /// The encounter in context.
    pub encounter: Option<String>,
    /// The resource that the user is: `Practitioner/1`.
    pub fhir_user: Option<String>,
    /// What pages call the user.
    pub name: Option<String>,
    /// When it was given, in milliseconds since the epoch.
    pub began: i64,
    /// When the user signed in, in milliseconds since the epoch.
    pub authenticated: Option<i64>,
    /// By what (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// The Organization or Location that the user acts in.
    #[serde(default)]
    pub place: Option<String>,
    /// How many refresh tokens there were: only the last one is good.
    pub generation: u32,
    /// The sign-in that it ends with (`online_access`).
    pub visit: Option<String>,
    /// The sign-on by a provider that it ends with: that of a user who did not want it to go on without one.
    #[serde(default)]
    pub sign_on: Option<String>,
    /// The user's sign-in in which it was given; if that is ended, it ends too.
    #[serde(default)]
    pub sid: Option<String>,
}

impl Kept for Grant {
    const KIND: &'static str = "grant";
}

impl Grant {
    /// Whether a scope was granted.
    pub fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|it| it == scope)
    }

    /// Whether it goes on by refresh tokens.
    pub fn is_refreshed(&self) -> bool {
        self.has("offline_access") || self.has("online_access")
    }

    /// How long its access tokens hold, in seconds.
    pub fn token_time(&self) -> i64 {
        if self.account.is_some() { USER_TOKEN } else { SYSTEM_TOKEN }
    }

    /// Until when it is kept, if it is used now.
    pub fn until(&self, now: i64) -> i64 {
        now + if self.is_refreshed() { UNUSED } else { self.token_time() * 1000 }
    }

    /// What an access token of it says.
    pub fn claims(&self, name: &str, issuer: &str, tenant: &str, now: i64) -> Claims {
        Claims {
            iss: Claims::issuer(issuer, tenant),
            aud: Claims::audience(tenant),
            sub: self.subject.clone(),
            tenant: tenant.to_owned(),
            place: self.place.clone(),
            scope: self.scope.clone(),
            iat: now / 1000,
            exp: now / 1000 + self.token_time(),
            jti: random::id(),
            client_id: Some(self.client.clone()),
            grant: Some(name.to_owned()),
            patient: self.patient.clone(),
            encounter: self.encounter.clone(),
            fhir_user: self.fhir_user.clone(),
            auth_time: self.authenticated.map(|it| it / 1000),
            acr: self.authenticated.map(|_| assurance::class(&self.amr).to_owned()),
            ..Claims::default()
        }
    }

    /// Its refresh token, the last one.
    pub fn refresh_token(&self, name: &str, tenant: &Tenant) -> String {
        let mac = secret::derived(&tenant.secrets().page_key, &purpose(name, self.generation));
        format!("{name}.{}.{mac}", self.generation)
    }
}

fn purpose(name: &str, generation: u32) -> String {
    format!("refresh token {generation} of {name}")
}

/// The name of the grant and the generation of a refresh token that this tenant issued.
pub fn read_refresh_token<'t>(token: &'t str, tenant: &Tenant) -> Option<(&'t str, u32)> {
    let mut parts = token.splitn(3, '.');
    let (name, generation, mac) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
    secret::is_derived(&tenant.secrets().page_key, &purpose(name, generation), mac).then_some((name, generation))
}

/// A grant that holds.
pub struct Living {
    /// The grant.
    pub grant: Entry<Grant>,
    /// What its user may do now; none where it acts for nobody.
    pub duties: Option<Duties>,
    /// Whether its user acts in another place by now than it was given for: it holds there, once it is refreshed.
    pub has_moved: bool,
}

/// The grant, as long as it, its client, its user, who that is, where the user acts, what the tenant demands of sign-ins and, where it is bound to one, the sign-in all hold.
pub async fn living(session: &dyn Session, name: &str) -> Result<Option<Living>> {
    Ok(moved(session, name).await?.filter(|it| !it.has_moved))
}

/// The same, moved to where the user acts by now: a person acts in one place at a time, and what was granted in another goes on
/// in that one when it is refreshed.
pub async fn moved(session: &dyn Session, name: &str) -> Result<Option<Living>> {
    let Some(mut grant) = kept::find::<Grant>(session, name).await? else { return Ok(None) };
    let client = kept::find::<Client>(session, &grant.value.client).await?;
    if !client.is_some_and(|it| it.value.is_approved) {
        return Ok(None);
    }
    let (mut duties, mut has_moved) = (None, false);
    if let Some(username) = &grant.value.account {
        let account = kept::find::<Account>(session, username).await?.map(|it| it.value);
        let holds = |it: &Account| it.is_enabled && it.signed_out < grant.value.began;
        let Some(account) = account.filter(holds) else { return Ok(None) };
        if !assurance::is_two(&grant.value.amr) && Demand::of(session).await?.is_of(&account.fhir_user) {
            return Ok(None);
        }
        if !sign_ins::holds(session, username, grant.value.sid.as_deref()).await? {
            return Ok(None);
        }
        let Some(fhir_user) = &grant.value.fhir_user else { return Ok(None) };
        let standing = standing::acting_as(session, &account, fhir_user, clock::now_ms()).await?;
        let Some(standing) = standing else { return Ok(None) };
        // A RelatedPerson may belong to another patient by now.
        if let (Some(own), Some(granted)) = (&standing.patient, &grant.value.patient)
            && own != granted
        {
            return Ok(None);
        }
        let place = roles::acting(&account, account.place.as_deref());
        if let (Some(now), Some(then)) = (place, &grant.value.place)
            && now != then
        {
            grant.value.place = Some(now.to_owned());
            has_moved = true;
        }
        duties = Some(roles::duties(session, &account, grant.value.place.as_deref(), &standing).await?);
    }
    if let Some(visit) = &grant.value.visit
        && !visit::holds(session, visit, clock::now_ms()).await?
    {
        return Ok(None);
    }
    let holds = SignOn::holds(session, grant.value.sign_on.as_deref()).await?;
    Ok(holds.then_some(Living { grant, duties, has_moved }))
}

/// Ends a grant with all its tokens.
pub async fn revoke(session: &dyn Session, name: &str) -> Result<()> {
    // A refresh may get in between.
    for _ in 0..8 {
        let Some(grant) = kept::find::<Grant>(session, name).await? else { return Ok(()) };
        if kept::write(session, vec![grant.delete()]).await? {
            return Ok(());
        }
    }
    Err(fhir::Failure::new(fhir::IssueType::Transient, "The grant is being changed by others; try again."))
}
