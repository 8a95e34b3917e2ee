//! What somebody may do by roles, as the roles are now. What a token may do is the meet of its scopes and this.

use super::grant::{Grant, Level};
use super::role::{Needed, Role, filled, needed_for};
use super::{Access, Right, Scopes};
use crate::privacy::{is_a, purposes_of};
use fhir::{Failure, IssueType, Result};

/// Somebody's roles where they act.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties {
    /// The roles that hold there.
    pub roles: Vec<Role>,
    /// Rules that the user has alone, beside roles: scopes separated by spaces.
    pub own: String,
    /// What the user may administer beside roles.
    pub permissions: Vec<String>,
    /// The Organization or Location that they act in.
    pub place: Option<String>,
    /// The resource that the user is.
    pub user: Option<String>,
    /// The id of the patient that the user is or acts for.
    pub patient: Option<String>,
}

impl Duties {
    /// Whether they have the permission that an operation needs.
    pub fn administer(&self, code: &str) -> bool {
        let Some(Needed::Permission(needed)) = needed_for(code) else { return false };
        self.permissions().any(|own| own == needed)
    }

    /// The names of the roles.
    pub fn names(&self) -> Vec<String> {
        self.roles.iter().map(|it| it.name.clone()).collect()
    }

    /// What the user may want data for: what roles say, and without any the kind of user.
    pub fn purposes(&self) -> Vec<String> {
        if self.roles.is_empty() {
            return purposes_of(self.user.as_deref());
        }
        let mut all: Vec<String> = Vec::new();
        for purpose in self.roles.iter().flat_map(|it| &it.purposes) {
            if !all.contains(purpose) {
                all.push(purpose.clone());
            }
        }
        all
    }

    /// The rules that hold with this patient in context. Roles' rules of the level `patient` are about nobody else's
    /// records than the user's own.
    pub fn rules(&self, patient: Option<&str>) -> Vec<Grant> {
        let is_own = patient.is_some() && patient == self.patient.as_deref();
        let (place, user) = (self.place.as_deref(), self.user.as_deref());
        let of_roles = self.roles.iter().flat_map(|it| &it.rules).filter_map(|it| filled(it, place, user));
        let mut rules: Vec<Grant> = of_roles.filter(|it| it.level != Level::Patient || is_own).collect();
        rules.extend(self.own.split_whitespace().filter_map(Grant::parse));
        rules
    }

    /// What of a scope is granted to an app. Roles may be changed any day, and narrow what the app does each time: so of a
    /// scope on all types nothing is taken away but the kinds of access that they give to none; and of one on everything
    /// nothing at all for whoever administers something.
    pub fn grantable(&self, scope: &Grant) -> Vec<Grant> {
        if scope.is_whole() && self.permissions().next().is_some() {
            return vec![scope.clone()];
        }
        let mut granted: Vec<Grant> =
            self.own.split_whitespace().filter_map(Grant::parse).filter_map(|it| scope.meet(&it)).collect();
        let of_roles = Duties { own: String::new(), ..self.clone() };
        let met: Vec<Grant> = of_roles.rules(self.patient.as_deref()).iter().filter_map(|it| scope.under(it)).collect();
        match met.iter().map(|it| it.bits).reduce(|one, two| one | two) {
            Some(bits) if scope.of == "*" => granted.push(Grant { bits, ..scope.clone() }),
            _ => granted.extend(met),
        }
        granted
    }

    /// What may be administered.
    fn permissions(&self) -> impl Iterator<Item = &String> {
        self.roles.iter().flat_map(|it| &it.permissions).chain(&self.permissions)
    }

    /// Why these duties do not let somebody give a role to others, or rules and permissions as they stand in one; `None` if
    /// they do. Nobody gives what they neither have nor were given to give.
    pub fn missing_for(&self, role: &Role) -> Option<String> {
        if let Some(permission) = role.permissions.iter().find(|it| !self.permissions().any(|own| own == *it)) {
            return Some(format!("the permission {permission}"));
        }
        let own = self.own.split_whitespace();
        let all: Vec<&str> =
            self.roles.iter().flat_map(|it| it.rules.iter().chain(&it.gives)).map(String::as_str).chain(own).collect();
        // Whoever may give all access may give what goes beyond rules as well.
        let has = |right: &Right| self.roles.iter().any(|it| it.rights.contains(right));
        if let Some(right) = role.rights.iter().find(|it| !has(it) && !is_covered(WHOLE, &all)) {
            return Some(format!("the right {}", right.code()));
        }
        let wants = |purpose: &String| self.purposes().iter().any(|own| is_a(purpose, own));
        if let Some(purpose) = role.purposes.iter().find(|it| !wants(it) && !is_covered(WHOLE, &all)) {
            return Some(format!("the purpose {purpose}"));
        }
        let missing = role.rules.iter().chain(&role.gives).find(|it| !is_covered(it, &all))?;
        Some(format!("the rule {missing}"))
    }
}

