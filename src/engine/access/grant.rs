//! One scope on resources (SMART App Launch 2.2, scopes-and-launch-context.html#scopes-for-requesting-fhir-resources).

use super::Access;
use fhir::mask::{Mask, element};
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

/// Among the criteria of a scope, names elements that are not shown: `user/Patient.rs?_mask=Patient.identifier`. Ours.
const MASK: &str = "_mask=";

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
    /// Elements of resources that are not shown, `Patient.telecom.value`, each once and in order.
    pub masked: Vec<String>,
}

impl Grant {
    /// Every access to every type.
    pub(super) fn all() -> Grant {
        Grant { level: Level::System, of: "*".into(), bits: ALL, criteria: None, masked: Vec::new() }
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
        let (criteria, masked) = parted(of, criteria).ok()?;
        let grant = Grant { level, of: of.to_owned(), bits, criteria, masked };
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
        let mut masked: Vec<String> = self.masked.iter().chain(&other.masked).cloned().collect();
        masked.sort();
        masked.dedup();
        (self.level == other.level && bits != 0).then(|| Grant {
            level: self.level,
            of: of.to_owned(),
            bits,
            criteria,
            masked,
        })
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
        self.of == "*"
            && self.bits == ALL
            && self.criteria.is_none()
            && self.masked.is_empty()
            && self.level != Level::Patient
    }

    /// Whether it lets resources of a type be read or found.
    pub(super) fn shows(&self, of: &str) -> bool {
        (self.of == "*" || self.of == of) && (self.has(Access::Read) || self.has(Access::Search))
    }

    /// What it hides of a type.
    pub(super) fn mask(&self, of: &str) -> Mask {
        let mut mask = Mask::default();
        let own = self.masked.iter().filter_map(|it| it.strip_prefix(of)?.strip_prefix('.'));
        own.for_each(|it| mask.hide(it));
        mask
    }

    /// Whether another one that reaches as far hides no more.
    pub(super) fn hides_as_much_as(&self, other: &Grant) -> bool {
        let is_hidden = |element: &str, of: &str, path: &str| {
            self.masked.iter().any(|it| it == element) || self.mask(of).hides(path)
        };
        let mut others = other.masked.iter().filter_map(|it| Some((it, it.split_once('.')?)));
        others.all(|(element, (of, path))| (self.of != "*" && self.of != of) || is_hidden(element, of, path))
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
        let masked = (!self.masked.is_empty()).then(|| format!("{MASK}{}", self.masked.join(",")));
        let parts: Vec<&String> = self.criteria.iter().chain(&masked).collect();
        parts.iter().enumerate().try_for_each(|(at, it)| write!(f, "{}{it}", if at == 0 { '?' } else { '&' }))
    }
}

/// What stands behind a scope's `?`, parted: the criteria, and the elements that are not shown. Fails with what is wrong
/// with one of these.
fn parted(of: &str, text: Option<&str>) -> Result<(Option<String>, Vec<String>), String> {
    let (masks, criteria): (Vec<&str>, Vec<&str>) =
        text.into_iter().flat_map(|it| it.split('&')).partition(|it| it.starts_with(MASK));
    let mut masked = Vec::new();
    for text in masks.iter().filter_map(|it| it.strip_prefix(MASK)).flat_map(|it| it.split(',')) {
        let (owner, path) = element(r4(), text)?;
        let owner = &r4().of(owner).name;
        if of != "*" && **owner != *of {
            return Err(format!("{} is not an element of {of}.", fhir::outcome::shown(text)));
        }
        masked.push(format!("{owner}.{path}"));
    }
    masked.sort();
    masked.dedup();
    Ok(((!criteria.is_empty()).then(|| criteria.join("&")), masked))
}

/// What is wrong with the elements that a scope does not show, if something is.
pub(super) fn mask_problem(word: &str) -> Option<String> {
    let (head, rest) = word.split_once('?')?;
    let of = head.split_once('/')?.1.rsplit_once('.')?.0;
    parted(of, Some(rest)).err()
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
            (
                "user/Patient.rs?_mask=Patient.telecom.value&active=true&_mask=Patient.identifier",
                Some("user/Patient.rs?active=true&_mask=Patient.identifier,Patient.telecom.value"),
            ),
            ("user/*.rs?_mask=Observation.value[x]", Some("user/*.rs?_mask=Observation.value")),
            ("user/Patient.rs?_mask=Observation.note", None),
            ("user/Patient.rs?_mask=Patient.nothing", None),
            ("user/Patient.rs?_mask=", None),
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
            (
                "user/*.r",
                "user/Patient.r?_mask=Patient.name&active=true",
                Some("user/Patient.r?active=true&_mask=Patient.name"),
            ),
            ("user/Patient.r", "patient/Patient.r", None),
            ("user/Patient.r", "user/Group.r", None),
        ] {
            let met = Grant::parse(one).unwrap().meet(&Grant::parse(two).unwrap());
            assert_eq!(met.map(|it| it.to_string()).as_deref(), both, "{one} {two}");
        }
    }
}
