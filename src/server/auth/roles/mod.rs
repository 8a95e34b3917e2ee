//! Users' roles: those that every tenant has, a tenant's own, and who has which of them where.

pub mod elevation;
pub mod operations;
pub(super) mod owners;

use super::account::{self, Account};
use super::kept::{self, Kept};
use super::standing::{Side, Standing};
use crate::tenants;
use engine::{Duties, Realm, Role, shipped_roles};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use store::{Key, Session};

/// The most roles of a tenant's own, and of a user.
pub const MOST: usize = 200;
const MOST_OF_USER: usize = 50;
/// The roles that administer everything, of which a tenant and the platform never lose the last holder.
pub const TOP: [&str; 2] = ["owner", "super_admin"];
/// What users could administer who had the mark `is_administrator`, before there were roles.
const OF_ADMINISTRATORS: [&str; 5] = ["users", "clients", "settings", "billing", "roles"];

/// A role as a tenant made or changed it, kept under its name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnRole(pub Role);

impl Kept for OwnRole {
    const KIND: &'static str = "role";
}

/// A role of a user: in one Organization or Location, or wherever in the tenant they act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The role's name.
    pub role: String,
    /// `Organization/1`, `Location/1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Assignment {
    /// A role that holds everywhere in the tenant.
    pub fn everywhere(role: &str) -> Assignment {
        Assignment { role: role.to_owned(), place: None }
    }
}

/// `nurse`, or `nurse@Location/1`.
impl FromStr for Assignment {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Assignment> {
        let (role, place) = match text.split_once('@') {
            Some((role, place)) => (role, Some(place.to_owned())),
            None => (text, None),
        };
        Ok(Assignment { role: role.to_owned(), place })
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.role)?;
        self.place.as_ref().map_or(Ok(()), |it| write!(f, "@{it}"))
    }
}

/// The role of this name as the tenant has it: its own, or the shipped one.
pub async fn find(session: &dyn Session, name: &str) -> Result<Option<Role>> {
    // The top roles are the same everywhere, so that nobody shuts a tenant out of itself.
    if !TOP.contains(&name)
        && let Some(own) = kept::find::<OwnRole>(session, name).await?
    {
        return Ok(Some(own.value.0));
    }
    Ok(shipped_roles().iter().find(|it| it.name == name).cloned())
}

/// The roles that there are for a tenant's users: its own, and the shipped ones that it has not changed.
pub async fn all(session: &dyn Session, tenant: &str) -> Result<Vec<Role>> {
    let own = kept::list::<OwnRole>(session, MOST).await?;
    let realm = realm(tenant);
    let is_shipped = |it: &&Role| it.of == realm && !own.iter().any(|own| own.value.0.name == it.name);
    let mut all: Vec<Role> = shipped_roles().iter().filter(is_shipped).cloned().collect();
    all.extend(own.into_iter().map(|it| it.value.0));
    Ok(all)
}

/// Which roles a tenant's users may have.
pub fn realm(tenant: &str) -> Realm {
    if tenant == tenants::PLATFORM { Realm::Platform } else { Realm::Tenant }
}

/// The roles of these assignments; fails unless they are there, for this tenant, and so are their places.
pub async fn checked(session: &dyn Session, tenant: &str, assignments: &[Assignment]) -> Result<Vec<Role>> {
    if assignments.len() > MOST_OF_USER {
        return Err(refused(format!("A user has {MOST_OF_USER} roles at the most.")));
    }
    let mut roles = Vec::new();
    for Assignment { role, place } in assignments {
        let found = find(session, role).await?.filter(|it| it.of == realm(tenant));
        roles.push(found.ok_or_else(|| refused(format!("There is no role {} here.", shown(role))))?);
        if let Some(place) = place {
            check_place(session, place).await?;
        }
    }
    Ok(roles)
}

async fn check_place(session: &dyn Session, place: &str) -> Result<()> {
    let key = place.split_once('/').filter(|(of, _)| matches!(*of, "Organization" | "Location"));
    let key = key.map(|(of, id)| Key::new(of, id));
    match key {
        Some(key) if account::found(session, &key).await?.is_some() => Ok(()),
        _ => Err(refused("A place is an Organization or Location of the tenant: Location/1.")),
    }
}

/// What a user may do who acts in a place.
pub async fn duties(
    session: &dyn Session,
    account: &Account,
    place: Option<&str>,
    standing: &Standing,
) -> Result<Duties> {
    let mut duties = Duties {
        own: own_rules(account, standing.side),
        place: place.map(str::to_owned),
        user: Some(standing.fhir_user.clone()),
        patient: standing.patient.clone(),
        ..Duties::default()
    };
    let holds = |it: &&Assignment| it.place.is_none() || it.place.as_deref() == place;
    for Assignment { role, .. } in account.roles.iter().filter(holds) {
        if !duties.roles.iter().any(|it| it.name == *role) {
            duties.roles.extend(find(session, role).await?.filter(|it| is_of(it, standing.side)));
        }
    }
    if account.is_administrator && standing.side != Side::Patient {
        duties.permissions = OF_ADMINISTRATORS.map(str::to_owned).into();
    }
    Ok(duties)
}

