//! A release in the making: what the readers of publishers' files fill.

use super::CONCRETE;
use super::members::TEXT;
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most concepts of a release.
const MOST: usize = 10_000_000;

/// A version of a code system: its concepts, and what stands above each.
#[derive(Debug, Default)]
pub struct Draft {
    /// Canonical URL.
    pub url: String,
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Whether its hierarchy, if any, means that a concept is one of those above it.
    pub has_subsumption: bool,
    /// Whether case makes a difference between its codes. Where it does not, all codes are in upper case.
    pub is_case_sensitive: bool,
    pub(super) concepts: Vec<DraftConcept>,
    /// Reference sets, and the numbers of the concepts in them.
    pub(super) sets: BTreeMap<String, Vec<u32>>,
    /// Values of attributes that are no concepts, with their numbers.
    pub(super) concretes: FxHashMap<String, u32>,
    /// What the members of reference sets say.
    pub(super) rows: BTreeMap<String, DraftRows>,
    /// Texts that these say, with their numbers.
    texts: FxHashMap<Arc<str>, u32>,
    pub(super) numbered: Vec<Arc<str>>,
    by_code: FxHashMap<String, u32>,
}

/// What the members of a reference set say.
#[derive(Debug, Default)]
pub(super) struct DraftRows {
    pub(super) fields: Vec<String>,
    /// Of each row the number of its concept, then a cell for each field: the number of a concept, or from [`TEXT`] on of a text.
    pub(super) cells: Vec<u32>,
}

/// What a member of a reference set has in a field.
#[derive(Clone, Copy, Debug)]
pub enum DraftCell<'c> {
    /// The code of a concept; of what is none here, the code is kept as a text.
    Concept(&'c str),
    /// A number, text or day.
    Text(&'c str),
}

/// A concept.
#[derive(Debug, Default)]
pub struct DraftConcept {
    /// Its code.
    pub code: String,
    /// The name to show.
    pub display: Option<String>,
    /// Other names.
    pub designations: Vec<DraftDesignation>,
    /// What else is said of it.
    pub properties: Vec<DraftProperty>,
    pub(super) parents: Vec<u32>,
    /// Group, attribute and value of each attribute.
    pub(super) relations: Vec<(u32, u32, u32)>,
}

/// Another name of a concept.
#[derive(Debug)]
pub struct DraftDesignation {
    /// Its language.
    pub language: Option<String>,
    /// What it is for, a code of its own code system.
    pub usage: Option<DesignationUse>,
    /// The name.
    pub value: String,
    /// Where it comes from, if the publisher says so.
    pub origin: Option<Origin>,
}

/// Where a designation comes from. A release has millions of them, which share what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The module that it is part of.
    pub module: Arc<str>,
    /// Since when it is as it is, as YYYYMMDD.
    pub time: Arc<str>,
    /// The reference sets of languages that it is in, and whether it is preferred there.
    pub dialects: Vec<(Arc<str>, bool)>,
}

/// What a designation is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DesignationUse {
    /// The code system.
    pub system: &'static str,
    /// The code.
    pub code: &'static str,
    /// Its name.
    pub display: &'static str,
}

/// A property of a concept.
#[derive(Debug)]
pub struct DraftProperty {
    /// Its code.
    pub code: String,
    /// Its value.
    pub value: DraftValue,
}

/// The value of a property.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum DraftValue {
    Code(String),
    Text(String),
    Flag(bool),
}

impl DraftValue {
    /// As postings and filters have it.
    pub(super) fn text(&self) -> &str {
        match self {
            DraftValue::Code(text) | DraftValue::Text(text) => text,
            DraftValue::Flag(true) => "true",
            DraftValue::Flag(false) => "false",
        }
    }
}

impl DraftProperty {
    /// Whether its value is this one.
    pub fn is(&self, text: &str) -> bool {
        self.value.text() == text
    }
}

impl DraftConcept {
    /// One with a code and a name.
    pub fn named(code: &str, display: &str) -> DraftConcept {
        DraftConcept { code: code.to_owned(), display: Some(display.to_owned()), ..DraftConcept::default() }
    }

    /// Adds a property.
    pub fn say(&mut self, code: &str, value: DraftValue) {
        self.properties.push(DraftProperty { code: code.to_owned(), value });
    }
}

impl Draft {
    /// One without concepts, whose hierarchy subsumes and whose codes differ by case; its version is still to be told.
    pub fn new(url: &str, name: &str) -> Draft {
        Draft {
            url: url.to_owned(),
            name: name.to_owned(),
            has_subsumption: true,
            is_case_sensitive: true,
            ..Draft::default()
        }
    }

