//! Roles: named sets of rules, shaped like scopes, and of administrative permissions. The shipped ones are data in
//! `profiles/roles`, read when they are first needed; a test reads all of them, so that a wrong one builds no release.

use super::grant::mask_problem;
use super::{Grant, Right};
use crate::privacy::check_purpose;
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// Stands in a rule's criteria for the Organization or Location that the caller acts in: `organization={place}`.
pub const PLACE: &str = "{place}";
/// Stands in a rule's criteria for the resource that the user is: `performer={user}`.
pub const USER: &str = "{user}";

/// What a role may administer.
pub const PERMISSIONS: [&str; 6] = ["users", "clients", "settings", "billing", "roles", "elevation"];

/// Where a role is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Realm {
    /// Any tenant but the platform's own.
    Tenant,
    /// The reserved tenant `platform`, and whoever is elevated from there.
    Platform,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What it is called where it is given: `lab_technician`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// Where it is for.
    pub of: Realm,
    /// What may be done with resources: scopes (`user/Observation.rs?category=laboratory`), whose criteria may name
    /// `{place}` and `{user}`, and by `_mask` elements that are not shown. Those of the level `patient` are about the patient
    /// that the user is or acts for.
    pub rules: Vec<String>,
    /// What may be administered, of [`PERMISSIONS`].
    pub permissions: Vec<String>,
    /// Rules that may be given to others beside those that the role itself has.
    pub gives: Vec<String>,
    /// What may be done beside rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<Right>,
    /// What data may be wanted for: codes of v3-PurposeOfUse, each with its kinds, but for emergencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purposes: Vec<String>,
}

impl Role {
    /// What is wrong with it, if something is.
    pub fn problem(&self) -> Option<String> {
        let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_' || it == b'-';
        if !(1..=40).contains(&self.name.len()) || !self.name.bytes().all(is_plain) {
            return Some("A role's name is 1 to 40 small letters, digits, _ and -.".into());
        }
        if !(1..=100).contains(&self.title.trim().chars().count()) || self.description.chars().count() > 1000 {
            return Some("A role's title has 1 to 100 characters, its description 1000 at the most.".into());
        }
        if self.rules.len() > 500 || self.gives.len() > 500 {
            return Some("A role has 500 rules at the most.".into());
        }
        if let Some(problem) = self.rules.iter().chain(&self.gives).find_map(|it| mask_problem(it)) {
            return Some(problem);
        }
        if let Some(rule) = self.rules.iter().chain(&self.gives).find(|it| !is_rule(it)) {
            let rule = fhir::outcome::shown(rule);
            return Some(format!("{rule} is no rule: user/TYPE.cruds or patient/TYPE.cruds, perhaps with ?criteria."));
        }
        if let Some(unknown) = self.permissions.iter().find(|it| !PERMISSIONS.contains(&it.as_str())) {
            let unknown = fhir::outcome::shown(unknown);
            return Some(format!("{unknown} is no permission; there are {}.", PERMISSIONS.join(", ")));
        }
        let problem = self.purposes.iter().find_map(|it| check_purpose(it).err())?;
        problem.issues.into_iter().next().map(|it| it.diagnostics)
    }
}

/// Whether a text can be a rule.
fn is_rule(text: &str) -> bool {
    !text.starts_with("system/")
        && !text.contains(char::is_whitespace)
        && filled(text, Some("Location/x"), Some("Person/x")).is_some()
}

/// A rule for a caller in a place; `None` if it needs what there is not.
pub(super) fn filled(rule: &str, place: Option<&str>, user: Option<&str>) -> Option<Grant> {
    let fill = |text: String, slot: &str, value: Option<&str>| match text.contains(slot) {
        true => Some(text.replace(slot, value?)),
        false => Some(text),
    };
    Grant::parse(&fill(fill(rule.to_owned(), PLACE, place)?, USER, user)?)
}

/// The roles that every tenant has.
pub fn shipped_roles() -> &'static [Role] {
    static ROLES: OnceLock<Vec<Role>> = OnceLock::new();
    ROLES.get_or_init(|| SHIPPED.iter().map(|it| read(it)).collect())
}

fn read(text: &str) -> Role {
    let role: Result<Role, _> = serde_json::from_str(text);
    match role.map(|it| (it.problem(), it)) {
        Ok((None, role)) => role,
        Ok((Some(problem), role)) => panic!("the role {} of this program is wrong: {problem}", role.name),
        Err(problem) => panic!("a role of this program is wrong: {problem}"),
    }
}

