//! The codes of a value set (valueset.html#expansion), and whether a code is one of them.

mod contain;
mod list;

use super::value_set::{Include, Listed};
use super::{CodeSystem, Concept, Designation, Sources, ValueSet};
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// How deep value sets may be made of others.
const DEPTH: usize = 32;
/// How often an evaluation may go into a value set.
const ENTERED: usize = 10_000;
/// How many concepts an evaluation may look at, each as often as a rule asks for it.
const LOOKED: usize = 20_000_000;

/// A code of a value set.
#[derive(Clone, Debug)]
pub struct Member {
    /// The code system.
    pub system: Arc<str>,
    /// What the value set itself says of it.
    pub listed: Option<Arc<Listed>>,
    /// The code system that has it, and its position there.
    source: Option<(Arc<CodeSystem>, u32)>,
}

impl Member {
    /// Every code of a code system.
    pub fn all_of(system: &Arc<CodeSystem>) -> Vec<Member> {
        let url: Arc<str> = Arc::from(system.url.as_str());
        (0..system.concepts().len() as u32).map(|at| Member::at(&url, system, at)).collect()
    }

    /// The concept at a position of a code system.
    fn at(url: &Arc<str>, system: &Arc<CodeSystem>, at: u32) -> Member {
        Member { system: url.clone(), listed: None, source: Some((system.clone(), at)) }
    }

    /// The code.
    pub fn code(&self) -> &str {
        match (&self.listed, self.concept()) {
            (Some(listed), _) => &listed.code,
            (None, Some(concept)) => &concept.code,
            (None, None) => "",
        }
    }

    /// The name to show: the value set's own before the code system's.
    pub fn display(&self) -> Option<&str> {
        let own = self.listed.as_ref().and_then(|it| it.display.as_deref());
        own.or_else(|| self.concept()?.display.as_deref())
    }

    /// Other names: the value set's own and the code system's.
    pub fn designations(&self) -> impl Iterator<Item = &Designation> {
        let own = self.listed.iter().flat_map(|it| &it.designations);
        own.chain(self.concept().into_iter().flat_map(|it| &it.designations))
    }

    /// Whether it only groups others.
    pub fn is_abstract(&self) -> bool {
        self.listed.as_ref().is_some_and(|it| it.is_abstract) || self.concept().is_some_and(Concept::is_abstract)
    }

    /// Whether it is no longer to be used.
    pub fn is_inactive(&self) -> bool {
        self.listed.as_ref().is_some_and(|it| it.is_inactive) || self.concept().is_some_and(Concept::is_inactive)
    }

    /// The concept in its code system, if that is at hand.
    pub fn concept(&self) -> Option<&Concept> {
        let (system, at) = self.source.as_ref()?;
        system.concepts().get(*at as usize)
    }

    /// The code system that has it, if that is at hand.
    pub fn code_system(&self) -> Option<&Arc<CodeSystem>> {
        self.source.as_ref().map(|(system, _)| system)
    }

    /// The codes directly above it in its code system.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        let concepts = self.source.as_ref().map_or(&[][..], |(system, _)| system.concepts());
        let above = self.concept().map_or(&[][..], |it| it.parents.as_slice());
        above.iter().filter_map(|it| concepts.get(*it as usize)).map(|it| it.code.as_str())
    }
}

/// All codes of a value set, each once.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// The codes, in the order of the value set's rules.
    pub members: Vec<Member>,
    /// Whether they are those of the stored expansion, because the rules could not be carried out here.
    pub is_stored: bool,
}

/// Evaluates value sets over resolved resources.
pub struct Expander<'s> {
    sources: &'s Sources,
    /// The most codes that any value set on the way may have.
    most: usize,
    done: FxHashMap<String, Arc<Expansion>>,
    /// The value sets that are being evaluated.
    open: Vec<String>,
    /// How often one was gone into.
    entered: usize,
    /// How many concepts were looked at.
    looked: usize,
}

