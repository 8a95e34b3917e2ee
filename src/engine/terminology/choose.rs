//! What the rules of a value set choose from a loaded code system, as sets of places: nothing but what is shown is read.

use super::loaded::Loaded;
use crate::Resolver;
use fhir::outcome::shown;
use fhir::terminology::release::{LONGEST_TERM, Places, words};
use fhir::terminology::{Filter, Include, Member, ValueSet, Versions};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{Session, Terms};

/// The most words that one beginning of a word may stand for.
const MOST_WORDS: usize = 10_000;

/// What every concept has a value of, said or not (codesystem.html#defined-props).
const OF_ALL: [&str; 4] = ["code", "concept", "inactive", "notSelectable"];

/// What narrows the codes of a value set down.
#[derive(Clone, Debug, Default)]
pub struct Narrow {
    /// Words that the names of a code must have words beginning with.
    pub text: String,
    /// Without codes that are no longer to be used.
    pub is_active_only: bool,
    /// Without codes that only group others.
    pub is_selectable_only: bool,
}

impl Resolver<'_> {
    /// A page of a value set's codes and how many there are in all, where all its rules choose from one loaded code system by
    /// filters: only the page is read, however many there are. `None` of other value sets.
    pub async fn page(
        &mut self,
        set: &Arc<ValueSet>,
        versions: &Versions,
        narrow: &Narrow,
        (offset, count): (usize, usize),
    ) -> Result<Option<(Vec<Member>, usize)>> {
        let set = versions.on(set.clone())?;
        let Some(loaded) = self.only_release(&set).await? else { return Ok(None) };
        let session = self.ctx.session();
        let (mut chosen, mut left_out) = (Places::default(), Places::default());
        for rule in set.include.iter().flatten() {
            chosen = chosen.or(&loaded.chosen(session, &rule.filters).await?);
        }
        for rule in &set.exclude {
            left_out = left_out.or(&loaded.chosen(session, &rule.filters).await?);
        }
        for (property, is_left_out) in [
            ("inactive", narrow.is_active_only || set.has_inactive == Some(false)),
            ("notSelectable", narrow.is_selectable_only),
        ] {
            if is_left_out {
                left_out = left_out.or(&loaded.having(session, property, "true").await?);
            }
        }
        chosen = loaded.worded(session, chosen.without(&left_out), &narrow.text).await?;
        let rows = loaded.at(session, &chosen.page(offset, count)).await?;
        let slice = self.slice(&loaded, &rows).await?;
        Ok(Some((Member::all_of(&slice), chosen.len())))
    }

    /// The release that all rules of a value set choose from by filters alone.
    async fn only_release(&mut self, set: &ValueSet) -> Result<Option<Arc<Loaded>>> {
        let mut only: Option<Arc<Loaded>> = None;
        for rule in set.include.iter().flatten().chain(&set.exclude) {
            let is_plain = rule.concepts.is_empty() && rule.value_sets.is_empty();
            let canonical = rule.code_system().filter(|_| is_plain);
            let Some(canonical) = canonical else { return Ok(None) };
            let Some(loaded) = self.release(&canonical).await? else { return Ok(None) };
            if only.as_ref().is_some_and(|it| it.number != loaded.number) {
                return Ok(None);
            }
            only = Some(loaded);
        }
        Ok(only)
    }

    /// The codes that a rule chooses from a release, of which there may be at most so many, as far as they have these words.
    pub(super) async fn choice(
        &mut self,
        loaded: &Arc<Loaded>,
        rule: &Include,
        text: &str,
        most: usize,
    ) -> Result<Arc<fhir::terminology::CodeSystem>> {
        let session = self.ctx.session();
        let chosen = loaded.worded(session, loaded.chosen(session, &rule.filters).await?, text).await?;
        if chosen.len() > most {
            let told = format!("The value set has more than {most} codes, which this server does not list at once.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let rows = loaded.at(session, &chosen.page(0, most)).await?;
        self.slice(loaded, &rows).await
    }
}

impl Loaded {
    /// The concepts that pass all filters.
    async fn chosen(&self, session: &dyn Session, filters: &[Filter]) -> Result<Places> {
        let mut chosen = Places::all(0..self.about.count);
        for filter in filters {
            chosen = chosen.and(&self.passing(session, filter).await?);
        }
        Ok(chosen)
    }

    /// The concepts that pass a filter (valueset.html#filters). Fails for what cannot be answered.
    async fn passing(&self, session: &dyn Session, filter: &Filter) -> Result<Places> {
        let (property, op, value) = (filter.property.as_str(), filter.op.as_str(), filter.value.as_str());
        let all = || Places::all(0..self.about.count);
        if let Some(found) = self.by_hierarchy(session, property, op, value).await? {
            return Ok(found);
        }
        if !OF_ALL.contains(&property) && !self.about.properties.iter().any(|it| it == property) {
            let told = format!("{} has no property {} to filter by.", shown(&self.url), shown(property));
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let list = || value.split(',').map(str::trim);
        match op {
            "=" => self.having(session, property, value).await,
            "in" | "not-in" => {
                let mut found = Places::default();
                for value in list() {
                    found = found.or(&self.having(session, property, value).await?);
                }
                Ok(if op == "in" { found } else { all().without(&found) })
            }
            "exists" if matches!(value, "true" | "false") => {
                let found = match OF_ALL.contains(&property) {
                    true => all(),
                    false => self.having(session, property, "").await?,
                };
                Ok(if value == "true" { found } else { all().without(&found) })
            }
            _ => {
                let filter = format!("{} {} {}", shown(property), shown(op), shown(value));
                let told = format!("The filter {filter} is not supported on {}, which was loaded.", shown(&self.url));
                Err(Failure::new(IssueType::NotSupported, told))
            }
        }
    }

    /// What a filter on the hierarchy chooses; `None` of other filters.
    async fn by_hierarchy(
        &self,
        session: &dyn Session,
        property: &str,
        op: &str,
        value: &str,
    ) -> Result<Option<Places>> {
        let is_concept = matches!(property, "concept" | "code");
        let is_closure = is_concept && matches!(op, "is-a" | "descendent-of" | "is-not-a" | "generalizes");
        let is_link = op == "=" && matches!(property, "parent" | "child" | "ancestor" | "descendant");
        if !is_closure && !is_link {
            return Ok(None);
        }
        self.needs_subsumption()?;
        let (place, links) = self.links(session, value).await?;
        let itself = Places::one(place);
        Ok(Some(match (property, op) {
            (_, "is-a") => links.below.or(&itself),
            (_, "descendent-of") | ("ancestor", _) => links.below,
            (_, "is-not-a") => Places::all(0..self.about.count).without(&links.below.or(&itself)),
            (_, "generalizes") => links.above.or(&itself),
            ("parent", _) => links.children,
            ("child", _) => links.parents,
            _ => links.above,
        }))
    }

    /// The concepts that have this value of a property; with an empty one, any value.
    async fn having(&self, session: &dyn Session, property: &str, value: &str) -> Result<Places> {
        if value.len() > LONGEST_TERM {
            let told = format!("Values longer than {LONGEST_TERM} bytes are not filtered by.");
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        if matches!(property, "code" | "concept") {
            let rows = self.around(session, &[value], super::Around::Nothing).await?;
            return Ok(Places::of(rows.iter().map(|it| it.place..it.place + 1).collect()));
        }
        if OF_ALL.contains(&property) && value == "false" {
            let not = self.posted(session, property, Terms::Is("true"), 1).await?.pop().unwrap_or_default();
            return Ok(Places::all(0..self.about.count).without(&not));
        }
        Ok(self.posted(session, property, Terms::Is(value), 1).await?.pop().unwrap_or_default())
    }

    /// Those of some concepts whose names have, for each word of a text, a word that begins so.
    async fn worded(&self, session: &dyn Session, mut of: Places, text: &str) -> Result<Places> {
        for word in words(text) {
            let found = self.posted(session, "", Terms::Begins(&word), MOST_WORDS + 1).await?;
            if found.len() > MOST_WORDS {
                let told = format!("More than {MOST_WORDS} words begin with {}; write more of it.", shown(&word));
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            let ranges = found.iter().flat_map(|it| it.ranges().iter().cloned()).collect();
            of = of.and(&Places::of(ranges));
        }
        Ok(of)
    }
}
