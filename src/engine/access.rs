//! What a caller may do: SMART scopes (SMART App Launch 2, scopes-and-launch-context), deny by default.

use fhir::search::{Clause, Test};
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
    /// Resource type or `*`, and a bit for each [`Access`].
    grants: Vec<(String, u8)>,
}

impl Scopes {
    /// Reads a `scope` claim: `system/*.*`, `user/Patient.read`, `system/Observation.rs`, separated by spaces.
    /// Scopes that this server cannot hold to (those of a patient's compartment, those with search criteria, unknown
    /// ones) grant nothing; they are returned beside, so that who asks for a token is told.
    pub fn parse(text: &str) -> (Scopes, Vec<String>) {
        let mut scopes = Scopes::default();
        let mut unknown = Vec::new();
        for word in text.split_whitespace() {
            match grant(word) {
                Some(grant) => scopes.grants.push(grant),
                None => unknown.push(word.to_owned()),
            }
        }
        (scopes, unknown)
    }

    /// Every access to every type: what work without a caller has.
    pub fn all() -> Scopes {
        Scopes { grants: vec![("*".into(), 31)] }
    }

    /// Whether this access to a resource type is granted.
    pub fn allow(&self, access: Access, of: &str) -> bool {
        self.grants.iter().any(|(granted, bits)| (granted == "*" || granted == of) && bits & access as u8 != 0)
    }

    /// Fails with 403 unless this access to a resource type (`*`: to all of them) is granted.
    pub fn demand(&self, access: Access, of: &str) -> Result<()> {
        if self.allow(access, of) {
            return Ok(());
        }
        let what = if of == "*" { "all resource types".to_owned() } else { of.to_owned() };
        let told = format!("The access token's scopes do not allow to {} {what}.", access.words());
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// Fails with 403 unless every type that a filter looks at by chains may be searched: whether a chain matches tells
    /// of the resource at its end.
    pub fn demand_filter(&self, filter: &[Clause]) -> Result<()> {
        let tests = filter.iter().flat_map(|it| match it {
            Clause::Any(tests) | Clause::None(tests) => tests,
        });
        for test in tests {
            match test {
                Test::Chain { of, filter, .. } | Test::Has { of, filter, .. } => {
                    self.demand(Access::Search, of)?;
                    self.demand_filter(filter)?;
                }
                Test::Kin { of, .. } => self.demand(Access::Search, of)?,
                Test::All(filter) => self.demand_filter(filter)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn grant(word: &str) -> Option<(String, u8)> {
    let (of, access) = word.strip_prefix("system/").or(word.strip_prefix("user/"))?.rsplit_once('.')?;
    let bits = match access {
        "*" => 31,
        "read" => Access::Read as u8 | Access::Search as u8,
        "write" => Access::Create as u8 | Access::Update as u8 | Access::Delete as u8,
        letters => letter_bits(letters)?,
    };
    (of == "*" || fhir::spec::r4().resource(of).is_some()).then(|| (of.to_owned(), bits))
}

/// The letters of `cruds`, each at most once and in this order.
fn letter_bits(letters: &str) -> Option<u8> {
    let mut rest = letters;
    let mut bits = 0;
    for (letter, access) in [
        ('c', Access::Create),
        ('r', Access::Read),
        ('u', Access::Update),
        ('d', Access::Delete),
        ('s', Access::Search),
    ] {
        if let Some(behind) = rest.strip_prefix(letter) {
            bits |= access as u8;
            rest = behind;
        }
    }
    (bits != 0 && rest.is_empty()).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_grant_what_they_say_and_no_more() {
        let (scopes, unknown) =
            Scopes::parse("system/Patient.read user/Observation.cu openid patient/*.read system/Nope.read");
        assert!(scopes.allow(Access::Read, "Patient") && scopes.allow(Access::Search, "Patient"));
        assert!(!scopes.allow(Access::Create, "Patient"));
        assert!(scopes.allow(Access::Create, "Observation") && !scopes.allow(Access::Read, "Observation"));
        assert!(!scopes.allow(Access::Read, "*"));
        assert_eq!(unknown, ["openid", "patient/*.read", "system/Nope.read"]);
    }

    #[test]
    fn chains_demand_what_they_look_at() {
        let of = fhir::spec::r4().resource("Observation").unwrap();
        let query = fhir::search::Query { spec: fhir::spec::r4(), of, base: "", now: 0, codes: &fhir::search::NO_CODES };
        let filter = |name: &str| vec![query.clause(name, "x").unwrap()];
        let (scopes, _) = Scopes::parse("system/Observation.rs system/Patient.rs");
        assert!(scopes.demand_filter(&filter("subject:Patient.name")).is_ok());
        for name in ["encounter.reason-code", "subject:Patient.organization.name", "_has:DiagnosticReport:result:code"]
        {
            assert_eq!(scopes.demand_filter(&filter(name)).unwrap_err().status, 403, "{name}");
        }
    }

    #[test]
    fn letters_come_in_order() {
        for (word, is_scope) in [
            ("system/*.cruds", true),
            ("system/*.rs", true),
            ("system/*.sr", false),
            ("system/*.", false),
            ("system/*.rr", false),
        ] {
            assert_eq!(grant(word).is_some(), is_scope, "{word}");
        }
    }
}
