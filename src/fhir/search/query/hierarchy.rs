//! `:above` and `:below` on references (search.html#recursive), and `:below` on canonicals, which is about versions
//! (search.html#versions).

use super::super::alternatives::own_alternatives;
use super::super::modifier::aside;
use super::modifier::may_select;
use super::{Reader, Result, invalid, is_id, unescape};
use crate::search::{ParamId, Side, Target, Test};
use crate::spec::{ParamType, SearchParam, Spec, TypeId};

impl Reader<'_, '_> {
    /// The tests of `location:below=42` and its like.
    pub(super) fn along(&self, side: Side, value: &str) -> Result<Vec<Test>> {
        let text = unescape(value);
        if Target::versioned(&text, self.query.base).is_some() {
            return invalid(format!("{} takes no version here: a hierarchy is of resources as they are.", self.code));
        }
        match Target::parse(&text, self.query.base) {
            Target::Local { of, id } => self.kin(&self.query.targets(self.param, Some(of))?, id, side),
            Target::Url(url) if url.contains(':') => Ok(vec![self.versions(url, side)?]),
            Target::Url(id) if is_id(id) => self.kin(&self.query.targets(self.param, None)?, id, side),
            Target::Url(_) => invalid(format!("{} takes an id, [type]/[id] or the URL of a canonical.", self.code)),
        }
    }

    /// What is in the hierarchies of these types above or below the resource with this id, which is in them itself.
    fn kin(&self, types: &[TypeId], id: &str, side: Side) -> Result<Vec<Test>> {
        let spec = self.query.spec;
        let mut tests = Vec::new();
        let mut has_hierarchy = false;
        for of in types {
            let (name, id) = (spec.of(*of).name.to_string(), id.to_owned());
            let hierarchies = hierarchies(spec, *of);
            has_hierarchy |= !hierarchies.is_empty();
            tests.push(match hierarchies.as_slice() {
                [] => Test::Local { param: self.id, of: name, id },
                [only] => Test::Kin { param: self.id, parent: ParamId::of_param(&name, only), of: name, id, side },
                // The one that is asked about, where it is one of them.
                several => match several.iter().find(|it| *of == self.query.of && it.code == self.param.code) {
                    Some(own) => {
                        Test::Kin { param: self.id, parent: ParamId::of_param(&name, own), of: name, id, side }
                    }
                    None => return self.several(&name, several),
                },
            });
        }
        match has_hierarchy {
            true => Ok(tests),
            false => invalid(format!("What {} refers to has no hierarchy to go up or down in.", self.code)),
        }
    }

    fn several<T>(&self, of: &str, hierarchies: &[&SearchParam]) -> Result<T> {
        let codes: Vec<&str> = hierarchies.iter().map(|it| &*it.code).collect();
        invalid(format!(
            "{of} has several hierarchies, by {}, so that {} cannot be asked for above or below one.",
            codes.join(", "),
            self.code
        ))
    }

    /// A canonical in every version, or in those that begin so.
    fn versions(&self, url: &str, side: Side) -> Result<Test> {
        if side == Side::Above || !may_select(self.query.spec, &self.param.expression, "canonical") {
            return invalid(format!("{} takes an id or [type]/[id] of this server here.", self.code));
        }
        match (url.contains('|'), aside(self.query.type_name(), self.param)) {
            (true, Some(aside)) => Ok(Test::Uri(aside, url.to_owned())),
            _ => Ok(Test::Url(self.id, url.to_owned())),
        }
    }
}

/// The parameters of a type that are just the references which make a strict hierarchy of its resources.
fn hierarchies(spec: &Spec, of: TypeId) -> Vec<&SearchParam> {
    let owner = spec.of(of);
    let is_hierarchy = |path: &str| {
        let element = path.strip_prefix(&*owner.name).and_then(|it| it.strip_prefix('.'));
        element.and_then(|it| owner.element(it)).is_some_and(|it| it.is_hierarchy)
    };
    let of_references = spec.params_of(of).into_iter().filter(|it| it.own.is_none() && it.kind == ParamType::Reference);
    of_references
        .filter(|it| matches!(own_alternatives(spec, it, of).as_slice(), [path] if is_hierarchy(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use super::*;
    use crate::search::{Clause, NO_CODES};
    use crate::spec::r4;

    fn clause(of: &str, name: &str, value: &str) -> Result<Clause> {
        Query { spec: r4(), of: r4().resource(of).unwrap(), base: "http://here", now: 0, codes: &NO_CODES }
            .clause(name, value)
    }

    fn kin(param: ParamId, of: &str, parent: &str, side: Side) -> Test {
        Test::Kin { param, of: of.into(), id: "42".into(), parent: ParamId::of(of, parent), side }
    }

    /// The examples of search.html#recursive.
    #[test]
    fn hierarchies_are_those_that_r4_marks() {
        let location = kin(ParamId::of("Procedure", "location"), "Location", "partof", Side::Below);
        assert_eq!(clause("Procedure", "location:below", "42"), Ok(Clause::Any(vec![location])));
        let context = ParamId::of("MedicationAdministration", "context");
        let above = clause("MedicationAdministration", "context:above", "Encounter/42");
        assert_eq!(above, Ok(Clause::Any(vec![kin(context, "Encounter", "part-of", Side::Above)])));
        let own = kin(ParamId::of("CarePlan", "replaces"), "CarePlan", "replaces", Side::Below);
        assert_eq!(clause("CarePlan", "replaces:below", "42"), Ok(Clause::Any(vec![own])));
        let told = clause("ServiceRequest", "based-on:below", "CarePlan/42").unwrap_err();
        assert!(told.told().contains("based-on, part-of, replaces"), "{told:?}");
    }

    #[test]
    fn types_without_a_hierarchy_stand_for_themselves() {
        let Ok(Clause::Any(tests)) = clause("Observation", "subject:below", "42") else { unreachable!() };
        let locals = tests.iter().filter(|it| matches!(it, Test::Local { .. })).count();
        assert_eq!((tests.len(), locals), (4, 3));
        assert!(clause("Observation", "patient:below", "42").is_err());
    }

    /// The examples of search.html#versions.
    #[test]
    fn canonicals_are_asked_for_by_version() {
        let definition = |value: &str| clause("PlanDefinition", "definition:below", value);
        let param = ParamId::of("PlanDefinition", "definition");
        let url = "http://acme.com/some-profile";
        assert_eq!(definition(url), Ok(Clause::Any(vec![Test::Url(param, url.into())])));
        let aside = ParamId::of("PlanDefinition", "definition:identifier");
        let versioned = format!("{url}|1");
        assert_eq!(definition(&versioned), Ok(Clause::Any(vec![Test::Uri(aside, versioned.clone())])));
        assert!(clause("PlanDefinition", "definition:above", url).is_err());
        assert!(clause("Procedure", "location:below", "http://elsewhere/Location/1").is_err());
        assert!(clause("Procedure", "location:below", "Location/42/_history/1").is_err());
    }
}
