//! SNOMED CT in Release Format 2 (snomedct.html): the snapshot's concepts, descriptions, relationships and language
//! reference sets, of the international edition or a national one.

use super::lines::Table;
use super::{Choices, Files, named};
use fhir::terminology::release::{DesignationUse, Draft, DraftConcept, DraftDesignation, DraftValue};
use fhir::{Failure, IssueType, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const URL: &str = "http://snomed.info/sct";
const IS_A: &str = "116680003";
const SUFFICIENTLY_DEFINED: &str = "900000000000073002";
const FULLY_SPECIFIED: &str = "900000000000003001";
const SYNONYM: &str = "900000000000013009";
const PREFERRED: &str = "900000000000548007";
/// American English, then British: whose preferred terms are shown where nobody says.
const ENGLISH: [&str; 2] = ["900000000000509007", "900000000000508004"];
/// The modules of the international edition: the core, and the model that it depends on.
const CORE: &str = "900000000000207008";
const MODEL: &str = "900000000000012004";

const CONCEPT: &[&str] = &["id", "effectiveTime", "active", "moduleId", "definitionStatusId"];
const DESCRIPTION: &[&str] =
    &["id", "effectiveTime", "active", "moduleId", "conceptId", "languageCode", "typeId", "term", "caseSignificanceId"];
const RELATIONSHIP: &[&str] = &[
    "id",
    "effectiveTime",
    "active",
    "moduleId",
    "sourceId",
    "destinationId",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
    "modifierId",
];
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

/// What is found out on the way.
#[derive(Default)]
struct Found {
    draft: Draft,
    latest: String,
    modules: BTreeSet<String>,
}

pub(super) fn read(files: &dyn Files, choices: &Choices) -> Result<Draft> {
    let mut found = Found { draft: Draft::new(URL, "SNOMED CT"), ..Found::default() };
    for name in needed(files, "sct2_Concept_Snapshot")? {
        found.concepts(files, &name)?;
    }
    let preferred = preferred(files, choices)?;
    for name in needed(files, "sct2_Description_Snapshot")? {
        found.descriptions(files, &name, &preferred)?;
    }
    for name in needed(files, "sct2_Relationship_Snapshot")? {
        found.relationships(files, &name)?;
    }
    let edition = match &choices.edition {
        Some(edition) => edition.clone(),
        None => edition(files, &found.modules)?,
    };
    found.draft.version = format!("{URL}/{edition}/version/{}", found.latest);
    Ok(found.draft)
}

/// The files whose names begin so, of which there must be one.
fn needed(files: &dyn Files, start: &str) -> Result<Vec<String>> {
    let found = named(files, |it| it.starts_with(start) && it.ends_with(".txt"));
    match found.is_empty() {
        false => Ok(found),
        true => Err(Failure::new(IssueType::NotFound, format!("There is no file {start}_….txt among the files."))),
    }
}

impl Found {
    fn concepts(&mut self, files: &dyn Files, name: &str) -> Result<()> {
        Table::with_header(files, name, '\t', CONCEPT)?.each(|row| {
            let [id, time, active, module, definition] = row else { return Err(String::new()) };
            let mut concept = DraftConcept::default();
            concept.code = identifier(id)?.to_owned();
            if !is_active(active)? {
                concept.say("inactive", DraftValue::Flag(true));
            }
            concept.say("moduleId", DraftValue::Code(identifier(module)?.to_owned()));
            concept.say("sufficientlyDefined", DraftValue::Flag(*definition == SUFFICIENTLY_DEFINED));
            self.note(time)?;
            self.modules.insert((*module).to_owned());
            match self.draft.add(concept) {
                Ok(true) => Ok(()),
                Ok(false) => Err("each concept once".to_owned()),
                Err(failure) => Err(failure.to_string()),
            }
        })
    }

    fn descriptions(&mut self, files: &dyn Files, name: &str, preferred: &HashSet<u64>) -> Result<()> {
        Table::with_header(files, name, '\t', DESCRIPTION)?.each(|row| {
            let [id, time, active, _, concept, language, kind, term, _] = row else { return Err(String::new()) };
            self.note(time)?;
            let number = number(id)?;
            if !is_active(active)? {
                return Ok(());
            }
            let usage = match *kind {
                FULLY_SPECIFIED => usage(FULLY_SPECIFIED, "Fully specified name"),
                SYNONYM => usage(SYNONYM, "Synonym"),
                // Definitions and what else there may be are no names.
                _ => return Ok(()),
            };
            let concept = self.draft.concept(concept).ok_or("a concept of the file of concepts")?;
            let is_synonym = *kind == SYNONYM;
            // The preferred synonym is shown; a full name only as long as there is none.
            if (is_synonym && preferred.contains(&number)) || concept.display.is_none() {
                concept.display = Some((*term).to_owned());
            }
            let language = Some((*language).to_owned());
            let designation = DraftDesignation { language, usage: Some(usage), value: (*term).to_owned() };
            concept.designations.push(designation);
            Ok(())
        })
    }

    fn relationships(&mut self, files: &dyn Files, name: &str) -> Result<()> {
        Table::with_header(files, name, '\t', RELATIONSHIP)?.each(|row| {
            let [_, time, active, _, source, destination, _, kind, ..] = row else { return Err(String::new()) };
            self.note(time)?;
            if !is_active(active)? {
                return Ok(());
            }
            if *kind == IS_A {
                let is_linked = self.draft.link(source, destination);
                return if is_linked { Ok(()) } else { Err("two concepts of the file of concepts".to_owned()) };
            }
            let concept = self.draft.concept(source).ok_or("a concept of the file of concepts")?;
            concept.say(identifier(kind)?, DraftValue::Code(identifier(destination)?.to_owned()));
            Ok(())
        })
    }

    /// The version is the day of the latest change.
    fn note(&mut self, time: &str) -> Result<(), String> {
        if time.len() != 8 || !time.bytes().all(|it| it.is_ascii_digit()) {
            return Err("a day as YYYYMMDD in effectiveTime".to_owned());
        }
        if *time > *self.latest {
            self.latest = time.to_owned();
        }
        Ok(())
    }
}

/// The descriptions that are preferred in the language that is shown.
fn preferred(files: &dyn Files, choices: &Choices) -> Result<HashSet<u64>> {
    let mut by_language: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
    for name in named(files, |it| it.contains("cRefset_Language") && it.contains("Snapshot") && it.ends_with(".txt")) {
        Table::with_header(files, &name, '\t', LANGUAGE)?.each(|row| {
            let [_, _, active, _, language, description, acceptability] = row else { return Err(String::new()) };
            let number = number(description)?;
            if is_active(active)? && *acceptability == PREFERRED {
                by_language.entry(identifier(language)?.to_owned()).or_default().insert(number);
            }
            Ok(())
        })?;
    }
    if let Some(wanted) = &choices.language {
        let told = format!("The files have no language reference set {}.", fhir::outcome::shown(wanted));
        return by_language.remove(wanted).ok_or_else(|| Failure::new(IssueType::NotFound, told));
    }
    let english = ENGLISH.iter().find_map(|it| by_language.remove(*it));
    Ok(english.or_else(|| by_language.pop_first().map(|it| it.1)).unwrap_or_default())
}

/// The module of the edition: the one that no other depends on.
fn edition(files: &dyn Files, modules: &BTreeSet<String>) -> Result<String> {
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

fn usage(code: &'static str, display: &'static str) -> DesignationUse {
    DesignationUse { system: URL, code, display }
}

fn number(id: &str) -> Result<u64, String> {
    let is_id = (6..=18).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_digit());
    id.parse().ok().filter(|_| is_id).ok_or_else(|| "an identifier of 6 to 18 digits".to_owned())
}

fn identifier(id: &str) -> Result<&str, String> {
    number(id).map(|_| id)
}

fn is_active(field: &str) -> Result<bool, String> {
    match field {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("0 or 1 in active".to_owned()),
    }
}
