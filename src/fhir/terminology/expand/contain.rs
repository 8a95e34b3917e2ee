//! Whether a code is in a value set (valueset.html#compositions): only the rules on its code system are looked at, so
//! that value sets with parts that are not at hand answer for the rest.

use super::list::{listed_member, stored_member};
use super::{Expander, Member, not_whole, without_rules};
use crate::terminology::sources::unknown;
use crate::terminology::value_set::{Filter, Include, Listed};
use crate::terminology::{CodeSystem, ValueSet};
use crate::{Failure, Result};
use std::sync::Arc;

impl Expander<'_> {
    /// The member of a value set with this code, in any of its code systems where none is named. Fails if no rule has it
    /// and some rule that may have it cannot be carried out.
    pub fn find(&mut self, set: &ValueSet, system: Option<&str>, code: &str) -> Result<Option<Member>> {
        let failure = match self.composed_of(set, system, code) {
            Ok(found) => return Ok(found),
            Err(failure) => failure,
        };
        match &set.expansion {
            Some(stored) => {
                let is_it = |it: &&super::Listed| it.code == code && system.is_none_or(|wanted| wanted == it.system);
                Ok(stored.iter().find(is_it).map(stored_member))
            }
            None => Err(failure),
        }
    }

    fn composed_of(&mut self, set: &ValueSet, system: Option<&str>, code: &str) -> Result<Option<Member>> {
        let rules = set.include.as_ref().ok_or_else(|| without_rules(set))?;
        let Some(found) = self.first(set, rules, system, code)? else { return Ok(None) };
        if set.has_inactive == Some(false) && found.is_inactive() {
            return Ok(None);
        }
        let is_excluded = self.first(set, &set.exclude, Some(&found.system), found.code())?.is_some();
        Ok((!is_excluded).then_some(found))
    }

    /// What the first of these rules that has the code makes of it.
    fn first(&mut self, set: &ValueSet, rules: &[Include], system: Option<&str>, code: &str) -> Result<Option<Member>> {
        let mut failed: Option<Failure> = None;
        for rule in rules {
            match self.passes(set, rule, system, code) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn passes(
        &mut self,
        within: &ValueSet,
        rule: &Include,
        system: Option<&str>,
        code: &str,
    ) -> Result<Option<Member>> {
        let mut imports = rule.value_sets.iter();
        let member = match self.code_system(within, rule) {
            Some((url, _)) if system.is_some_and(|it| *it != *url) => None,
            Some((url, of)) => match self.sources.choice(rule).filter(|_| rule.concepts.is_empty()) {
                Some(chosen) => {
                    let chosen = chosen?;
                    chosen.position(code).map(|at| Member::at(&url, chosen, at))
                }
                None => in_system(&url, of.as_ref(), rule, code)?,
            },
            None => match imports.next() {
                Some(first) => self.in_import(within, first, system, code)?,
                None => None,
            },
        };
        let Some(member) = member else { return Ok(None) };
        for import in imports {
            if self.in_import(within, import, Some(&member.system), member.code())?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(member))
    }

    fn in_import(
        &mut self,
        within: &ValueSet,
        canonical: &str,
        system: Option<&str>,
        code: &str,
    ) -> Result<Option<Member>> {
        let set = self.named(within, canonical)?;
        self.within(canonical, |it| it.find(&set, system, code))
    }
}

/// The code as one of those that a rule on its code system chooses.
fn in_system(url: &Arc<str>, system: Option<&Arc<CodeSystem>>, rule: &Include, code: &str) -> Result<Option<Member>> {
    if !rule.concepts.is_empty() {
        return Ok(rule.concepts.iter().find(|it| it.code == code).map(|it| listed_member(url, system, it)));
    }
    let system = system.ok_or_else(|| unknown("code system", &rule.code_system().unwrap_or_default()))?;
    if let Some(grammar) = system.grammar {
        let listed = Listed { code: code.to_owned(), ..Listed::default() };
        let passes = |it: &Filter| grammar.passes(it, code);
        let is_member = grammar.has(code) && all(&rule.filters, passes)?;
        return Ok(is_member.then(|| listed_member(url, Some(system), &listed)));
    }
    let Some(at) = system.position(code) else {
        return if system.is_whole() { Ok(None) } else { Err(not_whole(system)) };
    };
    if !rule.filters.is_empty() && !system.is_whole() {
        return Err(not_whole(system));
    }
    let is_member = all(&rule.filters, |it| Ok(it.on(system)?.passes(system, at)))?;
    Ok(is_member.then(|| Member::at(url, system, at)))
}

/// Whether all filters pass; those behind one that does not are not looked at.
fn all(filters: &[Filter], passes: impl Fn(&Filter) -> Result<bool>) -> Result<bool> {
    for filter in filters {
        if !passes(filter)? {
            return Ok(false);
        }
    }
    Ok(true)
}