/// Whether a role holds for somebody on this side: one that says something about the own records is for patients.
fn is_of(role: &Role, side: Side) -> bool {
    let is_for_patients = role.rules.iter().any(|it| it.starts_with("patient/"));
    match side {
        Side::Both => true,
        Side::Professional => !is_for_patients,
        Side::Patient => is_for_patients,
    }
}

/// The rules that a user has alone, as far as they hold on this side.
fn own_rules(account: &Account, side: Side) -> String {
    let rules = account.scope.split_whitespace().filter(|it| side != Side::Patient || it.starts_with("patient/"));
    rules.collect::<Vec<_>>().join(" ")
}

/// What roles of these names let a token do that no user stands behind: one of `medisync token --role`.
pub async fn duties_of(
    session: &dyn Session,
    names: &[String],
    patient: Option<&str>,
    place: Option<&str>,
) -> Result<Duties> {
    let text = |it: &str| it.to_owned();
    let mut duties = Duties { patient: patient.map(text), place: place.map(text), ..Duties::default() };
    for name in names {
        duties.roles.extend(find(session, name).await?);
    }
    Ok(duties)
}

/// The places in which a user has roles of their own.
pub fn places(account: &Account) -> Vec<&str> {
    let mut places: Vec<&str> = account.roles.iter().filter_map(|it| it.place.as_deref()).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Where a user acts who chose this place, or none: in the only one where there is one. `None` where one is to be chosen
/// or there is none.
pub fn acting<'a>(account: &'a Account, chosen: Option<&str>) -> Option<&'a str> {
    match places(account).as_slice() {
        [only] => Some(only),
        places => places.iter().copied().find(|it| Some(*it) == chosen),
    }
}

/// The roles of a new user about whom nothing is said.
pub fn usual(of: &str) -> Vec<Assignment> {
    match of {
        // Professionals have what they are given.
        "Practitioner" => Vec::new(),
        _ => vec![Assignment::everywhere("patient")],
    }
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(roles: &[&str]) -> Account {
        Account { roles: roles.iter().map(|it| it.parse().unwrap()).collect(), ..account::tests::account() }
    }

    #[test]
    fn every_operation_says_what_roles_need_for_it() {
        for operation in crate::database::operations() {
            let definition: serde_json::Value = serde_json::from_str(operation.definition).unwrap();
            let code = definition["code"].as_str().unwrap();
            assert!(engine::needed_for(code).is_some(), "profiles/roles/operations.json has no rule for {code}");
        }
    }

    #[test]
    fn a_person_works_here_or_is_treated_here() {
        let holds = |side| -> Vec<&str> {
            let shipped = shipped_roles().iter().filter(|it| it.of == Realm::Tenant && is_of(it, side));
            shipped.map(|it| it.name.as_str()).collect()
        };
        assert_eq!(holds(Side::Patient), ["patient"]);
        assert!(!holds(Side::Professional).contains(&"patient") && holds(Side::Professional).contains(&"doctor"));
        assert_eq!(holds(Side::Both).len(), holds(Side::Professional).len() + 1);
        let account = Account { scope: "user/*.cruds patient/*.rs".into(), ..account(&[]) };
        assert_eq!(own_rules(&account, Side::Patient), "patient/*.rs");
        assert_eq!(own_rules(&account, Side::Professional), "user/*.cruds patient/*.rs");
    }

    #[test]
    fn a_role_holds_everywhere_or_in_a_place() {
        for text in ["nurse", "nurse@Location/1"] {
            let read: Assignment = text.parse().unwrap();
            assert_eq!((read.to_string().as_str(), read.place.is_some()), (text, text.contains('@')));
        }
    }

    #[test]
    fn somebody_acts_in_the_only_place_or_the_chosen_one() {
        let one = account(&["staff", "nurse@Location/1"]);
        assert_eq!(acting(&one, None), Some("Location/1"));
        let two = account(&["nurse@Location/2", "manager@Organization/1", "staff@Location/2"]);
        assert_eq!(places(&two), ["Location/2", "Organization/1"]);
        assert_eq!(acting(&two, None), None);
        assert_eq!(acting(&two, Some("Organization/1")), Some("Organization/1"));
        assert_eq!(acting(&two, Some("Location/1")), None);
        assert_eq!(acting(&account(&["staff"]), Some("Location/1")), None);
    }
}
