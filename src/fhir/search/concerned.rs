//! Whom a resource tells of beside those in whose compartments it is (compartmentdefinition.html has no more than what is
//! theirs): all to whom it refers anywhere, and whose records it points at.

use super::index::coded::standing_for_codes;
use super::{Clause, Filter, Owners, ParamId, Query, Test};
use crate::spec::{Spec, TypeId, r4};
use rustc_hash::FxHashSet;
use std::sync::{Arc, LazyLock};

/// The type of those whose records these are.
const PATIENT: &str = "Patient";
/// Types whose resources are about other resources, and the parameters by which they point at these.
const POINTING: [(&str, &[&str]); 6] = [
    ("DocumentManifest", &["item", "related-ref"]),
    ("Linkage", &["item", "source"]),
    ("List", &["item"]),
    ("MessageHeader", &["focus"]),
    ("Provenance", &["entity", "target"]),
    ("Task", &["based-on", "focus", "subject"]),
];
/// Types whose resources are made of others, with the parameters by which they refer to these. Whose they are, they say themselves.
const MADE_OF: [(&str, &[&str]); 3] =
    [("Composition", &["entry"]), ("DiagnosticReport", &["result"]), ("Observation", &["derived-from", "has-member"])];
/// The parameters of all types by which a resource refers to a patient.
static REFERRING: LazyLock<Vec<ParamId>> = LazyLock::new(referring);
/// Types of which it is told whose they are by all that they have, not by references.
const BY_CONTENT: [&str; 2] = ["Binary", "Bundle"];
/// Of each type of R4, whether its elements may refer to a patient.
static MAY_REFER: LazyLock<Vec<bool>> = LazyLock::new(|| {
    let patient = r4().resource(PATIENT);
    let types = (0..r4().types().len()).filter_map(|at| u16::try_from(at).ok()).map(TypeId);
    let may = |of: TypeId, to| may_refer(r4(), of, to, &mut FxHashSet::default());
    types.map(|it| !BY_CONTENT.contains(&&*r4().of(it).name) && patient.is_some_and(|to| may(it, to))).collect()
});

impl<'a> Query<'a> {
    /// That a resource tells of one of these patients: it refers to one, is one, or points at what does. `None` of types
    /// whose elements refer to none.
    pub fn concerning(&self, owners: &Arc<Owners>) -> Option<Test> {
        let (mut params, is_owner) = self.ownership(r4().resource(PATIENT)?)?;
        params.push(ParamId::PATIENTS);
        let owned = Test::Owned { params, is_owner, owners: owners.clone() };
        Some(match self.pointing_at(vec![Clause::Any(vec![records_of(owners)])]) {
            Some(pointing) => Test::All(vec![Clause::Any(vec![owned, pointing])]),
            None => owned,
        })
    }

    /// Whether resources of the type are about others.
    pub fn points(&self) -> bool {
        self.pointing().is_some()
    }

    /// Whether resources of the type are made of others, such as a report of results.
    pub fn is_made_of_others(&self) -> bool {
        self.made_of().is_some()
    }

    /// That a resource is about a record of one of these patients, or made of one, that passes a filter. `None` of types that are neither.
    pub fn pointing_at_records(&self, owners: &Arc<Owners>, filter: Filter) -> Option<Test> {
        let codes = self.pointing().into_iter().chain(self.made_of()).flatten();
        let params: Vec<ParamId> = codes.map(|it| self.id(it)).collect();
        let filter = [Clause::Any(vec![records_of(owners)])].into_iter().chain(filter).collect();
        (!params.is_empty()).then_some(Test::Leads { params, filter })
    }

    /// That a resource points at what is somebody's, and passes none of these. `None` of types that point at nothing.
    pub fn pointing_at_others(&self, passed: Vec<Test>) -> Option<Test> {
        let unowned = Test::Unowned { params: REFERRING.clone(), of: PATIENT.to_owned() };
        let is_patient = Test::Of(PATIENT.to_owned());
        let is_somebodys = Clause::Any(vec![is_patient, Test::All(vec![Clause::None(vec![unowned])])]);
        self.pointing_at(vec![Clause::None(passed), is_somebodys])
    }

    /// That a resource points at what has one of these labels ([`ParamId::LABELS`]), and is of none of these patients.
    pub fn pointing_at_labelled(&self, labels: Vec<Test>, owners: &Arc<Owners>) -> Option<Test> {
        self.pointing_at(vec![Clause::Any(labels), Clause::None(vec![records_of(owners)])])
    }

