//! What a caller may do: SMART scopes (SMART App Launch 2, scopes-and-launch-context), met by the user's roles where
//! there is a user; deny by default.

#[cfg(test)]
mod documented;
mod duties;
mod followed;
mod former;
mod grant;
mod inside;
mod labelled;
mod leads;
mod masks;
mod narrow;
mod others;
mod right;
mod role;
mod shown;
mod widening;
mod within;

pub use duties::Duties;
pub(crate) use former::Latest;
pub use grant::{Grant, Level};
pub(crate) use inside::too_many;
pub(crate) use narrow::Reach;
pub use right::Right;
pub use role::{Needed, PERMISSIONS, Realm, Role, needed_for, shipped_roles};
pub(crate) use within::Bounds;

use fhir::{Failure, IssueType, Result};

/// The kinds of access that a scope grants, in the letters of SMART 2: `cruds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Access {
    Create = 1,
    Read = 2,
    Update = 4,
    Delete = 8,
    Search = 16,
}

impl Access {
    /// All of them.
    pub const ALL: [Access; 5] = [Access::Create, Access::Read, Access::Update, Access::Delete, Access::Search];

    fn words(self) -> &'static str {
        match self {
            Access::Create => "create",
            Access::Read => "read",
            Access::Update => "change",
            Access::Delete => "delete",
            Access::Search => "search",
        }
    }
}

/// The scopes of a token that bear on resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    grants: Vec<Grant>,
    /// The id of the patient whose records `patient/` scopes are about.
    patient: Option<String>,
    /// What the caller's roles let it administer; none where no roles bear on it.
    office: Option<duties::Office>,
    /// Whether something is hidden of resources that are granted.
    is_masked: bool,
}

impl Scopes {
    /// Reads a `scope` claim: `system/*.*`, `user/Patient.read`, `system/Observation.rs?category=laboratory`, separated by
    /// spaces. Scopes that this server cannot hold to (see [`Grant::parse`]) grant nothing, nor do those of a patient where
    /// none is in context; they are returned beside, so that who asks for a token is told.
    pub fn parse(text: &str, patient: Option<&str>) -> (Scopes, Vec<String>) {
        let mut grants = Vec::new();
        let mut unknown = Vec::new();
        for word in text.split_whitespace() {
            match Grant::parse(word).filter(|it| it.level != Level::Patient || patient.is_some()) {
                Some(grant) => grants.push(grant),
                None => unknown.push(word.to_owned()),
            }
        }
        (Scopes::of(grants, patient.map(str::to_owned)), unknown)
    }

    fn of(grants: Vec<Grant>, patient: Option<String>) -> Scopes {
        let is_masked = grants.iter().any(|it| !it.masked.is_empty());
        Scopes { grants, patient, office: None, is_masked }
    }

    /// Every access to every type: what work without a caller has.
    pub fn all() -> Scopes {
        Scopes::of(vec![Grant::all()], None)
    }

    /// Whether nothing is granted.
    pub(crate) fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// Whether something is granted to a user, as a user.
    pub(crate) fn has_user(&self) -> bool {
        self.grants.iter().any(|it| it.level == Level::User)
    }

    /// The patient whose records `patient/` scopes are about.
    pub(crate) fn patient(&self) -> Option<&str> {
        self.patient.as_deref()
    }

    /// Whether everything is granted to a program that acts for nobody: an administrator's token.
    pub fn is_administrator(&self) -> bool {
        self.grants.contains(&Grant::all())
    }

    /// Whether this access to all resources of a type is granted.
    pub fn allow(&self, access: Access, of: &str) -> bool {
        let is_whole = |it: &Grant| it.level != Level::Patient && it.criteria.is_none();
        self.grants.iter().any(|it| (it.of == "*" || it.of == of) && it.has(access) && is_whole(it))
    }

    /// Fails with 403 unless this access to all resources of a type (`*`: of all types) is granted.
    pub fn demand(&self, access: Access, of: &str) -> Result<()> {
        if self.allow(access, of) {
            return Ok(());
        }
        if self.grants.iter().any(|it| (it.of == "*" || it.of == of) && it.has(access)) {
            return Err(narrowed());
        }
        Err(not_granted(access, of))
    }
}

/// The refusal of what looks at all resources of a type.
fn narrowed() -> Failure {
    let told = "What you may see is narrowed, by the access token's scopes to a patient or by criteria, or by the tenant's \
                rules and consents of patients. Resources can then be read, searched and changed; this looks at others too.";
    Failure::new(IssueType::Forbidden, told)
}

/// The refusal of a patch of what may not be read.
fn not_readable(of: &str) -> Failure {
    let told = format!(
        "A patch tells of what it changes, so the access token needs a scope to read {of} beside the one to change it. \
         PUT needs none to read."
    );
    Failure::new(IssueType::Forbidden, told)
}

/// The refusal of an access to a type (`*`: to all of them).
fn not_granted(access: Access, of: &str) -> Failure {
    let what = if of == "*" { "all resource types" } else { of };
    let told =
        format!("The access token's scopes do not allow to {} {what}, or the user's roles do not.", access.words());
    Failure::new(IssueType::Forbidden, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_grant_what_they_say_and_no_more() {
        let (scopes, unknown) =
            Scopes::parse("system/Patient.read user/Observation.cu openid patient/*.read system/Nope.read", None);
        assert!(scopes.allow(Access::Read, "Patient") && scopes.allow(Access::Search, "Patient"));
        assert!(!scopes.allow(Access::Create, "Patient"));
        assert!(scopes.allow(Access::Create, "Observation") && !scopes.allow(Access::Read, "Observation"));
        assert!(!scopes.allow(Access::Read, "*"));
        assert_eq!(unknown, ["openid", "patient/*.read", "system/Nope.read"]);
    }

    #[test]
    fn narrowed_scopes_grant_no_whole_type() {
        let (scopes, unknown) = Scopes::parse("patient/*.rs user/Observation.rs?category=laboratory", Some("1"));
        assert!(unknown.is_empty());
        for of in ["Patient", "Observation", "*"] {
            assert!(!scopes.allow(Access::Read, of) && scopes.demand(Access::Read, of).is_err(), "{of}");
        }
    }
}