/// Every access of users.
const WHOLE: &str = "user/*.cruds";

/// Whether a rule gives nothing that others do not give as well.
fn is_covered(rule: &str, others: &[&str]) -> bool {
    let sample = |it: &str| filled(it, Some("Location/{}"), Some("Person/{}"));
    let Some(rule) = sample(rule) else { return false };
    let others: Vec<Grant> = others.iter().filter_map(|it| sample(it)).collect();
    let covers = |other: &Grant, access: Access| {
        other.has(access)
            && (other.of == "*" || other.of == rule.of)
            && (other.level != Level::Patient || rule.level == Level::Patient)
            && (other.criteria.is_none() || other.criteria == rule.criteria)
            && rule.hides_as_much_as(other)
    };
    Access::ALL.into_iter().filter(|it| rule.has(*it)).all(|access| others.iter().any(|it| covers(it, access)))
}

/// What a caller who has roles may administer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Office {
    permissions: Vec<String>,
    pub(super) rights: Vec<Right>,
    /// Whether the app was granted all that the user may do.
    is_whole: bool,
}

impl Scopes {
    /// What both these scopes and roles grant.
    pub fn met_by(self, duties: &Duties) -> Scopes {
        let rules = duties.rules(self.patient.as_deref());
        let is_whole = self.grants.iter().any(Grant::is_whole);
        let mut grants: Vec<Grant> = Vec::new();
        for met in self.grants.iter().flat_map(|scope| rules.iter().filter_map(|rule| scope.under(rule))) {
            if !grants.contains(&met) {
                grants.push(met);
            }
        }
        let rights = duties.roles.iter().flat_map(|it| &it.rights).copied().collect();
        let office = Office { permissions: duties.permissions().cloned().collect(), rights, is_whole };
        Scopes { office: Some(office), ..Scopes::of(grants, self.patient) }
    }

    /// Whether the caller may, by a role, call an operation that administers something.
    pub fn administers(&self, code: &str) -> bool {
        let Some(Needed::Permission(needed)) = needed_for(code) else { return false };
        self.office.as_ref().is_some_and(|it| it.is_whole && it.permissions.iter().any(|own| own == needed))
    }

