//! Membership of the compartments of many (compartmentdefinition.html): of all patients whom somebody treats, or of all
//! who deny something.

use super::concerned::{may_refer_to_patient, owning_codes};
use super::{ParamId, Query, Test};
use crate::spec::TypeId;
use std::fmt;
use std::sync::Arc;

/// Some resources of one type that have compartments, each once.
#[derive(Clone, Default, PartialEq)]
pub struct Owners {
    /// Their type.
    pub of: String,
    ids: Vec<Arc<str>>,
    /// System, empty where there is none, and value.
    identifiers: Vec<(Arc<str>, Arc<str>)>,
}

impl Owners {
    /// Those of these ids. References by one of these identifiers alone lead to them as well (references.html#logical).
    pub fn new(of: &str, mut ids: Vec<Arc<str>>, mut identifiers: Vec<(Arc<str>, Arc<str>)>) -> Owners {
        ids.sort_unstable();
        ids.dedup();
        identifiers.sort_unstable();
        identifiers.dedup();
        Owners { of: of.to_owned(), ids, identifiers }
    }

    /// Their ids, rising.
    pub fn ids(&self) -> &[Arc<str>] {
        &self.ids
    }

    /// Their identifiers: system, empty where there is none, and value.
    pub fn identifiers(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.identifiers
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether this is the id of one of them.
    pub fn has(&self, id: &str) -> bool {
        self.ids.binary_search_by(|it| (**it).cmp(id)).is_ok()
    }

    /// Whether this identifies one of them.
    pub fn has_identifier(&self, system: Option<&str>, value: &str) -> bool {
        let wanted = (system.unwrap_or_default(), value);
        self.identifiers.binary_search_by(|(system, value)| (&**system, &**value).cmp(&wanted)).is_ok()
    }
}

/// The ids, which tell criteria from others; no identifiers.
impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owners({} {:?})", self.of, self.ids)
    }
}

impl<'a> Query<'a> {
    /// Membership of the compartment of one of these. Types that the standard has outside of all such compartments count
    /// by their parameter `patient`, or whatever the owners' type is called, where that leads to no other type: a Task,
    /// a Device; without one, by all to whom they refer. `None` if elements of this type refer to none.
    pub fn in_compartments_of(&self, owner: TypeId, owners: &Arc<Owners>) -> Option<Test> {
        let (params, is_owner) = self.ownership(owner)?;
        Some(Test::Owned { params, is_owner, owners: owners.clone() })
    }

    /// That a resource is in nobody's compartment, for types that are not about a subject: an appointment among
    /// colleagues, the schedule of a room, a device in a store. `None` of those that are, and of those that are in none
    /// anyway.
    pub fn in_no_compartment(&self, owner: TypeId) -> Option<Test> {
        let (mut params, is_owner) = self.ownership(owner)?;
        let is_member = self.spec.compartment(owner)?.members.iter().any(|(of, _)| *of == self.of);
        let of = &self.spec.of(self.of).name;
        let subjects = ["subject", "patient"].map(|code| ParamId::of(of, code));
        let is_about = is_owner || is_member && params.iter().any(|it| subjects.contains(it));
        params.push(ParamId::PATIENTS);
        (!is_about).then(|| Test::Unowned { params, of: self.spec.of(owner).name.to_string() })
    }

    /// The parameters by which a resource is in a compartment, and whether it may be one's owner.
    pub(super) fn ownership(&self, owner: TypeId) -> Option<(Vec<ParamId>, bool)> {
        match owning_codes(self.spec, self.of, owner) {
            Some(codes) => {
                let params = codes.iter().filter(|it| **it != "{def}").map(|it| self.id(it)).collect();
                Some((params, codes.contains(&"{def}")))
            }
            None => may_refer_to_patient(self.of).then(|| (vec![ParamId::PATIENTS], false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;
    use crate::search::{Alone, Clause, Indexer, NO_CODES};
    use crate::spec::r4;

    fn query(of: &str) -> Query<'static> {
        Query { spec: r4(), of: r4().resource(of).unwrap(), base: "", now: 0, codes: &NO_CODES }
    }

    fn passes(of: &str, body: &str, test: Test) -> Option<bool> {
        let filter = [Clause::Any(vec![test])];
        let doc = Doc::parse(format!(r#"{{"resourceType":"{of}",{body}}}"#)).unwrap();
        let mut alone = Alone::new("a", &filter);
        Indexer::new(r4()).index(r4().resource(of).unwrap(), doc.root(), "", &mut alone);
        alone.passes(&filter)
    }

    #[test]
    fn a_resource_is_of_its_patients() {
        let patient = r4().resource("Patient").unwrap();
        let owners = Owners::new("Patient", vec!["b".into(), "a".into()], vec![("urn:s".into(), "7".into())]);
        let owners = Arc::new(owners);
        for (of, body, is_owned) in [
            ("Patient", r#""active":true"#, true),
            ("Patient", r#""link":[{"other":{"reference":"Patient/c"},"type":"refer"}]"#, true),
            ("Observation", r#""subject":{"reference":"Patient/b"}"#, true),
            ("Observation", r#""subject":{"reference":"Patient/c"}"#, false),
            ("Observation", r#""subject":{"reference":"Group/b"}"#, false),
            ("Observation", r#""subject":{"identifier":{"system":"urn:s","value":"7"}}"#, true),
            ("Observation", r#""subject":{"type":"Group","identifier":{"system":"urn:s","value":"7"}}"#, false),
            ("Observation", r#""subject":{"identifier":{"system":"urn:t","value":"7"}}"#, false),
            ("Device", r#""patient":{"reference":"Patient/a"}"#, true),
            ("Task", r#""for":{"reference":"Patient/a"}"#, true),
        ] {
            let test = query(of).in_compartments_of(patient, &owners).unwrap();
            assert_eq!(passes(of, body, test), Some(is_owned), "{of} {body}");
        }
        assert_eq!(query("Practitioner").in_compartments_of(patient, &owners), None);
    }

    #[test]
    fn what_is_about_nobody_is_told_by_its_references() {
        let patient = r4().resource("Patient").unwrap();
        for (of, body, is_unowned) in [
            ("Schedule", r#""actor":[{"reference":"Practitioner/p"}]"#, true),
            ("Schedule", r#""actor":[{"reference":"Practitioner/p"},{"reference":"Patient/a"}]"#, false),
            ("Schedule", r#""actor":[{"identifier":{"value":"7"}}]"#, false),
            ("Schedule", r#""actor":[{"reference":"http://other.org/Patient/1"}]"#, false),
            ("Device", r#""status":"active""#, true),
            ("Device", r#""patient":{"reference":"Patient/a"}"#, false),
        ] {
            let test = query(of).in_no_compartment(patient).unwrap();
            assert_eq!(passes(of, body, test), Some(is_unowned), "{of} {body}");
        }
        for of in ["Observation", "Patient", "Practitioner", "Encounter"] {
            assert_eq!(query(of).in_no_compartment(patient), None, "{of}");
        }
    }
}