    /// The types of resources to which one refers in place of codes ([`ParamId::CODED_BY`]); none of types that do not.
    pub fn standing_for_codes(&self) -> &'static [TypeId] {
        standing_for_codes(self.of)
    }

    fn pointing_at(&self, filter: Vec<Clause>) -> Option<Test> {
        Some(Test::Leads { params: self.pointing()?.iter().map(|it| self.id(it)).collect(), filter })
    }

    fn pointing(&self) -> Option<&'static [&'static str]> {
        codes_of(&POINTING, &self.spec.of(self.of).name)
    }

    fn made_of(&self) -> Option<&'static [&'static str]> {
        codes_of(&MADE_OF, &self.spec.of(self.of).name)
    }
}

/// Whether elements of a resource type of R4 may refer to a patient, but for extensions and what is contained; not of types
/// that are told by content.
pub(super) fn may_refer_to_patient(of: TypeId) -> bool {
    MAY_REFER.get(usize::from(of.0)).copied().unwrap_or_default()
}

fn codes_of(all: &'static [(&str, &[&str])], of: &str) -> Option<&'static [&'static str]> {
    all.iter().find(|(it, _)| *it == of).map(|(_, codes)| *codes)
}

/// The types whose resources are about other resources, with the parameters by which they point at these.
pub fn pointing() -> &'static [(&'static str, &'static [&'static str])] {
    &POINTING
}

/// The types whose resources may be somebody's.
pub fn record_types() -> &'static [TypeId] {
    static TYPES: LazyLock<Vec<TypeId>> = LazyLock::new(|| {
        let Some(patient) = r4().resource(PATIENT) else { return Vec::new() };
        let is_one = |it: &TypeId| owning_codes(r4(), *it, patient).is_some() || may_refer_to_patient(*it);
        r4().resources().filter(is_one).collect()
    });
    &TYPES
}

/// That a resource, of whatever type, refers to one of these patients or is one.
pub fn records_of(owners: &Arc<Owners>) -> Test {
    Test::Owned { params: REFERRING.clone(), is_owner: true, owners: owners.clone() }
}

fn referring() -> Vec<ParamId> {
    let Some(patient) = r4().resource(PATIENT) else { return Vec::new() };
    let owned = r4().resources().filter_map(|of| {
        let name = &r4().of(of).name;
        Some(owning_codes(r4(), of, patient)?.into_iter().map(|it| ParamId::of(name, it)).collect::<Vec<_>>())
    });
    let pointing = POINTING.iter().flat_map(|(of, codes)| codes.iter().map(|it| ParamId::of(of, it)));
    let mut all: Vec<ParamId> = owned.flatten().chain(pointing).chain([ParamId::PATIENTS]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The parameters by which a resource of a type is in compartments of another: those of the standard, or the one that is
/// called as the other and leads to no other type.
pub(super) fn owning_codes(spec: &Spec, of: TypeId, owner: TypeId) -> Option<Vec<&str>> {
    let members = &spec.compartment(owner)?.members;
    if let Some((_, codes)) = members.iter().find(|(it, _)| *it == of) {
        return Some(codes.iter().map(|it| &**it).collect());
    }
    let code = spec.of(owner).name.to_lowercase();
    let param = spec.param(of, &code).filter(|it| it.own.is_none() && it.targets == [owner])?;
    Some(vec![&param.code])
}

fn may_refer(spec: &Spec, of: TypeId, to: TypeId, seen: &mut FxHashSet<TypeId>) -> bool {
    let it = spec.of(of);
    if matches!(&*it.name, "ElementDefinition" | "Extension" | "Resource") || !seen.insert(of) {
        return false;
    }
    it.elements.iter().any(|element| {
        element.types.iter().any(|of| match &*spec.of(*of).name {
            "Reference" => element.targets.is_empty() || element.targets.contains(&to),
            _ => may_refer(spec, *of, to, seen),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_refer_to_a_patient_is_told_by_its_elements() {
        for (of, may) in [
            ("Observation", true),
            ("BiologicallyDerivedProduct", true),
            ("Provenance", true),
            ("Linkage", true),
            ("Device", true),
            ("Location", false),
            ("Bundle", false),
            ("Organization", false),
            ("Medication", false),
            ("ValueSet", false),
            ("StructureDefinition", false),
        ] {
            assert_eq!(may_refer_to_patient(r4().resource(of).unwrap()), may, "{of}");
        }
    }

    #[test]
    fn what_points_does_so_by_parameters_of_references() {
        for (of, codes) in POINTING.iter().chain(&MADE_OF) {
            let type_id = r4().resource(of).unwrap();
            for code in *codes {
                let param = r4().param(type_id, code).unwrap_or_else(|| panic!("{of}?{code}"));
                assert_eq!(param.kind, crate::spec::ParamType::Reference, "{of}?{code}");
            }
        }
    }
}
