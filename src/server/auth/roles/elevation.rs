//! Elevation: whoever has the permission on the platform acts in a tenant for a while, with a reason that the tenant keeps.
//! What an elevated caller may do is what the platform's roles say now.

use super::{Assignment, find};
use crate::auth::account::{self, Account};
use crate::auth::kept::{self, Kept};
use crate::auth::secret;
use crate::{clock, random, tenants};
use engine::{Answer, Call, Caller, Duties, Operation, Realm, Role, Scopes, Security, SecurityEvent};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{Session, Store};

/// What tokens of elevations begin with.
const PREFIX: &str = "mse_";
/// The longest elevation, in minutes.
const LONGEST: i64 = 60;
/// The fewest characters of a reason, and the most.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;
/// What an elevated caller's requests ask for; the roles decide.
const SCOPE: &str = "user/*.cruds";

/// An elevation, kept in the tenant that it is for under its id until it ends. Times are in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
pub struct Elevation {
    /// The user's name on the platform.
    pub account: String,
    /// What tokens call the user there.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// When it began.
    pub began: i64,
    /// When it ends.
    pub until: i64,
    /// When the user signed in.
    pub authenticated: i64,
    hash: String,
}

impl Kept for Elevation {
    const KIND: &'static str = "elevation";
}

/// What a caller shows of an elevation: its id and a hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    id: String,
    hash: String,
}

/// Reads what was sent as a token; `None` if it is none of an elevation.
pub fn read(token: &str) -> Option<Shown> {
    let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
    Some(Shown { id: id.to_owned(), hash: secret::hash(secret) })
}

/// The elevation that is shown, and what it lets the caller do now; fails with 401 unless it holds.
pub async fn living(store: &dyn Store, session: &dyn Session, shown: &Shown, now: i64) -> Result<(Elevation, Duties)> {
    let over = || Failure::new(IssueType::Unknown, "The elevation is unknown or over.");
    let found = kept::find::<Elevation>(session, &shown.id).await?.map(|it| it.value);
    let elevation = found.filter(|it| it.hash == shown.hash && now < it.until).ok_or_else(over)?;
    let platform = platform(store).await?.ok_or_else(over)?;
    let account = account::find(&*platform, &elevation.account).await?.map(|it| it.value);
    let holds = |it: &Account| it.is_enabled && it.id == elevation.subject && it.signed_out < elevation.began;
    let roles = elevating(&*platform, &account.filter(holds).ok_or_else(over)?.roles).await?;
    match roles.is_empty() {
        true => Err(over()),
        false => Ok((elevation, Duties { roles, ..Duties::default() })),
    }
}

/// The caller of an elevation, bound by its roles.
pub fn caller(elevation: &Elevation, duties: &Duties) -> Caller {
    Caller {
        subject: format!("platform:{}", elevation.subject),
        roles: duties.names(),
        scopes: Scopes::parse(SCOPE, None).0.met_by(duties),
        purposes: duties.purposes(),
        authenticated: Some(elevation.authenticated),
        ..Caller::default()
    }
}

async fn platform(store: &dyn Store) -> Result<Option<Arc<dyn Session>>> {
    match store.tenant(tenants::PLATFORM).await? {
        Some(tenant) => Ok(Some(store.open(&tenant).await?)),
        None => Ok(None),
    }
}

/// The roles by which somebody may be elevated.
async fn elevating(platform: &dyn Session, assignments: &[Assignment]) -> Result<Vec<Role>> {
    let mut roles = Vec::new();
    for assignment in assignments {
        let role = find(platform, &assignment.role).await?;
        let may = |it: &Role| it.of == Realm::Platform && it.permissions.iter().any(|it| it == "elevation");
        roles.extend(role.filter(may));
    }
    Ok(roles)
}

/// `$elevate`. The operation is ours; R4 has none for it.
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../../profiles/operations/elevate.json"),
        demands: crate::auth::operations::ALL,
        extras: &[],
        run: |call| Box::pin(elevate(call)),
    }
}

async fn elevate(call: Call<'_>) -> Result<Answer> {
    let refused = |told: &str| Failure::new(IssueType::Forbidden, told);
    if call.ctx.tenant().name() != tenants::PLATFORM {
        return Err(refused("Whoever runs the platform is elevated on the tenant platform."));
    }
    crate::auth::operations::demand_administrator(&call).await?;
    let caller = call.ctx.caller();
    let platform = call.ctx.session();
    let account = kept::all::<Account>(platform).await?.into_iter().find(|it| it.value.id == caller.subject);
    let (Some(account), Some(authenticated)) = (account, caller.authenticated) else {
        return Err(refused("A user of the platform is elevated, nobody else."));
    };
    let text = |name: &str| call.arguments.text(name).unwrap_or_default().trim();
    let (name, reason) = (text("tenant"), text("reason"));
    if !REASON.contains(&reason.chars().count()) {
        return Err(Failure::new(IssueType::Value, "Say why, in 10 to 500 characters."));
    }
    let minutes: i64 = text("minutes").parse().unwrap_or_default();
    if !(1..=LONGEST).contains(&minutes) {
        return Err(Failure::new(IssueType::Value, format!("minutes is 1 to {LONGEST}.")));
    }
    let store = call.engine.store();
    let tenant = store.tenant(name).await?.filter(|_| name != tenants::PLATFORM);
    let tenant =
        tenant.ok_or_else(|| Failure::new(IssueType::NotFound, "There is no such tenant to be elevated in."))?;
    let (now, id, secret) = (clock::now_ms(), random::id(), secret::new()?);
    let elevation = Elevation {
        account: account.key,
        subject: account.value.id,
        reason: reason.to_owned(),
        began: now,
        until: now + minutes * 60_000,
        authenticated,
        hash: secret::hash(&secret),
    };
    let change = kept::insert(id.clone(), &elevation, Some(elevation.until))?;
    let session = store.open(&tenant).await?;
    let event = |subject: String, about: &str| SecurityEvent {
        what: Security::Elevation,
        status: 200,
        subject,
        origin: call.ctx.origin().clone(),
        about: Some(about.to_owned()),
        asked: None,
        reason: None,
    };
    // The platform's log tells where, before it holds; the tenant's why, with the change: there is no elevation without either.
    call.engine.record(platform, event(elevation.subject.clone(), name)).await?;
    let audit = call.engine.recorded(event(format!("platform:{}", elevation.subject), reason))?;
    kept::decided(kept::write_with(&*session, vec![change], audit).await?)?;
    tracing::warn!(
        tenant = name,
        user = elevation.subject,
        elevation = id,
        minutes,
        "somebody of the platform is elevated"
    );
    let until = datetime::instant(elevation.until.saturating_mul(1000));
    let parameter = json!([
        { "name": "token", "valueString": format!("{PREFIX}{id}_{secret}") },
        { "name": "expires", "valueInstant": until },
    ]);
    Ok(Answer::new(200, json!({ "resourceType": "Parameters", "parameter": parameter }).to_string()))
}