impl<'s> Expander<'s> {
    /// Value sets over these resources, of at most so many codes.
    pub fn new(sources: &'s Sources, most: usize) -> Expander<'s> {
        Expander { sources, most, done: FxHashMap::default(), open: Vec::new(), entered: 0, looked: 0 }
    }

    /// Goes into a value set that another one names, and out again; fails if that is one it is in already.
    fn within<T>(&mut self, canonical: &str, look: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.open.iter().any(|it| it == canonical) {
            let told = format!("The value set {} is made of itself.", shown(canonical));
            return Err(Failure::new(IssueType::BusinessRule, told));
        }
        self.entered += 1;
        if self.open.len() >= DEPTH || self.entered > ENTERED {
            let told = format!("The value set {} is made of too many others.", shown(canonical));
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        self.open.push(canonical.to_owned());
        let found = look(self);
        self.open.pop();
        found
    }

    /// Accounts for concepts that are going to be looked at.
    fn look(&mut self, concepts: usize) -> Result<()> {
        self.looked = self.looked.saturating_add(concepts);
        if self.looked > LOOKED {
            let told = "The value set's rules look at more concepts than this server is ready for at once.";
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(())
    }

    /// A value set by the canonical by which `within` names it.
    fn named(&self, within: &ValueSet, canonical: &str) -> Result<Arc<ValueSet>> {
        match within.value_sets.get(canonical) {
            Some(contained) => Ok(contained.clone()),
            None => self.sources.value_set(canonical).cloned(),
        }
    }

    /// The code system of a rule, if it is at hand, and the URL that codings of it have.
    fn code_system(&self, within: &ValueSet, rule: &Include) -> Option<(Arc<str>, Option<Arc<CodeSystem>>)> {
        let system = rule.system.as_ref()?;
        let found = match within.code_systems.get(system) {
            Some(contained) => Some(contained.clone()),
            None => rule.code_system().and_then(|it| self.sources.code_system(&it).cloned()),
        };
        let url = found.as_ref().map_or(system.as_str(), |it| it.url.as_str());
        Some((Arc::from(url), found))
    }
}

/// That not all codes of a code system are here.
fn not_whole(system: &CodeSystem) -> Failure {
    let url = shown(&system.url);
    if system.grammar.is_some() {
        // "too large or infinite" is one error (valueset-operation-expand.html).
        let told = format!("The codes of {url} are told by a grammar and without end, so they cannot be listed.");
        return Failure::new(IssueType::TooCostly, told);
    }
    let content = system.content.code();
    let told = format!("Not all codes of {url} are here (its content is {content}), so none can be chosen by a rule.");
    Failure::new(IssueType::NotSupported, told)
}

fn without_rules(set: &ValueSet) -> Failure {
    let told = format!("The value set {} does not say what it is composed of.", shown(&set.url));
    Failure::new(IssueType::NotSupported, told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    /// Rules that go over a code system again and again are stopped, not carried out.
    #[test]
    fn what_an_evaluation_looks_at_is_bounded() {
        let read = |json: &str| Doc::parse(json).unwrap();
        let system = read(r#"{"url": "urn:x", "content": "complete", "concept": [{"code": "a"}, {"code": "b"}]}"#);
        let rule = r#"{"system": "urn:x", "filter": [{"property": "code", "op": "=", "value": "c"}]}"#;
        let set = read(&format!(r#"{{"compose": {{"include": [{rule}, {rule}]}}}}"#));
        let (set, mut sources) = (ValueSet::read(set.root()), Sources::default());
        sources.add_code_system("urn:x", Some(Arc::new(CodeSystem::read(system.root()))));
        let after = |looked: usize| Expander { looked, ..Expander::new(&sources, 10) }.expand(&set);
        assert!(after(LOOKED - 4).unwrap().members.is_empty());
        assert_eq!(after(LOOKED - 3).unwrap_err().code(), IssueType::TooCostly);
    }
}
