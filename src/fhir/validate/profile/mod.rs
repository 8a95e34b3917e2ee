//! Profiles (profiling.html): StructureDefinitions that ask more of a type than R4 does.
//!
//! A definition is compiled, when it is first needed, to what it adds to its type ([`rules`]): from its snapshot, or
//! from its differential laid over those of its bases. [`Profiles`] are those of R4 and of a tenant; a profile is
//! looked up by its canonical URL wherever another one names it, so that profiles may name each other in circles.

mod additional;
mod aggregation;
mod check;
mod compile;
mod element;
mod kept;
mod key;
mod ours;
mod proof;
mod rules;
mod slices;
mod slicing;
mod snapshot;
mod tree;
mod unique;
mod usage;
mod values;

#[cfg(test)]
mod tests;

use crate::json::{Doc, Value};
use crate::outcome::{Failure, Issue, IssueType, Severity, shown};
use crate::spec::{TypeId, r4};
use compile::Compiler;
use element::ElementDef;
use kept::Kept;
use key::Keys;
use rules::Rules;
use rustc_hash::FxHashMap;
use std::sync::{LazyLock, OnceLock};
use tree::Growing;
use usage::Usage;

pub(super) use check::Checker;
pub use unique::{Unique, UniqueValue};

/// Profiles on profiles; R4's deepest has three.
const DEEPEST: usize = 16;

/// Whether a code, perhaps of a code system, is in a value set; `None` where that is not known. The value set's
/// canonical URL may have a version.
pub type Members<'a> = dyn Fn(&str, Option<&str>, &str) -> Option<bool> + Sync + 'a;

/// Which profiles a validation applies, and how.
#[derive(Clone, Copy)]
pub struct Profiling<'a> {
    /// Where profiles are looked up.
    pub known: &'a Profiles,
    /// Those that apply to the resource, besides those in its `meta.profile`.
    pub asked: &'a [AskedProfile],
    /// How bad a breach of one that the resource names is at most.
    pub severity: Severity,
    /// What value sets hold that R4's tables do not have.
    pub members: &'a Members<'a>,
}

/// A profile that applies to a resource though the resource may not name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedProfile {
    /// Its canonical URL.
    pub profile: String,
    /// How bad a breach is at most.
    pub severity: Severity,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", if element.is_empty() { String::new() } else { format!("element {element}: ") })]
pub struct Fault {
    /// The element, by its path or id; empty where the profile as a whole is meant.
    pub element: String,
    /// What is wrong with it.
    pub problem: String,
    /// Whether it may be mended by another profile, which is not known yet.
    pub is_open: bool,
}

impl Fault {
    fn new(element: &str, problem: impl Into<String>) -> Fault {
        Fault { element: shown(element), problem: problem.into(), is_open: false }
    }

    fn at(element: Value<'_>, problem: &str) -> Fault {
        Fault::new(element.str("id").or(element.str("path")).unwrap_or_default(), problem)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let told = format!("The profile cannot be used: {fault}.");
        Failure::of(vec![Issue::error(IssueType::BusinessRule, told).at("StructureDefinition")]).with_status(422)
    }
}

/// A profile that can be checked.
struct Profile {
    /// The type that it is on.
    of: TypeId,
    rules: Rules,
    /// Of an extension: where it may stand.
    usage: Usage,
    unique: Vec<Unique>,
}

struct Source {
    version: Option<Box<str>>,
    /// The name of the type that it is on.
    of: Box<str>,
    /// What it is built on.
    base: Option<Box<str>>,
    kept: Kept,
    compiled: OnceLock<Result<Profile, Fault>>,
}

impl Source {
    fn read(&self) -> Result<Doc, Fault> {
        Doc::parse(self.kept.json()?).map_err(|it| Fault::new("", it.to_string()))
    }
}

/// Profiles by their canonical URL.
#[derive(Default)]
pub struct Profiles {
    by_url: FxHashMap<Box<str>, Vec<Source>>,
    /// Where those are looked up that are not here.
    others: Option<&'static Profiles>,
}

