//! Subsumption: what stands above and beneath a concept (codesystem.html#hierarchy).

use super::CodeSystem;
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;

/// How one concept stands to another (valueset-concept-subsumption-outcome.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subsumption {
    /// They are the same.
    Equivalent,
    /// The first subsumes the second.
    Subsumes,
    /// The second subsumes the first.
    SubsumedBy,
    /// Neither.
    NotSubsumed,
}

impl Subsumption {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            Subsumption::Equivalent => "equivalent",
            Subsumption::Subsumes => "subsumes",
            Subsumption::SubsumedBy => "subsumed-by",
            Subsumption::NotSubsumed => "not-subsumed",
        }
    }
}

impl CodeSystem {
    /// Fails if not all codes are here: what is missing may stand between those that are.
    pub fn needs_whole(&self) -> Result<()> {
        match self.is_whole() {
            true => Ok(()),
            false => {
                let (url, content) = (shown(&self.url), self.content.code());
                let told = format!("Not all codes of {url} are here (its content is {content}), nor is its hierarchy.");
                Err(Failure::new(IssueType::NotSupported, told))
            }
        }
    }

    /// How the first of two codes stands to the second.
    pub fn subsumption(&self, first: &str, second: &str) -> Result<Subsumption> {
        let (first, second) = (self.subsumed(first)?, self.subsumed(second)?);
        Ok(match (first == second, self.above(second).contains(&first), self.above(first).contains(&second)) {
            (true, ..) => Subsumption::Equivalent,
            (_, true, _) => Subsumption::Subsumes,
            (_, _, true) => Subsumption::SubsumedBy,
            _ => Subsumption::NotSubsumed,
        })
    }

    /// The concepts that this code subsumes, itself first.
    pub fn at_or_below(&self, code: &str) -> Result<Vec<&str>> {
        Ok(self.codes(&self.below(self.subsumed(code)?)))
    }

    /// The concepts that subsume this code, itself first.
    pub fn at_or_above(&self, code: &str) -> Result<Vec<&str>> {
        Ok(self.codes(&self.above(self.subsumed(code)?)))
    }

    /// The position of a code in a hierarchy that means subsumption. Where a code system does not say what its
    /// hierarchy means, it is that: R4's own value sets choose from such ones by `is-a`.
    pub(super) fn subsumed(&self, code: &str) -> Result<u32> {
        if let Some(other) = self.hierarchy_meaning.as_deref().filter(|it| *it != "is-a") {
            let told =
                format!("The hierarchy of {} is {}, not is-a, so no code subsumes another.", self.url, shown(other));
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        self.position(code).ok_or_else(|| {
            let told = match self.is_whole() {
                true => format!("{} has no code {}.", shown(&self.url), shown(code)),
                false => {
                    format!("Not all codes of {} are here, and {} is none of these.", shown(&self.url), shown(code))
                }
            };
            Failure::new(IssueType::CodeInvalid, told)
        })
    }

    /// The positions at and beneath one.
    pub(super) fn below(&self, from: u32) -> Vec<u32> {
        self.reached(from, |it| &self.concepts()[it as usize].children)
    }

    /// The positions at and above one.
    pub(super) fn above(&self, from: u32) -> Vec<u32> {
        self.reached(from, |it| &self.concepts()[it as usize].parents)
    }

    /// A hierarchy that goes round in a circle is walked once.
    fn reached<'s>(&'s self, from: u32, next: impl Fn(u32) -> &'s Vec<u32>) -> Vec<u32> {
        let mut seen = FxHashSet::from_iter([from]);
        let mut found = vec![from];
        let mut at = 0;
        while let Some(here) = found.get(at).copied() {
            found.extend(next(here).iter().filter(|it| seen.insert(**it)));
            at += 1;
        }
        found
    }

    fn codes(&self, positions: &[u32]) -> Vec<&str> {
        positions.iter().map(|it| self.concepts()[*it as usize].code.as_str()).collect()
    }
}
