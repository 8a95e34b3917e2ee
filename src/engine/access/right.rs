//! What widens what is seen, for oneself or for others: nobody may do it by a rule on a resource type alone.

use super::grant::Level;
use super::{Access, Grant, Scopes};
use serde::{Deserialize, Serialize};

/// What a role's holders may do beside its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// To open the record of a patient in an emergency (`$break-glass`).
    BreakGlass,
    /// To put Consents on privacy into force, and to change or end those that are.
    Consents,
    /// To take security labels from resources.
    Labels,
    /// To be told by the audit log of everybody's records, as far as AuditEvents are granted: whatever consents, labels and the
    /// tenant's rules leave of the records.
    Audit,
    /// To look at each glass that was broken (`$glass-reviews`).
    Reviews,
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 5] = [Right::BreakGlass, Right::Consents, Right::Labels, Right::Audit, Right::Reviews];

    /// Its name in roles.
    pub fn code(self) -> &'static str {
        match self {
            Right::BreakGlass => "break-glass",
            Right::Consents => "consents",
            Right::Labels => "labels",
            Right::Audit => "audit",
            Right::Reviews => "reviews",
        }
    }

    /// The right of this name.
    pub fn named(code: &str) -> Option<Right> {
        Right::ALL.into_iter().find(|it| it.code() == code)
    }
}

impl Scopes {
    /// Whether the caller has a right: by a role; as an administrator's program; and of a program, to Consents where they
    /// are granted to it by their name.
    pub fn have(&self, right: Right) -> bool {
        let names = |it: &Grant| it.level == Level::System && it.of == "Consent" && it.has(Access::Update);
        match &self.office {
            Some(office) => office.rights.contains(&right),
            None => self.is_administrator() || right == Right::Consents && self.grants.iter().any(names),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Duties, shipped_roles};

    #[test]
    fn a_right_comes_by_a_role_or_is_granted_by_name() {
        let of = |scope: &str| Scopes::parse(scope, None).0;
        let as_role = |scope: &str, name: &str| {
            let roles = shipped_roles().iter().filter(|it| it.name == name).cloned().collect();
            of(scope).met_by(&Duties { roles, ..Duties::default() })
        };
        for (scopes, rights) in [
            (of("system/*.cruds"), &Right::ALL[..]),
            (of("system/*.cud"), &[]),
            (of("system/Consent.cud"), &[Right::Consents]),
            (of("user/Consent.cud"), &[]),
            (as_role("user/*.cruds", "doctor"), &[Right::BreakGlass]),
            (as_role("user/*.cruds", "receptionist"), &[]),
            (as_role("user/*.cruds", "admin"), &[Right::Consents, Right::Labels, Right::Audit, Right::Reviews]),
            (as_role("system/*.cruds", "receptionist"), &[]),
        ] {
            let had: Vec<Right> = Right::ALL.into_iter().filter(|it| scopes.have(*it)).collect();
            assert_eq!(had, rights, "{scopes:?}");
        }
        assert!(Right::ALL.into_iter().all(|it| Right::named(it.code()) == Some(it)));
    }
}
