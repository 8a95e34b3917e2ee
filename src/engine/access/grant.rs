//! One scope on resources (SMART App Launch 2.2, scopes-and-launch-context.html#scopes-for-requesting-fhir-resources).

use super::Access;
use fhir::search::{Clause, Codes, Query, is_told_alone};
use fhir::spec::{TypeId, r4};
use std::fmt;

/// Whose access a scope speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// `patient/`: the records of the patient in context.
    Patient,
    /// `user/`: what the user may see.
    User,
    /// `system/`: what a program may see that acts for nobody.
    System,
}

impl Level {
    const ALL: [(Level, &'static str); 3] =
        [(Level::Patient, "patient"), (Level::User, "user"), (Level::System, "system")];

    fn name(self) -> &'static str {
        Level::ALL.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }
}

/// The access that version 1 called `read`.
const READING: u8 = Access::Read as u8 | Access::Search as u8;
/// All kinds of access.
pub(super) const ALL: u8 = 31;

/// A scope on resources: `patient/Observation.rs?category=laboratory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose access.
    pub level: Level,
    /// The resource type; `*` is all of them.
    pub of: String,
    /// A bit for each [`Access`].
    pub(super) bits: u8,
    /// Search criteria that a resource must match.
    pub criteria: Option<String>,
}

impl Grant {
    /// Every access to every type.
    pub(super) fn all() -> Grant {
        Grant { level: Level::System, of: "*".into(), bits: ALL, criteria: None }
    }

    /// Reads a scope with the letters of version 2, or the words of version 1. `None` if it is no scope on resources, or
    /// one that this server cannot hold to: criteria are those that R4's search parameters have.
    pub fn parse(word: &str) -> Option<Grant> {
        let (level, rest) = word.split_once('/')?;
        let (level, _) = *Level::ALL.iter().find(|(_, name)| *name == level)?;
        let (rest, criteria) = match rest.split_once('?') {
            Some((rest, criteria)) => (rest, Some(criteria)),
            None => (rest, None),
        };
        let (of, access) = rest.rsplit_once('.')?;
        let bits = match access {
            "*" => ALL,
            "read" => READING,
            "write" => Access::Create as u8 | Access::Update as u8 | Access::Delete as u8,
            letters => letter_bits(letters)?,
        };
        let grant = Grant { level, of: of.to_owned(), bits, criteria: criteria.map(str::to_owned) };
        (bits != 0 && grant.is_of_r4()).then_some(grant)
    }

    /// Whether the type is there and understands the criteria.
    fn is_of_r4(&self) -> bool {
        if self.of == "*" {
            return r4().resources().any(|of| self.understood(of));
        }
        r4().resource(&self.of).is_some_and(|of| self.understood(of))
    }

    fn understood(&self, of: TypeId) -> bool {
        let query = Query { spec: r4(), of, base: "", now: 0, codes: &Codes::none() };
        self.criteria.as_ref().is_none_or(|it| clauses(&query, it).is_some())
    }

    /// What two scopes both grant.
    pub fn meet(&self, other: &Grant) -> Option<Grant> {
        let of = match (self.of.as_str(), other.of.as_str()) {
            (of, "*") | ("*", of) => of,
            (one, two) if one == two => one,
            _ => return None,
        };
        let criteria = match (&self.criteria, &other.criteria) {
            (Some(one), Some(two)) if one != two => Some(format!("{one}&{two}")),
            (one, two) => one.clone().or_else(|| two.clone()),
        };
        let bits = self.bits & other.bits;
        (self.level == other.level && bits != 0).then(|| Grant { level: self.level, of: of.to_owned(), bits, criteria })
    }

    /// What is left of a scope under a rule of the user's roles. A rule for users holds where a patient is in context too.
    pub(super) fn under(&self, rule: &Grant) -> Option<Grant> {
        let level = match (self.level, rule.level) {
            (Level::Patient, _) => Level::Patient,
            (_, Level::Patient) => return None,
            _ => Level::User,
        };
        let scope = Grant { level, ..self.clone() };
        scope.meet(&Grant { level, ..rule.clone() })
    }

