//! All codes of a value set (valueset.html#compositions).

use super::{Expander, Expansion, Member, not_whole, without_rules};
use crate::terminology::sources::unknown;
use crate::terminology::value_set::{Include, Listed};
use crate::terminology::{CodeSystem, ValueSet};
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// What tells codes apart.
type Keys = FxHashSet<(Arc<str>, String)>;

impl Expander<'_> {
    /// All codes of a value set. The stored expansion stands in where the rules cannot be carried out.
    pub fn expand(&mut self, set: &ValueSet) -> Result<Expansion> {
        let failure = match self.composed(set) {
            Ok(members) => return Ok(Expansion { members, is_stored: false }),
            Err(failure) => failure,
        };
        match &set.expansion {
            Some(stored) if failure.code() != IssueType::TooCostly => {
                Ok(Expansion { members: stored.iter().map(stored_member).collect(), is_stored: true })
            }
            _ => Err(failure),
        }
    }

    fn composed(&mut self, set: &ValueSet) -> Result<Vec<Member>> {
        let rules = set.include.as_ref().ok_or_else(|| without_rules(set))?;
        let mut excluded = Keys::default();
        for rule in &set.exclude {
            excluded.extend(self.chosen(set, rule)?.iter().map(key));
        }
        let (mut seen, mut all) = (Keys::default(), Vec::new());
        for rule in rules {
            for member in self.chosen(set, rule)? {
                let is_wanted = set.has_inactive != Some(false) || !member.is_inactive();
                let key = key(&member);
                if is_wanted && !excluded.contains(&key) && seen.insert(key) {
                    all.push(member);
                    self.bounded(all.len())?;
                }
            }
        }
        Ok(all)
    }

    /// What one rule chooses: codes that pass all of it.
    fn chosen(&mut self, within: &ValueSet, rule: &Include) -> Result<Vec<Member>> {
        let mut imports = rule.value_sets.iter();
        let mut members = match self.code_system(within, rule) {
            Some((url, system)) => self.of_system(&url, system.as_ref(), rule)?,
            None => match imports.next() {
                Some(first) => self.imported(within, first)?.members.clone(),
                None => return Ok(Vec::new()),
            },
        };
        for import in imports {
            let imported = self.imported(within, import)?;
            self.look(imported.members.len())?;
            let also: Keys = imported.members.iter().map(key).collect();
            members.retain(|it| also.contains(&key(it)));
        }
        Ok(members)
    }

    fn of_system(&mut self, url: &Arc<str>, system: Option<&Arc<CodeSystem>>, rule: &Include) -> Result<Vec<Member>> {
        if !rule.concepts.is_empty() {
            self.bounded(rule.concepts.len())?;
            return Ok(rule.concepts.iter().map(|it| listed_member(url, system, it)).collect());
        }
        if let Some(chosen) = self.sources.choice(rule) {
            return Ok(Member::all_of(chosen?));
        }
        let system = system.ok_or_else(|| unknown("code system", &rule.code_system().unwrap_or_default()))?;
        if !system.is_whole() {
            return Err(not_whole(system));
        }
        self.look(system.concepts().len().saturating_mul(rule.filters.len().max(1)))?;
        let filters = rule.filters.iter().map(|it| it.on(system)).collect::<Result<Vec<_>>>()?;
        let mut members = Vec::new();
        for at in 0..system.concepts().len() as u32 {
            if filters.iter().all(|it| it.passes(system, at)) {
                members.push(Member::at(url, system, at));
                self.bounded(members.len())?;
            }
        }
        Ok(members)
    }

    /// The codes of a value set that a rule names; evaluated once.
    fn imported(&mut self, within: &ValueSet, canonical: &str) -> Result<Arc<Expansion>> {
        if let Some(done) = self.done.get(canonical) {
            return Ok(done.clone());
        }
        let set = self.named(within, canonical)?;
        let expansion = Arc::new(self.within(canonical, |it| it.expand(&set))?);
        // A contained value set is another one in every resource.
        if !canonical.starts_with('#') {
            self.done.insert(canonical.to_owned(), expansion.clone());
        }
        Ok(expansion)
    }

    fn bounded(&self, count: usize) -> Result<()> {
        if count > self.most {
            let told =
                format!("The value set has more than {} codes, which this server does not list at once.", self.most);
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(())
    }
}

/// A code that a rule lists; with what its code system says of it, if that is at hand.
pub(super) fn listed_member(url: &Arc<str>, system: Option<&Arc<CodeSystem>>, listed: &Listed) -> Member {
    let source = system.and_then(|it| Some((it.clone(), it.position(&listed.code)?)));
    Member { system: url.clone(), listed: Some(Arc::new(listed.clone())), source }
}

pub(super) fn stored_member(listed: &Listed) -> Member {
    listed_member(&Arc::from(listed.system.as_str()), None, listed)
}

fn key(member: &Member) -> (Arc<str>, String) {
    (member.system.clone(), member.code().to_owned())
}
