//! Versions of code systems that an expansion is asked to use (valueset-operation-expand.html: `system-version`,
//! `check-system-version`, `force-system-version`).

use super::value_set::Include;
use super::{ValueSet, unversioned};
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use std::sync::Arc;

/// When a version counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// Where a value set names none.
    Default,
    /// Where a value set names none; one that names another is refused.
    Check,
    /// Whatever a value set names.
    Force,
}

/// The versions asked for.
#[derive(Debug, Default)]
pub struct Versions(Vec<(Pin, String, String)>);

impl Versions {
    /// Asks for a version, as a canonical `system|version`.
    pub fn add(&mut self, pin: Pin, canonical: &str) -> Result<()> {
        let (system, Some(version)) = unversioned(canonical) else {
            let told = format!("{} names no version: it is written system|version.", shown(canonical));
            return Err(Failure::new(IssueType::Value, told));
        };
        self.0.push((pin, system.to_owned(), version.to_owned()));
        Ok(())
    }

    /// The value set with these versions; its stored expansion was made with others.
    pub fn on(&self, set: Arc<ValueSet>) -> Result<Arc<ValueSet>> {
        if self.0.is_empty() {
            return Ok(set);
        }
        let mut pinned = (*set).clone();
        pinned.expansion = None;
        for rule in pinned.include.iter_mut().flatten().chain(&mut pinned.exclude) {
            self.on_rule(rule)?;
        }
        for contained in pinned.value_sets.values_mut() {
            *contained = self.on(contained.clone())?;
        }
        Ok(Arc::new(pinned))
    }

    fn on_rule(&self, rule: &mut Include) -> Result<()> {
        for (pin, system, version) in self.0.iter().filter(|(_, it, _)| rule.system.as_ref() == Some(it)) {
            match (&rule.version, pin) {
                (None, _) | (_, Pin::Force) => rule.version = Some(version.clone()),
                (Some(named), Pin::Check) if named != version => {
                    let told = format!("The value set asks for {} in version {}.", shown(system), shown(named));
                    return Err(Failure::new(IssueType::BusinessRule, told));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