    /// Whether it is every access of a level to every type.
    pub(super) fn is_whole(&self) -> bool {
        self.of == "*" && self.bits == ALL && self.criteria.is_none() && self.level != Level::Patient
    }

    /// Whether this kind of access is among those granted.
    pub fn has(&self, access: Access) -> bool {
        self.bits & access as u8 != 0
    }
}

/// In the letters of version 2.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.", self.level.name(), self.of)?;
        LETTERS.iter().filter(|(_, access)| self.has(*access)).try_for_each(|(letter, _)| write!(f, "{letter}"))?;
        self.criteria.as_ref().map_or(Ok(()), |it| write!(f, "?{it}"))
    }
}

/// Criteria as clauses on a type; `None` if the type does not have them, if they are on full text, which lags behind, or
/// if they look at other resources than the one they are about: whether they match would tell of those.
pub(super) fn clauses(query: &Query<'_>, criteria: &str) -> Option<Vec<Clause>> {
    let pairs = form_urlencoded::parse(criteria.as_bytes());
    let filter: Vec<_> = pairs.map(|(name, value)| query.clause(&name, &value).ok()).collect::<Option<_>>()?;
    (!filter.is_empty() && is_told_alone(&filter)).then_some(filter)
}

/// The letters of `cruds`.
const LETTERS: [(char, Access); 5] =
    [('c', Access::Create), ('r', Access::Read), ('u', Access::Update), ('d', Access::Delete), ('s', Access::Search)];

/// The letters of `cruds`, each at most once and in this order.
fn letter_bits(letters: &str) -> Option<u8> {
    let mut rest = letters;
    let mut bits = 0;
    for (letter, access) in LETTERS {
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

    fn read(word: &str) -> Option<String> {
        Grant::parse(word).map(|it| it.to_string())
    }

    #[test]
    fn a_scope_is_read_and_written() {
        for (word, written) in [
            ("system/*.cruds", Some("system/*.cruds")),
            ("user/Patient.read", Some("user/Patient.rs")),
            ("patient/*.*", Some("patient/*.cruds")),
            ("patient/*.write", Some("patient/*.cud")),
            ("patient/Observation.rs?category=laboratory", Some("patient/Observation.rs?category=laboratory")),
            ("user/Observation.cruds?category=laboratory", Some("user/Observation.cruds?category=laboratory")),
            ("system/*.sr", None),
            ("system/*.", None),
            ("system/*.rr", None),
            ("patient/Observation.rs?nonsense=1", None),
            ("user/Observation.rs?code:text=x", None),
            ("patient/Patient.rs?general-practitioner:Practitioner.family=x", None),
            ("patient/Patient.rs?_has:Observation:patient:code=x", None),
            ("patient/Patient.rs?_filter=general-practitioner.family+eq+x", None),
            ("user/Encounter.rs?location:below=Location/1", None),
            ("user/Nothing.rs", None),
            ("openid", None),
        ] {
            assert_eq!(read(word).as_deref(), written, "{word}");
        }
    }

    #[test]
    fn two_scopes_meet_in_what_both_grant() {
        for (one, two, both) in [
            ("user/*.rs", "user/Patient.cruds", Some("user/Patient.rs")),
            ("user/Observation.rs?category=vital-signs", "user/*.r", Some("user/Observation.r?category=vital-signs")),
            ("patient/*.r?_id=1", "patient/*.r?_id=2", Some("patient/*.r?_id=1&_id=2")),
            ("user/Patient.r", "user/Patient.s", None),
            ("user/Patient.r", "patient/Patient.r", None),
            ("user/Patient.r", "user/Group.r", None),
        ] {
            let met = Grant::parse(one).unwrap().meet(&Grant::parse(two).unwrap());
            assert_eq!(met.map(|it| it.to_string()).as_deref(), both, "{one} {two}");
        }
    }
}
