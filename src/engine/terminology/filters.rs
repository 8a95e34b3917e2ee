//! What filters choose from a loaded code system (valueset.html#filters), as sets of places. What is posted is looked up as a
//! whole; only what is not, and what is asked of few concepts, is told by reading these.

use super::Around;
use super::loaded::Loaded;
use fhir::outcome::shown;
use fhir::terminology::release::{LONG, LONGEST_TERM, MEMBERSHIP, Places, words};
use fhir::terminology::{CodeSystem, Filter};
use fhir::{Failure, IssueType, Result};
use store::{Session, Terms};

/// The most words that one beginning of a word may stand for.
const MOST_WORDS: usize = 10_000;
/// The most values of a property that an expression is held against.
const MOST_VALUES: usize = 200_000;
/// The most concepts that are read for one filter.
const MOST_READ: usize = 100_000;
/// Concepts that are read at once.
const BATCH: usize = 1000;
/// Of so many concepts what they have is read, not looked up.
const FEW: usize = 16;

/// What every concept has a value of, said or not (codesystem.html#defined-props).
const OF_ALL: [&str; 4] = ["code", "concept", "inactive", "notSelectable"];
/// What is not posted.
const NOT_POSTED: [&str; 2] = ["display", "definition"];

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";

/// Chooses concepts of a loaded code system.
pub(super) struct Chooser<'c> {
    pub(super) loaded: &'c Loaded,
    pub(super) session: &'c dyn Session,
    /// What an expression may still read.
    pub(super) budget: usize,
}

