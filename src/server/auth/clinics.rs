//! One person's accounts in several tenants, linked by who has signed in to both in one browser. Either tenant keeps of
//! the other its name and nothing else; a link holds only where both keep it.

use super::kept::{self, Entry, Kept};
use super::operations::{ALL, demand_administrator};
use super::secret;
use engine::{Answer, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{LedgerChange, Session};

/// How long an offer holds, and a hand-over, in milliseconds.
const OFFERED: i64 = 10 * 60 * 1000;
const HANDED: i64 = 60 * 1000;
/// The most links of an account.
pub const MOST: usize = 50;
/// The only key of its kind in the ledger.
const KEY: &str = "switching";

/// A link as a user's list has it, kept under the user's name and the link's.
#[derive(Clone, Serialize, Deserialize)]
pub struct Clinic {
    /// The other tenant.
    pub tenant: String,
}

impl Kept for Clinic {
    const KIND: &'static str = "clinic";
}

/// The same link, kept under its name alone: who it leads to here, and from where.
#[derive(Clone, Serialize, Deserialize)]
struct Link {
    account: String,
    tenant: String,
}

impl Kept for Link {
    const KIND: &'static str = "clinic-link";
}

/// Somebody's offer to link an account with one of another tenant, kept under a hash of the browser's cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct Offer {
    /// The user's name here.
    pub account: String,
    /// The other tenant.
    pub to: String,
}

impl Kept for Offer {
    const KIND: &'static str = "clinic-offer";
}

/// A user who comes from another tenant, kept under a hash of the browser's cookie.
#[derive(Clone, Serialize, Deserialize)]
pub struct HandOver {
    /// The user's name here.
    pub account: String,
    /// When the user signed in there, in milliseconds since the epoch.
    pub began: i64,
}

impl Kept for HandOver {
    const KIND: &'static str = "hand-over";
}

/// Whether a tenant lets users in who are signed in to a linked account elsewhere. It does not unless it says so.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Switching {
    is_allowed: bool,
}

impl Kept for Switching {
    const KIND: &'static str = "switching";
}

/// Offers an account for a link with another tenant; gives the cookie that proves it there.
pub async fn offer(session: &dyn Session, account: &str, to: &str, now: i64) -> Result<String> {
    let cookie = secret::new()?;
    let offer = Offer { account: account.to_owned(), to: to.to_owned() };
    kept::write(session, vec![kept::insert(secret::hash(&cookie), &offer, Some(now + OFFERED))?]).await?;
    Ok(cookie)
}

/// The offer that a cookie proves.
pub async fn offered(session: &dyn Session, cookie: &str) -> Result<Option<Entry<Offer>>> {
    kept::find(session, &secret::hash(cookie)).await
}

/// Links the account that was offered in one tenant with an account of another one; uses the offer up.
pub async fn link(
    there: (&dyn Session, &str, Entry<Offer>),
    here: (&dyn Session, &str, &str),
    name: &str,
) -> Result<bool> {
    let (offering, offering_tenant, offer) = there;
    let (accepting, accepting_tenant, account) = here;
    if list(offering, &offer.value.account).await?.len() >= MOST || list(accepting, account).await?.len() >= MOST {
        return Err(Failure::new(IssueType::BusinessRule, format!("An account has {MOST} links at the most.")));
    }
    let mut changes = begun(name, &offer.value.account, accepting_tenant)?;
    changes.push(offer.delete());
    // Until both have it, it leads nowhere.
    Ok(kept::write(accepting, begun(name, account, offering_tenant)?).await? && kept::write(offering, changes).await?)
}

fn begun(name: &str, account: &str, tenant: &str) -> Result<Vec<LedgerChange>> {
    let link = Link { account: account.to_owned(), tenant: tenant.to_owned() };
    let clinic = Clinic { tenant: tenant.to_owned() };
    Ok(vec![kept::insert(name, &link, None)?, kept::insert(key(account, name), &clinic, None)?])
}

/// An account's links: their names and the other tenants.
pub async fn list(session: &dyn Session, account: &str) -> Result<Vec<(String, String)>> {
    let start = key(account, "");
    let found = kept::beginning::<Clinic>(session, &start, MOST).await?;
    Ok(found.into_iter().map(|it| (it.key[start.len()..].to_owned(), it.value.tenant)).collect())
}

/// The tenant that an account's link leads to.
pub async fn find(session: &dyn Session, account: &str, name: &str) -> Result<Option<String>> {
    Ok(kept::find::<Clinic>(session, &key(account, name)).await?.map(|it| it.value.tenant))
}

/// Ends one side of a link with another tenant.
pub async fn end(session: &dyn Session, name: &str, tenant: &str) -> Result<()> {
    let Some(link) = kept::find::<Link>(session, name).await?.filter(|it| it.value.tenant == tenant) else {
        return Ok(());
    };
    let clinic = kept::find::<Clinic>(session, &key(&link.value.account, name)).await?;
    let mut changes = vec![link.delete()];
    changes.extend(clinic.map(|it| it.delete()));
    match kept::write(session, changes).await? {
        true => Ok(()),
        false => Err(Failure::new(IssueType::Transient, "The link is being changed by others; try again.")),
    }
}

/// Has the account that a link from another tenant leads to be signed in, by the cookie that it gives; `None` where
/// there is no such link or the tenant does not allow it.
pub async fn hand_over(session: &dyn Session, name: &str, from: &str, began: i64, now: i64) -> Result<Option<String>> {
    let link = kept::find::<Link>(session, name).await?.filter(|it| it.value.tenant == from);
    let is_allowed = kept::find::<Switching>(session, KEY).await?.is_some_and(|it| it.value.is_allowed);
    let Some(link) = link.filter(|_| is_allowed) else { return Ok(None) };
    let cookie = secret::new()?;
    let account = link.value.account;
    let change = kept::insert(secret::hash(&cookie), &HandOver { account, began }, Some(now + HANDED))?;
    kept::write(session, vec![change]).await?;
    Ok(Some(cookie))
}

/// Who comes with a cookie, which is used up by this.
pub async fn arrived(session: &dyn Session, cookie: &str) -> Result<Option<HandOver>> {
    let Some(entry) = kept::find::<HandOver>(session, &secret::hash(cookie)).await? else { return Ok(None) };
    Ok(kept::write(session, vec![entry.delete()]).await?.then_some(entry.value))
}

fn key(account: &str, name: &str) -> String {
    format!("{account}/{name}")
}

/// `$switching`: a tenant's administrator says whether users may come from linked accounts. The operation is ours; R4 has
/// none for it.
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/switching.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(switching(call)),
    }
}

async fn switching(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let is_allowed = call.arguments.text("allowed") == Some("true");
    kept::set(call.ctx.session(), KEY, &Switching { is_allowed }).await?;
    let parameter = json!([{ "name": "allowed", "valueBoolean": is_allowed }]);
    Ok(Answer::new(200, json!({ "resourceType": "Parameters", "parameter": parameter }).to_string()))
}