impl Profiles {
    /// The profiles that R4 publishes, extensions included.
    pub fn r4() -> &'static Profiles {
        static R4: LazyLock<Profiles> = LazyLock::new(Profiles::read_r4);
        &R4
    }

    /// The same, read anew.
    pub fn read_r4() -> Profiles {
        let mut all = Profiles::default();
        let table = include_str!("../../../../profiles/r4/profiles.txt");
        for line in table.lines().filter(|it| it.starts_with('{')) {
            all.add_built_in(line);
        }
        all
    }

    /// The built-in ones, and these StructureDefinitions.
    pub fn with(definitions: impl IntoIterator<Item = String>) -> Profiles {
        let mut all = Profiles { others: Some(Profiles::built_in()), ..Profiles::default() };
        definitions.into_iter().for_each(|it| all.insert(it));
        all
    }

    /// Takes a StructureDefinition in, before the others of its URL; one that is no profile, or no JSON, is left out.
    pub fn insert(&mut self, definition: String) {
        if let Ok(doc) = Doc::parse(definition) {
            self.add(doc.root(), Kept::of);
        }
    }

    fn add_built_in(&mut self, json: &'static str) {
        if let Ok(doc) = Doc::parse(json) {
            self.add(doc.root(), |_| Ok(Kept::BuiltIn(json)));
        }
    }

    fn add(&mut self, root: Value<'_>, keep: impl FnOnce(Value<'_>) -> std::io::Result<Kept>) {
        if let (Some(url), Some("constraint")) = (root.str("url"), root.str("derivation"))
            && let Ok(kept) = keep(root)
        {
            let text = |name: &str| root.str(name).map(Box::from);
            let (version, base, of) = (text("version"), text("baseDefinition"), text("type").unwrap_or_default());
            let source = Source { version, of, base, kept, compiled: OnceLock::new() };
            self.by_url.entry(url.into()).or_default().push(source);
        }
    }

    /// The URLs of the profiles on a type, sorted: the tenant's and ours, without those that R4 publishes.
    pub fn on(&self, of: &str) -> Vec<&str> {
        let own = self.by_url.iter().filter(|(_, all)| all.iter().any(|it| *it.of == *of));
        let mut urls: Vec<&str> = own.map(|(url, _)| &**url).collect();
        if let Some(others) = self.others.filter(|it| it.others.is_some()) {
            urls.extend(others.on(of));
        }
        urls.sort_unstable();
        urls.dedup();
        urls
    }

    /// Whether there are others than the built-in ones.
    pub fn has_own(&self) -> bool {
        !self.by_url.is_empty()
    }

    /// Whether a profile of this canonical URL is known.
    pub fn has(&self, canonical: &str) -> bool {
        self.source(canonical).is_some()
    }

    /// Fails if a resource cannot be checked against the profile with this canonical URL.
    pub fn demand(&self, canonical: &str) -> Result<(), Failure> {
        match self.find(canonical) {
            Some(Ok(_)) => Ok(()),
            Some(Err(fault)) => Err(fault.clone().into()),
            None if compile::core_type(r4(), canonical).is_some() => Ok(()),
            None => {
                let told = "This server does not have the profile that the resource is to be checked against.";
                Err(Failure::new(IssueType::NotSupported, told).with_status(422))
            }
        }
    }

    /// Fails if a StructureDefinition is a profile that cannot be checked as it is meant, or has only a differential, and
    /// that allows what its base does not. One on a base that is not known yet is let pass.
    pub fn accept(&self, definition: Value<'_>) -> Result<(), Failure> {
        if definition.str("derivation") != Some("constraint") {
            return Ok(());
        }
        match self.compile(definition) {
            Err(fault) if !fault.is_open => Err(fault.into()),
            Ok(_) if definition.get("snapshot").is_none() => self.demand_snapshot(definition.raw()),
            _ => Ok(()),
        }
    }

    /// The profile with this canonical URL, if it is known.
    fn find(&self, canonical: &str) -> Option<&Result<Profile, Fault>> {
        let source = self.source(canonical)?;
        Some(source.compiled.get_or_init(|| self.compile(source.read()?.root())))
    }

    fn source(&self, canonical: &str) -> Option<&Source> {
        let (url, version) = match canonical.split_once('|') {
            Some((url, version)) => (url, Some(version)),
            None => (canonical, None),
        };
        let is_meant = |it: &&Source| version.is_none_or(|version| it.version.as_deref() == Some(version));
        let own = self.by_url.get(url).and_then(|all| all.iter().rev().find(is_meant));
        own.or_else(|| self.others?.source(canonical))
    }

    fn compile(&self, definition: Value<'_>) -> Result<Profile, Fault> {
        let name = definition.str("type").unwrap_or_default();
        let of = r4().type_named(name);
        let of = of.ok_or_else(|| Fault::new("", format!("its type {} is not one of R4", shown(name))))?;
        let mut growing = Growing::default();
        self.grow(definition, &mut growing, 0)?;
        let rules = Compiler::new(r4(), self).root(growing.into_root(), of)?;
        Ok(Profile { of, rules, usage: Usage::read(definition)?, unique: self.all_unique(definition, 0)? })
    }

    /// What a compiler makes of one of these profiles, without its usage.
    fn compiled_by(&self, compiler: &Compiler<'_>, canonical: &str) -> Option<Rules> {
        let doc = self.source(canonical)?.read().ok()?;
        let of = r4().type_named(doc.root().str("type")?)?;
        let mut growing = Growing::default();
        self.grow(doc.root(), &mut growing, 0).ok()?;
        compiler.root(growing.into_root(), of).ok()
    }

    /// The type that one of these profiles is on.
    fn type_of(&self, canonical: &str) -> Option<TypeId> {
        r4().type_named(&self.source(canonical)?.of)
    }

    /// Lays a profile's elements over those of its bases (profiling.html#snapshot).
    fn grow(&self, definition: Value<'_>, growing: &mut Growing, depth: usize) -> Result<(), Fault> {
        if depth == DEEPEST {
            return Err(Fault::new("", format!("it builds on more than {DEEPEST} others, or on itself")));
        }
        let list = match definition.get("snapshot").and_then(|it| it.get("element")) {
            Some(snapshot) => Some(snapshot),
            None => {
                self.grow_base(definition, growing, depth)?;
                definition.get("differential").and_then(|it| it.get("element"))
            }
        };
        let mut keys = Keys::default();
        for element in list.into_iter().flat_map(Value::each) {
            let key = keys.next(element)?;
            growing.add(ElementDef::read(key, element)?)?;
        }
        Ok(())
    }

    fn grow_base(&self, definition: Value<'_>, growing: &mut Growing, depth: usize) -> Result<(), Fault> {
        let base = definition.str("baseDefinition").unwrap_or_default();
        if compile::core_type(r4(), base).is_some() {
            return Ok(());
        }
        if definition.str("url") == Some(base) {
            return Err(Fault::new("", "it builds on itself"));
        }
        let Some(source) = self.source(base) else {
            let problem = format!("its base {} is not known here", shown(base));
            return Err(Fault { is_open: true, ..Fault::new("", problem) });
        };
        self.grow(source.read()?.root(), growing, depth + 1)
    }
}