impl<'c> Chooser<'c> {
    pub(super) fn new(loaded: &'c Loaded, session: &'c dyn Session) -> Chooser<'c> {
        Chooser { loaded, session, budget: super::ecl::BUDGET }
    }

    pub(super) fn everything(&self) -> Places {
        Places::all(0..self.loaded.about.count)
    }

    /// Those of some concepts that pass all filters.
    pub(super) async fn chosen(&mut self, filters: &[Filter], within: Places) -> Result<Places> {
        let mut chosen = within;
        let mut left = Vec::new();
        for filter in filters {
            match self.looked_up(filter, &chosen).await? {
                Some(found) => chosen = chosen.and(&found),
                None => left.push(filter),
            }
        }
        for filter in left {
            chosen = self.by_value(filter, chosen).await?;
        }
        Ok(chosen)
    }

    /// What a filter chooses that is no question about values of properties; `None` of one that is. It is right for the
    /// concepts that it is asked for, and need not be for others.
    async fn looked_up(&mut self, filter: &Filter, within: &Places) -> Result<Option<Places>> {
        let (property, op, value) = (filter.property.as_str(), filter.op.as_str(), filter.value.as_str());
        let is_concept = matches!(property, "concept" | "code");
        let is_snomed = self.loaded.url == SNOMED;
        Ok(Some(match (property, op) {
            (MEMBERSHIP, "=") => self.members(value).await?,
            (_, "in") if is_concept && is_snomed => self.members(value).await?,
            (_, "not-in") if is_concept && is_snomed => self.everything().without(&self.members(value).await?),
            ("constraint", "=") => self.constrained(value, within).await?,
            // Codes that are expressions are none here, so all others are chosen.
            ("expressions", "=") if is_snomed && matches!(value, "true" | "false") => self.everything(),
            ("answers-for", "=") if self.loaded.url == LOINC => self.answers(value).await?,
            (_, "is-a" | "descendent-of" | "is-not-a" | "generalizes") if is_concept => self.kin(op, value).await?,
            ("parent" | "child" | "ancestor" | "descendant", _) => self.by_links(filter).await?,
            _ => return Ok(None),
        }))
    }

    async fn kin(&self, op: &str, value: &str) -> Result<Places> {
        self.loaded.needs_subsumption()?;
        let (place, links) = self.loaded.links(self.session, value).await?;
        let itself = Places::one(place);
        Ok(match op {
            "is-a" => links.below.or(&itself),
            "descendent-of" => links.below,
            "is-not-a" => self.everything().without(&links.below.or(&itself)),
            _ => links.above.or(&itself),
        })
    }

    /// By the concepts that stand so to each.
    async fn by_links(&self, filter: &Filter) -> Result<Places> {
        self.loaded.needs_subsumption()?;
        let (property, value) = (filter.property.as_str(), filter.value.as_str());
        let mut found = Places::default();
        match filter.op.as_str() {
            "=" | "in" | "not-in" => {
                let values = value.split(',').map(str::trim).filter(|_| filter.op != "=");
                for value in values.chain((filter.op == "=").then_some(value)) {
                    let (_, links) = self.loaded.links(self.session, value).await?;
                    found = found.or(match property {
                        "parent" => &links.children,
                        "child" => &links.parents,
                        "ancestor" => &links.below,
                        _ => &links.above,
                    });
                }
            }
            "exists" if matches!(value, "true" | "false") => {
                let direct = if matches!(property, "parent" | "ancestor") { "parent" } else { "child" };
                found = self.posted(direct, "").await?;
            }
            _ => return Err(self.refused(filter)),
        }
        let is_left_out = filter.op == "not-in" || (filter.op == "exists" && value == "false");
        Ok(if is_left_out { self.everything().without(&found) } else { found })
    }

    /// The members of a reference set; without one, the sets themselves.
    pub(super) async fn members(&self, set: &str) -> Result<Places> {
        let found = self.loaded.posted(self.session, MEMBERSHIP, Terms::Is(set), 1).await?.pop();
        match found {
            Some((_, places)) => Ok(places),
            None => {
                let told = format!("{} has no reference set {}.", shown(&self.loaded.url), shown(set));
                Err(Failure::new(IssueType::CodeInvalid, told))
            }
        }
    }

    /// The answers to a question of LOINC, or those of a list.
    async fn answers(&self, of: &str) -> Result<Places> {
        let of = self.loaded.about.spelled(of);
        let rows = self.loaded.around(self.session, &[&of], Around::Nothing).await?;
        let slice = CodeSystem::of_release(&self.loaded.url, &self.loaded.version, &self.loaded.about, &rows);
        let lists = slice.concepts().iter().flat_map(|it| &it.properties).filter(|it| it.code == "answer-list");
        let mut found = self.posted("LIST", &of).await?;
        for list in lists {
            found = found.or(&self.posted("LIST", &list.text).await?);
        }
        Ok(found)
    }

    /// Those of some concepts whose values of a property pass.
    async fn by_value(&mut self, filter: &Filter, within: Places) -> Result<Places> {
        let (property, op, value) = (filter.property.as_str(), filter.op.as_str(), filter.value.as_str());
        let is_known = OF_ALL.contains(&property)
            || NOT_POSTED.contains(&property)
            || self.loaded.about.properties.iter().any(|it| it == property);
        if !is_known {
            let told = format!("{} has no property {} to filter by.", shown(&self.loaded.url), shown(property));
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let is_code = matches!(property, "code" | "concept");
        if within.len() <= FEW || NOT_POSTED.contains(&property) || (is_code && op == "regex") {
            return self.by_reading(filter, within).await;
        }
        let chosen = match op {
            "=" if value.len() > LONGEST_TERM => {
                let long = self.posted(property, LONG).await?;
                return self.by_reading(filter, within.and(&long)).await;
            }
            "=" => self.having(property, value).await?,
            "in" | "not-in" => {
                let mut found = Places::default();
                for value in value.split(',').map(str::trim) {
                    found = found.or(&self.having(property, value).await?);
                }
                if op == "in" { found } else { self.everything().without(&found) }
            }
            "exists" if matches!(value, "true" | "false") => {
                let found = match OF_ALL.contains(&property) {
                    true => self.everything(),
                    false => self.posted(property, "").await?,
                };
                if value == "true" { found } else { self.everything().without(&found) }
            }
            "regex" => self.matching(filter, &within).await?,
            _ => return Err(self.refused(filter)),
        };
        Ok(within.and(&chosen))
    }

    /// By an expression, which is held against each value of the property once.
    async fn matching(&self, filter: &Filter, within: &Places) -> Result<Places> {
        let regex = filter.regex()?;
        let terms = self.loaded.posted(self.session, &filter.property, Terms::Begins(""), MOST_VALUES + 1).await?;
        if terms.len() > MOST_VALUES {
            let told = format!("{} has more than {MOST_VALUES} values.", shown(&filter.property));
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let (mut ranges, mut long) = (Vec::new(), Places::default());
        for (term, places) in terms {
            match term.as_str() {
                // All that have a value, whatever it is.
                "" => {}
                LONG => long = places,
                term if regex.is_match(term) => ranges.extend_from_slice(places.ranges()),
                _ => {}
            }
        }
        let long = self.by_reading(filter, within.and(&long)).await?;
        Ok(Places::of(ranges).or(&long))
    }

    /// By what these concepts say of themselves.
    async fn by_reading(&self, filter: &Filter, of: Places) -> Result<Places> {
        if of.len() > MOST_READ {
            let told = format!(
                "The filter on {} would read more than {MOST_READ} concepts of {}; narrow them down by others.",
                shown(&filter.property),
                shown(&self.loaded.url)
            );
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let all: Vec<u32> = of.iter().collect();
        let mut passed = Vec::new();
        for places in all.chunks(BATCH) {
            let rows = self.loaded.at(self.session, places).await?;
            let slice = CodeSystem::of_release(&self.loaded.url, &self.loaded.version, &self.loaded.about, &rows);
            let each = filter.on_each(&slice)?;
            passed.extend(rows.iter().zip(each).filter(|it| it.1).map(|it| it.0.place..it.0.place + 1));
        }
        Ok(Places::of(passed))
    }

    /// The concepts that have this value of a property.
    pub(super) async fn having(&self, property: &str, value: &str) -> Result<Places> {
        if matches!(property, "code" | "concept") {
            let rows = self.loaded.around(self.session, &[value], Around::Nothing).await?;
            return Ok(Places::of(rows.iter().map(|it| it.place..it.place + 1).collect()));
        }
        if OF_ALL.contains(&property) && value == "false" {
            return Ok(self.everything().without(&self.posted(property, "true").await?));
        }
        self.posted(property, value).await
    }

    /// The concepts that are posted so.
    pub(super) async fn posted(&self, property: &str, term: &str) -> Result<Places> {
        let found = self.loaded.posted(self.session, property, Terms::Is(term), 1).await?.pop();
        Ok(found.map(|it| it.1).unwrap_or_default())
    }

    /// Those of some concepts whose names have, for each word of a text, a word that begins so.
    pub(super) async fn worded(&self, mut of: Places, text: &str) -> Result<Places> {
        for word in words(text) {
            let found = self.loaded.posted(self.session, "", Terms::Begins(&word), MOST_WORDS + 1).await?;
            if found.len() > MOST_WORDS {
                let told = format!("More than {MOST_WORDS} words begin with {}; write more of it.", shown(&word));
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            let ranges = found.iter().flat_map(|it| it.1.ranges().iter().cloned()).collect();
            of = of.and(&Places::of(ranges));
        }
        Ok(of)
    }

    fn refused(&self, filter: &Filter) -> Failure {
        let filter = format!("{} {} {}", shown(&filter.property), shown(&filter.op), shown(&filter.value));
        let told = format!("The filter {filter} is not supported on {}, which was loaded.", shown(&self.loaded.url));
        Failure::new(IssueType::NotSupported, told)
    }
}
