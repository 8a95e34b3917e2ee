//! Whom a resource tells of beside those in whose compartments it is (compartmentdefinition.html has no more than what is
//! theirs): all to whom it refers anywhere, and whose records it points at.

use super::index::coded::standing_for_codes;
use super::{Clause, Owners, ParamId, Query, Test};
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
        Some(match self.pointing_at(vec![Clause::Any(vec![of_any_type(owners)])]) {
            Some(pointing) => Test::All(vec![Clause::Any(vec![owned, pointing])]),
            None => owned,
        })
    }

    /// That a resource points at what is somebody's, and of none of these patients. `None` of types that point at nothing.
    pub fn pointing_at_others(&self, owners: &Arc<Owners>) -> Option<Test> {
        let unowned = Test::Unowned { params: REFERRING.clone(), of: PATIENT.to_owned() };
        let is_patient = Test::Of(PATIENT.to_owned());
        let is_somebodys = Clause::Any(vec![is_patient, Test::All(vec![Clause::None(vec![unowned])])]);
        self.pointing_at(vec![Clause::None(vec![of_any_type(owners)]), is_somebodys])
    }

    /// That a resource points at what has one of these labels ([`ParamId::LABELS`]), and is of none of these patients.
    pub fn pointing_at_labelled(&self, labels: Vec<Test>, owners: &Arc<Owners>) -> Option<Test> {
        self.pointing_at(vec![Clause::Any(labels), Clause::None(vec![of_any_type(owners)])])
    }

    /// The types of resources to which one refers in place of codes ([`ParamId::CODED_BY`]); none of types that do not.
    pub fn standing_for_codes(&self) -> &'static [TypeId] {
        standing_for_codes(self.of)
    }

    fn pointing_at(&self, filter: Vec<Clause>) -> Option<Test> {
        let of = &*self.spec.of(self.of).name;
        let (_, codes) = POINTING.iter().find(|(it, _)| *it == of)?;
        Some(Test::Leads { params: codes.iter().map(|it| ParamId::of(of, it)).collect(), filter })
    }
}

/// Whether elements of a resource type of R4 may refer to a patient, but for extensions and what is contained; not of types
/// that are told by content.
pub(super) fn may_refer_to_patient(of: TypeId) -> bool {
    MAY_REFER.get(usize::from(of.0)).copied().unwrap_or_default()
}

/// That a resource, of whatever type, refers to one of these patients or is one.
fn of_any_type(owners: &Arc<Owners>) -> Test {
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
        for (of, codes) in POINTING {
            let type_id = r4().resource(of).unwrap();
            for code in codes {
                let param = r4().param(type_id, code).unwrap_or_else(|| panic!("{of}?{code}"));
                assert_eq!(param.kind, crate::spec::ParamType::Reference, "{of}?{code}");
            }
        }
    }
}