const SHIPPED: [&str; 13] = [
    include_str!("../../../profiles/roles/owner.json"),
    include_str!("../../../profiles/roles/admin.json"),
    include_str!("../../../profiles/roles/manager.json"),
    include_str!("../../../profiles/roles/doctor.json"),
    include_str!("../../../profiles/roles/nurse.json"),
    include_str!("../../../profiles/roles/receptionist.json"),
    include_str!("../../../profiles/roles/billing.json"),
    include_str!("../../../profiles/roles/lab_technician.json"),
    include_str!("../../../profiles/roles/pharmacist.json"),
    include_str!("../../../profiles/roles/staff.json"),
    include_str!("../../../profiles/roles/patient.json"),
    include_str!("../../../profiles/roles/super_admin.json"),
    include_str!("../../../profiles/roles/support.json"),
];

/// What callers with roles need in order to call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Access to the resources that the operation looks at, and no more.
    Access,
    /// A permission, and an app that was granted everything; access to resources is not asked for.
    Permission(&'static str),
    /// A right, and access to the resources that the operation looks at.
    Right(Right),
}

/// What callers with roles need in order to call the operation of this code; `None` where no rule says, and they may not.
pub fn needed_for(code: &str) -> Option<Needed> {
    static RULES: OnceLock<serde_json::Map<String, serde_json::Value>> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let text = include_str!("../../../profiles/roles/operations.json");
        serde_json::from_str(text).unwrap_or_else(|it| panic!("the rules of operations are wrong: {it}"))
    });
    match rules.get(code)?.as_str()? {
        "access" => Some(Needed::Access),
        name => {
            let permission = PERMISSIONS.into_iter().find(|it| *it == name).map(Needed::Permission);
            permission.or_else(|| Right::named(name).map(Needed::Right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_role_is_read() {
        let names: Vec<&str> = shipped_roles().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names.len(), SHIPPED.len());
        assert!(names.contains(&"doctor") && names.contains(&"super_admin"));
    }

    #[test]
    fn a_role_is_named_and_its_rules_and_permissions_are_known() {
        let good = Role {
            name: "ward_clerk".into(),
            title: "Ward clerk".into(),
            description: String::new(),
            of: Realm::Tenant,
            rules: vec!["user/Schedule.rs?actor={place}".into()],
            permissions: vec!["users".into()],
            gives: Vec::new(),
            rights: Vec::new(),
            purposes: vec!["HOPERAT".into()],
        };
        assert_eq!(good.problem(), None);
        for wrong in [
            Role { name: "Ward clerk".into(), ..good.clone() },
            Role { title: " ".into(), ..good.clone() },
            Role { rules: vec!["system/*.rs".into()], ..good.clone() },
            Role { rules: vec!["user/Nothing.rs".into()], ..good.clone() },
            Role { rules: vec!["user/Schedule.rs user/*.rs".into()], ..good.clone() },
            Role { gives: vec!["user/Patient.rs?{place}".into()], ..good.clone() },
            Role { permissions: vec!["everything".into()], ..good.clone() },
            Role { purposes: vec!["ETREAT".into()], ..good.clone() },
            Role { purposes: vec!["curiosity".into()], ..good.clone() },
        ] {
            assert!(wrong.problem().is_some(), "{wrong:?}");
        }
        for (masked, is_good) in [("Patient.identifier", true), ("Patient.nickname", false), ("Patient.active", false)]
        {
            let problem = Role { rules: vec![format!("user/Patient.rs?_mask={masked}")], ..good.clone() }.problem();
            assert_eq!(problem.is_none(), is_good, "{masked}");
            assert!(problem.is_none_or(|it| it.contains(masked)), "{masked}");
        }
    }

    #[test]
    fn a_rule_about_a_place_needs_one() {
        let rule = "user/Appointment.rs?actor={place}";
        assert_eq!(filled(rule, None, None), None);
        let told = filled(rule, Some("Location/1"), None).map(|it| it.to_string());
        assert_eq!(told.as_deref(), Some("user/Appointment.rs?actor=Location/1"));
    }

    #[test]
    fn an_operation_without_a_rule_is_nobodys() {
        assert_eq!(needed_for("everything"), Some(Needed::Access));
        assert_eq!(needed_for("create-user"), Some(Needed::Permission("users")));
        assert_eq!(needed_for("break-glass"), Some(Needed::Right(Right::BreakGlass)));
        assert_eq!(needed_for("something-new"), None);
    }
}
