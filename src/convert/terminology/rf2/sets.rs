//! SNOMED CT's reference sets: of languages, which tell what names are preferred; of modules, which tell the edition; of concepts, which
//! are value sets (snomedct.html#implicit); and associations, which say what took the place of a concept.

use super::super::lines::Table;
use super::super::{Choices, Files, named};
use super::{identifier, is_active, number};
use fhir::terminology::release::{Draft, DraftValue};
use fhir::{Failure, IssueType, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const PREFERRED: &str = "900000000000548007";
/// American English, then British: whose preferred terms are shown where nobody says.
const ENGLISH: [&str; 2] = ["900000000000509007", "900000000000508004"];
/// The modules of the international edition: the core, and the model that it depends on.
const CORE: &str = "900000000000207008";
const MODEL: &str = "900000000000012004";

const LANGUAGE: &[&str] =
    &["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId", "acceptabilityId"];
const DEPENDENCY: &[&str] = &[
    "id",
    "effectiveTime",
    "active",
    "moduleId",
    "refsetId",
    "referencedComponentId",
    "sourceEffectiveTime",
    "targetEffectiveTime",
];
/// What the files of all reference sets begin with.
const MEMBER: &[&str] = &["id", "effectiveTime", "active", "moduleId", "refsetId", "referencedComponentId"];

/// The descriptions that are preferred.
#[derive(Default)]
pub(super) struct Preferred {
    /// In the language that is shown.
    pub(super) shown: HashSet<u64>,
    /// In any language.
    pub(super) any: HashSet<u64>,
    /// The reference sets of languages.
    pub(super) sets: BTreeSet<String>,
}

impl Preferred {
    pub(super) fn read(files: &dyn Files, choices: &Choices) -> Result<Preferred> {
        let mut by_language: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
        for name in
            named(files, |it| it.contains("cRefset_Language") && it.contains("Snapshot") && it.ends_with(".txt"))
        {
            Table::with_header(files, &name, '\t', LANGUAGE)?.each(|row| {
                let [_, _, active, _, language, description, acceptability] = row else { return Err(String::new()) };
                let number = number(description)?;
                if is_active(active)? && *acceptability == PREFERRED {
                    by_language.entry(identifier(language)?.to_owned()).or_default().insert(number);
                }
                Ok(())
            })?;
        }
        let any = by_language.values().flatten().copied().collect();
        let sets = by_language.keys().cloned().collect();
        if let Some(wanted) = &choices.language {
            let told = format!("The files have no language reference set {}.", fhir::outcome::shown(wanted));
            let shown = by_language.remove(wanted).ok_or_else(|| Failure::new(IssueType::NotFound, told))?;
            return Ok(Preferred { shown, any, sets });
        }
        let english = ENGLISH.iter().find_map(|it| by_language.remove(*it));
        let shown = english.or_else(|| by_language.pop_first().map(|it| it.1)).unwrap_or_default();
        Ok(Preferred { shown, any, sets })
    }
}

/// Enters the members of reference sets, and of associations what they name. Sets of descriptions are of languages.
pub(super) fn members(files: &dyn Files, draft: &mut Draft) -> Result<()> {
    let is_set = |it: &str| it.contains("Refset_") && it.contains("Snapshot") && it.ends_with(".txt");
    for name in named(files, |it| is_set(it) && !it.contains("Refset_Language")) {
        let is_association = name.contains("cRefset_Association");
        Table::beginning_with(files, &name, '\t', MEMBER)?.each(|row| {
            let [_, _, active, _, set, member, others @ ..] = row else { return Err(String::new()) };
            if !is_active(active)? {
                return Ok(());
            }
            draft.enlist(identifier(set)?, identifier(member)?);
            if let (true, Some(target), Some(concept)) = (is_association, others.first(), draft.concept(member)) {
                concept.say(set, DraftValue::Code(identifier(target)?.to_owned()));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The module of the edition: the one that no other depends on.
pub(super) fn edition(files: &dyn Files, modules: &BTreeSet<String>) -> Result<String> {
    let (mut all, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for name in named(files, |it| it.contains("ModuleDependency") && it.contains("Snapshot") && it.ends_with(".txt")) {
        Table::with_header(files, &name, '\t', DEPENDENCY)?.each(|row| {
            let [_, _, active, module, _, other, ..] = row else { return Err(String::new()) };
            if is_active(active)? {
                all.insert(identifier(module)?.to_owned());
                needed.insert(identifier(other)?.to_owned());
            }
            Ok(())
        })?;
    }
    let mut candidates: Vec<String> = all.difference(&needed).cloned().collect();
    if all.is_empty() {
        candidates = modules.iter().filter(|it| !matches!(it.as_str(), CORE | MODEL)).cloned().collect();
        if candidates.is_empty() {
            candidates.push(CORE.to_owned());
        }
    }
    match (candidates.pop(), candidates.is_empty()) {
        (Some(edition), true) => Ok(edition),
        _ => Err(Failure::new(
            IssueType::Required,
            "The files do not tell which edition of SNOMED CT they are; give its module by --edition ID.",
        )),
    }
}
