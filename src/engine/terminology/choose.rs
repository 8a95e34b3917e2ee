//! What the rules of a value set choose from a loaded code system, as sets of places: nothing but what is shown is read.

use super::Around;
use super::filters::Chooser;
use super::loaded::Loaded;
use crate::Resolver;
use fhir::terminology::release::Places;
use fhir::terminology::{CodeSystem, Include, Member, ValueSet, Versions};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;

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
        let mut chooser = Chooser::new(&loaded, session);
        let everything = chooser.everything();
        let (mut chosen, mut left_out) = (Places::default(), Places::default());
        for rule in set.include.iter().flatten() {
            chosen = chosen.or(&chooser.chosen(&rule.filters, everything.clone()).await?);
        }
        for rule in &set.exclude {
            left_out = left_out.or(&chooser.chosen(&rule.filters, everything.clone()).await?);
        }
        for (property, is_left_out) in [
            ("inactive", narrow.is_active_only || set.has_inactive == Some(false)),
            ("notSelectable", narrow.is_selectable_only),
        ] {
            if is_left_out {
                left_out = left_out.or(&chooser.having(property, "true").await?);
            }
        }
        chosen = chooser.worded(chosen.without(&left_out), &narrow.text).await?;
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
    ) -> Result<Arc<CodeSystem>> {
        let session = self.ctx.session();
        let mut chooser = Chooser::new(loaded, session);
        let worded = chooser.worded(chooser.everything(), text).await?;
        let chosen = chooser.chosen(&rule.filters, worded).await?;
        if chosen.len() > most {
            let told = format!("The value set has more than {most} codes, which this server does not list at once.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let rows = loaded.at(session, &chosen.page(0, most)).await?;
        self.slice(loaded, &rows).await
    }

    /// This code, if a rule chooses it from a release.
    pub(super) async fn choice_of(&mut self, loaded: &Loaded, rule: &Include, code: &str) -> Result<Arc<CodeSystem>> {
        let session = self.ctx.session();
        let mut rows = loaded.around(session, &[code], Around::Nothing).await?;
        let it = Places::of(rows.iter().map(|it| it.place..it.place + 1).collect());
        let chosen = Chooser::new(loaded, session).chosen(&rule.filters, it).await?;
        rows.retain(|it| chosen.has(it.place));
        self.slice(loaded, &rows).await
    }
}