    /// Adds a concept; `false` if there is one with its code.
    pub fn add(&mut self, concept: DraftConcept) -> Result<bool> {
        let at = self.concepts.len();
        if at >= MOST {
            let told = format!("A release has {MOST} concepts at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        if self.by_code.contains_key(&concept.code) {
            return Ok(false);
        }
        self.by_code.insert(concept.code.clone(), at as u32);
        self.concepts.push(concept);
        Ok(true)
    }

    /// The number of the concept with this code, in the order in which they were added.
    pub fn position(&self, code: &str) -> Option<u32> {
        self.by_code.get(code).copied()
    }

    /// The concept with this code.
    pub fn concept(&mut self, code: &str) -> Option<&mut DraftConcept> {
        let at = self.position(code)?;
        self.concepts.get_mut(at as usize)
    }

    /// Every concept, in the order in which they were added.
    pub fn concepts(&self) -> &[DraftConcept] {
        &self.concepts
    }

    /// Every concept, to be added to.
    pub fn concepts_mut(&mut self) -> &mut [DraftConcept] {
        &mut self.concepts
    }

    /// Puts one concept beneath another; `false` if one of them is not there.
    pub fn link(&mut self, child: &str, parent: &str) -> bool {
        let (Some(child), Some(parent)) = (self.position(child), self.position(parent)) else { return false };
        if let Some(concept) = self.concepts.get_mut(child as usize)
            && !concept.parents.contains(&parent)
        {
            concept.parents.push(parent);
        }
        true
    }

    /// Gives a concept another one as an attribute; attributes of one group belong together. `false` if one of them is not there.
    pub fn relate(&mut self, source: &str, group: u32, kind: &str, value: &str) -> bool {
        let (Some(kind), Some(value)) = (self.position(kind), self.position(value)) else { return false };
        match self.concept(source) {
            Some(concept) => concept.relations.push((group, kind, value)),
            None => return false,
        }
        true
    }

    /// Gives a concept a number, text or boolean as an attribute, as the publisher's file writes it. `false` if a concept is not
    /// there.
    pub fn relate_value(&mut self, source: &str, group: u32, kind: &str, value: &str) -> bool {
        let next = CONCRETE + self.concretes.len() as u32;
        let (Some(kind), Some(source)) = (self.position(kind), self.position(source)) else { return false };
        let value = *self.concretes.entry(value.to_owned()).or_insert(next);
        if let Some(concept) = self.concepts.get_mut(source as usize) {
            concept.relations.push((group, kind, value));
        }
        true
    }

    /// Notes that there is a reference set.
    pub fn note_set(&mut self, set: &str) {
        self.sets.entry(set.to_owned()).or_default();
    }

    /// Puts a concept into a reference set; what is no concept here is not noted.
    pub fn enlist(&mut self, set: &str, member: &str) {
        let member = self.position(member);
        self.sets.entry(set.to_owned()).or_default().extend(member);
    }

    /// Notes what a member of a reference set says in each of the fields of its set; of what is no concept here nothing is noted.
    /// `false` if the set has other fields.
    pub fn note_member(&mut self, set: &str, fields: &[&str], member: &str, cells: &[DraftCell<'_>]) -> bool {
        let Some(member) = self.position(member) else { return true };
        let cells: Vec<u32> = cells.iter().map(|it| self.cell(*it)).collect();
        if !self.rows.contains_key(set) {
            let fields = fields.iter().map(|it| (*it).to_owned()).collect();
            self.rows.insert(set.to_owned(), DraftRows { fields, cells: Vec::new() });
        }
        let Some(rows) = self.rows.get_mut(set).filter(|it| it.fields == fields && cells.len() == fields.len()) else {
            return false;
        };
        rows.cells.push(member);
        rows.cells.extend(cells);
        true
    }

    fn cell(&mut self, cell: DraftCell<'_>) -> u32 {
        let text = match cell {
            DraftCell::Concept(code) => match self.position(code) {
                Some(at) => return at,
                None => code,
            },
            DraftCell::Text(text) => text,
        };
        if let Some(number) = self.texts.get(text) {
            return TEXT + number;
        }
        let (number, text): (u32, Arc<str>) = (self.numbered.len() as u32, text.into());
        self.numbered.push(text.clone());
        self.texts.insert(text, number);
        TEXT + number
    }
}
