//! SNOMED CT's reference sets: of languages, which tell what names are preferred; of modules, which tell the edition; of concepts, which
//! are value sets (snomedct.html#implicit); and associations, which say what took the place of a concept.

use super::super::lines::Table;
use super::super::{Choices, Files, named};
use super::{identifier, is_active, number};
use fhir::terminology::release::{Draft, DraftCell, DraftValue};
use fhir::{Failure, IssueType, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

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

/// What is kept of every member, before the columns that its reference set has besides.
const KEPT: [&str; 3] = ["active", "moduleId", "effectiveTime"];

/// What reference sets of languages say of descriptions.
#[derive(Default)]
pub(super) struct Preferred {
    /// By reference set: its descriptions, and whether they are preferred there.
    by_language: BTreeMap<Arc<str>, HashMap<u64, bool>>,
    /// The reference set of the language that is shown.
    shown: Option<Arc<str>>,
}

impl Preferred {
    pub(super) fn read(files: &dyn Files, choices: &Choices) -> Result<Preferred> {
        let mut by_language: BTreeMap<Arc<str>, HashMap<u64, bool>> = BTreeMap::new();
        for name in
            named(files, |it| it.contains("cRefset_Language") && it.contains("Snapshot") && it.ends_with(".txt"))
        {
            Table::with_header(files, &name, '\t', LANGUAGE)?.each(|row| {
                let [_, _, active, _, language, description, acceptability] = row else { return Err(String::new()) };
                let number = number(description)?;
                if is_active(active)? {
                    let set = by_language.entry(identifier(language)?.into()).or_default();
                    set.insert(number, *acceptability == PREFERRED);
                }
                Ok(())
            })?;
        }
        let shown = match &choices.language {
            Some(wanted) if by_language.contains_key(wanted.as_str()) => Some(wanted.as_str().into()),
            Some(wanted) => {
                let told = format!("The files have no language reference set {}.", fhir::outcome::shown(wanted));
                return Err(Failure::new(IssueType::NotFound, told));
            }
            None => {
                let english = ENGLISH.into_iter().find(|it| by_language.contains_key(*it)).map(Arc::from);
                english.or_else(|| by_language.keys().next().cloned())
            }
        };
        Ok(Preferred { by_language, shown })
    }

    /// The reference sets of languages.
    pub(super) fn sets(&self) -> impl Iterator<Item = &str> {
        self.by_language.keys().map(AsRef::as_ref)
    }

    /// Whether a description is preferred in the language that is shown.
    pub(super) fn is_shown(&self, description: u64) -> bool {
        let set = self.shown.as_ref().and_then(|it| self.by_language.get(it));
        set.and_then(|it| it.get(&description)) == Some(&true)
    }

    /// Whether a description is preferred in any language.
    pub(super) fn is_preferred(&self, description: u64) -> bool {
        self.by_language.values().any(|it| it.get(&description) == Some(&true))
    }

    /// The reference sets that a description is in, and whether it is preferred there.
    pub(super) fn dialects_of(&self, description: u64) -> Vec<(Arc<str>, bool)> {
        let sets = self.by_language.iter();
        sets.filter_map(|(set, of)| Some((set.clone(), *of.get(&description)?))).collect()
    }
}

/// Enters the members of reference sets, what they say, and of associations what they name. Sets of descriptions are of
/// languages; what axioms say in OWL, relationships say, too.
pub(super) fn members(files: &dyn Files, draft: &mut Draft) -> Result<()> {
    let is_set = |it: &str| it.contains("Refset_") && it.contains("Snapshot") && it.ends_with(".txt");
    for name in named(files, |it| is_set(it) && !it.contains("Refset_Language")) {
        let is_association = name.contains("cRefset_Association");
        let has_rows = !name.contains("Refset_OWLExpression");
        let table = Table::beginning_with(files, &name, '\t', MEMBER)?;
        let columns = table.others().to_vec();
        let fields: Vec<&str> = KEPT.into_iter().chain(columns.iter().map(String::as_str)).collect();
        let are_concepts = concepts_of(&name, columns.len());
        table.each(|row| {
            let [_, time, active, module, set, member, others @ ..] = row else { return Err(String::new()) };
            let (set, member, is_used) = (identifier(set)?, identifier(member)?, is_active(active)?);
            if has_rows {
                let mut cells = vec![DraftCell::Text(active), DraftCell::Concept(module), DraftCell::Text(time)];
                cells.extend(others.iter().zip(&are_concepts).map(|(value, is_concept)| cell(value, *is_concept)));
                if !draft.note_member(set, &fields, member, &cells) {
                    return Err(format!("the columns that other files have for the reference set {set}"));
                }
            }
            if !is_used {
                return Ok(());
            }
            draft.enlist(set, member);
            if let (true, Some(target), Some(concept)) = (is_association, others.first(), draft.concept(member)) {
                concept.say(set, DraftValue::Code(identifier(target)?.to_owned()));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn cell(value: &str, is_concept: bool) -> DraftCell<'_> {
    if is_concept { DraftCell::Concept(value) } else { DraftCell::Text(value) }
}

/// Which of the columns are of concepts, as the names of files tell: `der2_cisRefset_…` has one of concepts, one of integers and
/// one of strings.
fn concepts_of(name: &str, columns: usize) -> Vec<bool> {
    let before = name.split_once("Refset_").map_or("", |it| it.0);
    let kinds = before.rsplit_once('_').map_or("", |it| it.1);
    match kinds.len() == columns {
        true => kinds.bytes().map(|it| it == b'c').collect(),
        false => vec![false; columns],
    }
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