    /// Whether roles bear on the caller, and settle whether an operation may be called. Where it is access to
    /// resources that is needed, nothing is settled.
    pub(crate) fn settled_by_role(&self, code: &str) -> Result<bool> {
        let Some(office) = &self.office else { return Ok(false) };
        let refused = |told: String| Err(Failure::new(IssueType::Forbidden, told));
        match needed_for(code) {
            Some(Needed::Access) => Ok(false),
            Some(Needed::Right(right)) if self.have(right) => Ok(false),
            Some(Needed::Right(right)) => refused(format!("None of the user's roles has the right {}.", right.code())),
            Some(Needed::Permission(_)) if self.administers(code) => Ok(true),
            Some(Needed::Permission(needed)) if office.permissions.iter().any(|it| it == needed) => {
                refused("What administers a tenant is done by an app that was granted user/*.cruds.".into())
            }
            Some(Needed::Permission(needed)) => {
                refused(format!("None of the user's roles has the permission {needed}."))
            }
            None => refused("No rule says which roles may call this operation.".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::role::shipped_roles;

    fn role(name: &str) -> Role {
        shipped_roles().iter().find(|it| it.name == name).unwrap().clone()
    }

    fn duties(names: &[&str]) -> Duties {
        Duties { roles: names.iter().map(|it| role(it)).collect(), ..Duties::default() }
    }

    fn met(scope: &str, patient: Option<&str>, duties: &Duties) -> Scopes {
        Scopes::parse(scope, patient).0.met_by(duties)
    }

    #[test]
    fn a_token_may_do_what_scopes_and_roles_both_grant() {
        let doctor = met("user/*.rs user/MedicationRequest.c", None, &duties(&["doctor"]));
        assert!(doctor.allow(Access::Create, "MedicationRequest") && doctor.allow(Access::Read, "Patient"));
        assert!(!doctor.allow(Access::Create, "Patient") && !doctor.allow(Access::Read, "Invoice"));
        let nobody = met("user/*.cruds system/*.cruds", None, &Duties::default());
        assert_eq!(nobody.grants, []);
        assert!(!nobody.is_administrator());
    }

    #[test]
    fn an_app_is_granted_what_some_role_lets_it_do() {
        let told = |scope: &str, duties: &Duties| {
            let granted = duties.grantable(&Grant::parse(scope).unwrap());
            granted.iter().map(Grant::to_string).collect::<Vec<_>>().join(" ")
        };
        let staff = duties(&["staff"]);
        assert_eq!(told("user/*.cruds", &staff), "user/*.crus");
        assert_eq!(told("user/Patient.cruds", &staff), "user/Patient.rs");
        assert_eq!(told("user/MedicationRequest.rs", &staff), "");
        assert_eq!(told("patient/*.rs", &staff), "patient/*.rs");
        let office = Duties { permissions: vec!["users".into()], ..staff };
        assert_eq!(told("user/*.cruds", &office), "user/*.cruds");
        let own = Duties { own: "user/Patient.rs".into(), ..Duties::default() };
        assert_eq!(told("user/*.cruds", &own), "user/Patient.rs");
    }

    #[test]
    fn what_roles_let_a_program_do_is_never_an_administrators() {
        assert!(!met("system/*.cruds", None, &duties(&["super_admin"])).is_administrator());
    }

    #[test]
    fn roles_for_patients_are_about_their_own_records() {
        let own = Duties { patient: Some("1".into()), ..duties(&["patient"]) };
        assert!(
            met("patient/*.rs", Some("1"), &own).grants.iter().any(|it| it.of == "*" && it.level == Level::Patient)
        );
        assert!(met("patient/*.rs", Some("2"), &own).grants.iter().all(|it| it.of != "*"));
        assert!(met("patient/*.rs", Some("2"), &duties(&["patient"])).grants.iter().all(|it| it.of != "*"));
    }

    #[test]
    fn permissions_need_an_app_that_was_granted_everything() {
        let owner = duties(&["owner"]);
        assert!(met("user/*.cruds", None, &owner).settled_by_role("create-user").unwrap());
        assert!(met("user/*.rs", None, &owner).settled_by_role("create-user").is_err());
        assert!(met("user/*.cruds", None, &duties(&["doctor"])).settled_by_role("create-user").is_err());
        assert!(!met("user/*.cruds", None, &duties(&["doctor"])).settled_by_role("everything").unwrap());
        assert!(met("user/*.cruds", None, &owner).settled_by_role("something-new").is_err());
        // A right does not take the place of access.
        assert!(!met("user/*.rs", None, &duties(&["doctor"])).settled_by_role("break-glass").unwrap());
        assert!(met("user/*.cruds", None, &owner).settled_by_role("break-glass").is_err());
    }

    #[test]
    fn nobody_gives_what_they_may_not() {
        for (giver, given, is_given) in [
            ("owner", "owner", true),
            ("owner", "doctor", true),
            ("admin", "doctor", true),
            ("admin", "admin", true),
            ("admin", "owner", false),
            ("admin", "billing", false),
            ("manager", "staff", false),
            ("doctor", "nurse", false),
            ("super_admin", "support", true),
            ("support", "super_admin", false),
        ] {
            assert_eq!(duties(&[giver]).missing_for(&role(given)).is_none(), is_given, "{giver} {given}");
        }
        let breaker = Role { rights: vec![Right::BreakGlass], ..role("staff") };
        assert!(duties(&["staff"]).missing_for(&breaker).is_some());
        assert!(duties(&["admin"]).missing_for(&breaker).is_none());
        let clerk = Role { gives: Vec::new(), rules: vec!["user/Patient.rs".into()], ..role("staff") };
        let wider = Role { rules: vec!["user/Patient.crs".into()], ..clerk.clone() };
        let narrower = Role { rules: vec!["user/Patient.r?gender=female".into()], ..clerk.clone() };
        let clerk = Duties { roles: vec![clerk], ..Duties::default() };
        assert!(clerk.missing_for(&wider).is_some() && clerk.missing_for(&narrower).is_none());
        let masked = Role { rules: vec!["user/Patient.rs?_mask=Patient.name".into()], ..role("staff") };
        assert!(clerk.missing_for(&masked).is_none());
        let clerk = Duties { roles: vec![masked], ..Duties::default() };
        let holds = |rule: &str| clerk.missing_for(&Role { rules: vec![rule.into()], ..role("staff") }).is_none();
        assert!(
            holds("user/Patient.r?_mask=Patient.name,Patient.photo") && !holds("user/Patient.r?_mask=Patient.photo")
        );
        assert!(!holds("user/Patient.r?_mask=Patient.name.family"));
        let placed = Role { rules: vec!["user/Encounter.rs?location={place}".into()], ..role("staff") };
        let one = Role { rules: vec!["user/Encounter.rs?location=Location/1".into()], ..role("staff") };
        assert!(Duties { roles: vec![placed.clone()], ..Duties::default() }.missing_for(&one).is_some());
        assert!(Duties { roles: vec![placed.clone()], ..Duties::default() }.missing_for(&placed).is_none());
    }
}
