//! What a tenant says of privacy, kept in its ledger.

use crate::Caller;
use fhir::{Failure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Session;

/// What holds where no Consent says anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BasePolicy {
    /// What is granted may be seen (implied consent).
    #[default]
    Permit,
    /// Of a patient is seen what a Consent of theirs permits, and nothing else.
    Deny,
}

/// Who may see what has a security label (security-labels.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clearance {
    /// The label's system.
    pub system: String,
    /// Its code; of confidentiality, what is higher needs it as well.
    pub code: String,
    /// The roles of which one is needed.
    pub roles: Vec<String>,
}

/// A tenant's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacySettings {
    /// Roles whose holders see the records of their own patients only.
    pub limited_roles: Vec<String>,
    /// For how many days appointments, referrals and encounters make a patient somebody's own; for ever where nothing is said.
    #[serde(default)]
    pub tie_days: Option<u32>,
    /// What holds where no Consent says anything.
    pub base: BasePolicy,
    /// Labels that not everybody may see.
    #[serde(default)]
    pub clearances: Vec<Clearance>,
    /// The e-mail address of whoever is told of broken glass.
    #[serde(default)]
    pub officer: Option<String>,
    /// What programs that act for nobody may want data for, by the name that their tokens have for them.
    #[serde(default)]
    pub client_purposes: BTreeMap<String, Vec<String>>,
}

impl PrivacySettings {
    /// The kind of their entry in the ledger, and its key.
    pub const LEDGER: &'static str = "privacy";

    /// Those of a tenant, with the number of their version; where it never said anything they limit nobody.
    pub(super) async fn of(session: &dyn Session) -> Result<(PrivacySettings, i64)> {
        match session.entry(Self::LEDGER, Self::LEDGER).await? {
            Some(entry) => Ok((Self::read(&entry.value)?, entry.version)),
            None => Ok((PrivacySettings::default(), 0)),
        }
    }

    /// The tenant's.
    pub async fn find(session: &dyn Session) -> Result<PrivacySettings> {
        Ok(Self::of(session).await?.0)
    }

    /// What a caller may want data for.
    pub(super) fn purposes(&self, caller: &Caller) -> Vec<String> {
        let of_program = self.client_purposes.get(&caller.subject).filter(|_| caller.fhir_user.is_none());
        caller.purposes.iter().chain(of_program.into_iter().flatten()).cloned().collect()
    }

    /// Whether a caller sees the records of their own patients only: by a role that is limited, or as a user without any
    /// role who is a practitioner, or is nobody that is known here.
    pub(super) fn limits(&self, caller: &Caller) -> bool {
        if self.limited_roles.is_empty() {
            return false;
        }
        let user = caller.fhir_user.as_deref().map(|it| it.rsplit('/').nth(1).unwrap_or_default());
        match (caller.roles.is_empty(), user) {
            (false, _) => caller.roles.iter().any(|it| self.limited_roles.contains(it)),
            (true, Some(of)) => matches!(of, "Practitioner" | "PractitionerRole"),
            (true, None) => caller.scopes.has_user(),
        }
    }

    /// What cannot be read fails: rules that are not understood must not be taken for none.
    fn read(text: &str) -> Result<PrivacySettings> {
        serde_json::from_str(text).map_err(Failure::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scopes;

    #[test]
    fn a_missing_user_widens_nothing() {
        let settings = PrivacySettings { limited_roles: vec!["doctor".into()], ..PrivacySettings::default() };
        let caller = |user: Option<&str>, roles: &[&str], scopes: &str| Caller {
            roles: roles.iter().map(|it| (*it).to_owned()).collect(),
            fhir_user: user.map(str::to_owned),
            scopes: Scopes::parse(scopes, Some("1")).0,
            ..Caller::default()
        };
        for (user, roles, scopes, is_limited) in [
            (Some("Practitioner/1"), &["doctor"][..], "user/*.rs", true),
            (None, &["nurse", "doctor"], "user/*.rs", true),
            (Some("Practitioner/1"), &["nurse"], "user/*.rs", false),
            (Some("https://x.org/fhir/north/Practitioner/1"), &[], "patient/*.rs", true),
            (None, &[], "user/*.rs", true),
            (None, &[], "system/*.rs", false),
            (Some("Patient/1"), &[], "patient/*.rs", false),
        ] {
            assert_eq!(settings.limits(&caller(user, roles, scopes)), is_limited, "{user:?} {roles:?} {scopes}");
        }
        assert!(!PrivacySettings::default().limits(&caller(None, &[], "user/*.rs")));
    }

    #[test]
    fn settings_that_cannot_be_read_are_not_taken_for_none() {
        let text = r#"{"limited_roles":["doctor"],"base":"deny"}"#;
        let settings = PrivacySettings::read(text).unwrap();
        assert_eq!((settings.limited_roles, settings.base), (vec!["doctor".to_owned()], BasePolicy::Deny));
        assert!(PrivacySettings::read(r#"{"limited_roles":[],"base":"perhaps"}"#).is_err());
    }
}
