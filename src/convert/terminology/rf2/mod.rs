//! SNOMED CT in Release Format 2 (snomedct.html): the snapshot's concepts, descriptions, relationships and reference sets, of
//! the international edition or a national one.

mod sets;

use super::lines::Table;
use super::{Choices, Files, named};
use fhir::terminology::release::{
    DesignationUse, Draft, DraftConcept, DraftDesignation, DraftValue, EFFECTIVE_TIME, LONGEST_TERM, Origin,
};
use fhir::{Failure, IssueType, Result};
use sets::Preferred;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

const URL: &str = "http://snomed.info/sct";
const IS_A: &str = "116680003";
const SUFFICIENTLY_DEFINED: &str = "900000000000073002";
const FULLY_SPECIFIED: &str = "900000000000003001";
const SYNONYM: &str = "900000000000013009";

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
const CONCRETE: &[&str] = &[
    "id",
    "effectiveTime",
    "active",
    "moduleId",
    "sourceId",
    "value",
    "relationshipGroup",
    "typeId",
    "characteristicTypeId",
    "modifierId",
];

/// What is found out on the way.
#[derive(Default)]
struct Found {
    draft: Draft,
    latest: String,
    modules: BTreeSet<String>,
    /// What many descriptions say, once.
    shared: HashSet<Arc<str>>,
}

pub(super) fn read(files: &dyn Files, choices: &Choices) -> Result<Draft> {
    let mut found = Found { draft: Draft::new(URL, "SNOMED CT"), ..Found::default() };
    for name in needed(files, "sct2_Concept_Snapshot")? {
        found.concepts(files, &name)?;
    }
    let preferred = Preferred::read(files, choices)?;
    for name in needed(files, "sct2_Description_Snapshot")? {
        found.descriptions(files, &name, &preferred)?;
    }
    for name in needed(files, "sct2_Relationship_Snapshot")? {
        found.relationships(files, &name)?;
    }
    for name in named(files, |it| it.starts_with("sct2_RelationshipConcreteValues_Snapshot") && it.ends_with(".txt")) {
        found.values(files, &name)?;
    }
    preferred.sets().for_each(|it| found.draft.note_set(it));
    sets::members(files, &mut found.draft)?;
    let edition = match &choices.edition {
        Some(edition) => edition.clone(),
        None => sets::edition(files, &found.modules)?,
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
            concept.say(EFFECTIVE_TIME, DraftValue::Text((*time).to_owned()));
            self.note(time)?;
            self.modules.insert((*module).to_owned());
            match self.draft.add(concept) {
                Ok(true) => Ok(()),
                Ok(false) => Err("each concept once".to_owned()),
                Err(failure) => Err(failure.to_string()),
            }
        })
    }

    fn descriptions(&mut self, files: &dyn Files, name: &str, preferred: &Preferred) -> Result<()> {
        Table::with_header(files, name, '\t', DESCRIPTION)?.each(|row| {
            let [id, time, active, module, concept, language, kind, term, _] = row else { return Err(String::new()) };
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
            let origin = Origin {
                module: self.shared(identifier(module)?),
                time: self.shared(time),
                dialects: preferred.dialects_of(number),
            };
            let concept = self.draft.concept(concept).ok_or("a concept of the file of concepts")?;
            let is_synonym = *kind == SYNONYM;
            // The preferred synonym is shown; a full name only as long as there is none.
            if (is_synonym && preferred.is_shown(number)) || concept.display.is_none() {
                concept.display = Some((*term).to_owned());
            }
            let language = Some((*language).to_owned());
            let designation =
                DraftDesignation { language, usage: Some(usage), value: (*term).to_owned(), origin: Some(origin) };
            // The first of a language is the one to show in it: what is preferred, then other synonyms, then full names.
            let is_full = |it: &DraftDesignation| it.usage.is_some_and(|it| it.code == FULLY_SPECIFIED);
            let end = concept.designations.len();
            let at = match is_synonym {
                true if preferred.is_preferred(number) => 0,
                true => concept.designations.iter().position(is_full).unwrap_or(end),
                false => end,
            };
            concept.designations.insert(at, designation);
            Ok(())
        })
    }

    fn relationships(&mut self, files: &dyn Files, name: &str) -> Result<()> {
        Table::with_header(files, name, '\t', RELATIONSHIP)?.each(|row| {
            let [_, time, active, _, source, destination, group, kind, ..] = row else { return Err(String::new()) };
            self.note(time)?;
            if !is_active(active)? {
                return Ok(());
            }
            let is_linked = match *kind == IS_A {
                true => self.draft.link(source, destination),
                false => {
                    let group = group.parse().map_err(|_| "a number in relationshipGroup")?;
                    self.draft.relate(source, group, kind, destination)
                }
            };
            if !is_linked {
                return Err("concepts of the file of concepts".to_owned());
            }
            if let Some(concept) = self.draft.concept(source).filter(|_| *kind != IS_A) {
                concept.say(kind, DraftValue::Code((*destination).to_owned()));
            }
            Ok(())
        })
    }

    /// Attributes that are numbers (`#500`) and texts (`"…"`).
    fn values(&mut self, files: &dyn Files, name: &str) -> Result<()> {
        Table::with_header(files, name, '\t', CONCRETE)?.each(|row| {
            let [_, time, active, _, source, value, group, kind, ..] = row else { return Err(String::new()) };
            self.note(time)?;
            if !is_active(active)? {
                return Ok(());
            }
            if value.len() > LONGEST_TERM {
                return Err(format!("a value of at most {LONGEST_TERM} bytes"));
            }
            let group = group.parse().map_err(|_| "a number in relationshipGroup")?;
            if !self.draft.relate_value(source, group, kind, value) {
                return Err("concepts of the file of concepts".to_owned());
            }
            let bare = value.strip_prefix('#').unwrap_or_else(|| value.trim_matches('"'));
            let concept = self.draft.concept(source).ok_or("a concept of the file of concepts")?;
            concept.say(identifier(kind)?, DraftValue::Text(bare.to_owned()));
            Ok(())
        })
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        match self.shared.get(text) {
            Some(known) => known.clone(),
            None => {
                let new: Arc<str> = text.into();
                self.shared.insert(new.clone());
                new
            }
        }
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
