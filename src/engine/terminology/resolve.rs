//! Code systems and value sets by their canonical URLs (references.html#canonical): the tenant's own, then R4's.
//!
//! A caller who may not search CodeSystem or ValueSet is refused where one that is stored would be looked into, since
//! the answer tells what it holds; R4's are everybody's.

use super::Around;
use super::cache::{Cache, Found, Kept, Stamp, Uses};
use super::loaded::{self, Loaded};
use super::past::Past;
use crate::{Access, Context};
use fhir::json::Doc;
use fhir::outcome::shown;
use fhir::search::{Clause, CodesAsked, Codings, ParamId, Target, Test};
use fhir::terminology::release::{implicit, later};
use fhir::terminology::{
    CodeSystem, Expander, Expansion, Kind, Member, Sources, ValueSet, Versions, builtin, published, unversioned,
};
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard};
use store::{Branch, Key, Plan, Stored};

/// The most resources of one URL that are compared.
const VERSIONS: usize = 100;
/// The most code systems and value sets that one value set may be made of.
const SOURCES: usize = 500;

/// The codes of loaded code systems that are needed, by the canonicals that name these.
type Asked = FxHashMap<String, (Arc<Loaded>, BTreeSet<String>)>;

fn note<'c>(asked: &mut Asked, canonical: String, loaded: Arc<Loaded>, codes: impl Iterator<Item = &'c str>) {
    let (_, all) = asked.entry(canonical).or_insert_with(|| (loaded, BTreeSet::new()));
    all.extend(codes.map(str::to_owned));
}

/// Resolves terminology for a caller, as it was stored when this was made.
pub struct Resolver<'c> {
    pub(super) ctx: &'c Context,
    cache: Arc<Cache>,
    stamp: Stamp,
    loaded: Vec<Arc<Loaded>>,
    uses: Uses,
    /// The time whose resources count, if it is not now.
    pub(super) past: Option<Past>,
}

/// What of the loaded code systems an evaluation is about.
#[derive(Clone, Copy)]
enum Wanted<'w> {
    /// This code.
    Code(&'w str),
    /// All codes that have these words, of at most so many.
    All(&'w str, usize),
}

impl<'c> Resolver<'c> {
    pub(super) async fn new(ctx: &'c Context, cache: Arc<Cache>, past: Option<Past>) -> Result<Resolver<'c>> {
        let loaded = loaded::releases(ctx.session()).await?;
        let stamp = Stamp::read(ctx.session(), &loaded).await?;
        Ok(Resolver { ctx, cache, stamp, loaded, uses: Uses::default(), past })
    }

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.cache.at(&self.stamp)
    }

    /// Notes that a stored resource of this kind is used; fails if the caller may not search such.
    pub(super) fn used(&mut self, kind: Kind) -> Result<()> {
        self.ctx.caller.scopes.demand(Access::Search, kind.type_name())?;
        match kind {
            Kind::CodeSystem => self.uses.code_systems = true,
            Kind::ValueSet => self.uses.value_sets = true,
            // No answer that is kept is made of one.
            Kind::ConceptMap => {}
        }
        Ok(())
    }

    /// The codes that were found for the same question before.
    pub(super) fn known_codes(&mut self, asked: &CodesAsked) -> Result<Option<Codings>> {
        let known = self.kept().codes.get(asked).cloned();
        let Some((codings, uses)) = known else {
            self.uses = Uses::default();
            return Ok(None);
        };
        if uses.code_systems {
            self.used(Kind::CodeSystem)?;
        }
        if uses.value_sets {
            self.used(Kind::ValueSet)?;
        }
        Ok(Some(codings))
    }

    /// Keeps what was found since [`Resolver::known_codes`] had nothing.
    pub(super) fn keep_codes(&mut self, asked: CodesAsked, codings: Codings) -> Codings {
        let uses = self.uses;
        let mut kept = self.kept();
        kept.grow(codings.len());
        kept.codes.insert(asked, (codings.clone(), uses));
        codings
    }

    /// The release that stands for a code system: where it is not held as a whole.
    pub(super) async fn release(&mut self, canonical: &str) -> Result<Option<Arc<Loaded>>> {
        let Some(loaded) = loaded::with_canonical(&self.loaded, canonical).cloned() else { return Ok(None) };
        if self.held(canonical).await?.it.is_some_and(|it| it.is_whole()) {
            return Ok(None);
        }
        self.used(Kind::CodeSystem)?;
        self.past.iter().try_for_each(|it| it.needs_version(&loaded, canonical))?;
        Ok(Some(loaded))
    }

    /// The code system with this canonical URL, as a resource or built in; `None` if there is none.
    pub async fn code_system(&mut self, canonical: &str) -> Result<Option<Arc<CodeSystem>>> {
        let found = self.held(canonical).await?;
        self.let_use(Kind::CodeSystem, found)
    }

    async fn held(&mut self, canonical: &str) -> Result<Found<CodeSystem>> {
        let known = self.kept().code_systems.get(canonical).cloned();
        if let Some(found) = known {
            return Ok(found);
        }
        let mut found = self.look(Kind::CodeSystem, canonical, |it| CodeSystem::read(it.root())).await?;
        found.it = found.it.or_else(|| builtin(canonical).map(Arc::new));
        if let Some(system) = found.it.as_mut().and_then(Arc::get_mut) {
            found.is_stored |= self.supplement(system).await?;
        }
        let mut kept = self.kept();
        kept.grow(found.it.as_ref().map_or(0, |it| it.concepts().len()));
        kept.code_systems.insert(canonical.to_owned(), found.clone());
        Ok(found)
    }

    /// The value set with this canonical URL, or the implicit one (`?fhir_vs`, valueset.html#implicit) of a code system;
    /// `None` if there is none.
    pub async fn value_set(&mut self, canonical: &str) -> Result<Option<Arc<ValueSet>>> {
        let known = self.kept().value_sets.get(canonical).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let found = self.look(Kind::ValueSet, canonical, |it| ValueSet::read(it.root())).await?;
                let mut kept = self.kept();
                kept.grow(0);
                kept.value_sets.insert(canonical.to_owned(), found.clone());
                found
            }
        };
        let found = self.let_use(Kind::ValueSet, found)?;
        Ok(found.or_else(|| implicit(canonical).map(Arc::new)))
    }

    pub(super) fn let_use<T>(&mut self, kind: Kind, found: Found<T>) -> Result<Option<Arc<T>>> {
        if found.is_stored {
            self.used(kind)?;
        }
        Ok(found.it)
    }

    /// The value set that a search names: by a canonical URL, or by a literal reference.
    pub(super) async fn value_set_or_reference(&mut self, named: &str) -> Result<Arc<ValueSet>> {
        let found = match Target::parse(named, self.ctx.base()) {
            Target::Local { of: "ValueSet", id } => self.value_set_with_id(id).await?,
            _ => self.value_set(named).await?,
        };
        found.ok_or_else(|| unknown("value set", named))
    }

    async fn value_set_with_id(&mut self, id: &str) -> Result<Option<Arc<ValueSet>>> {
        self.used(Kind::ValueSet)?;
        let stored = self.ctx.session().read(&Key::new("ValueSet", id)).await?.filter(|it| !it.is_deleted());
        let doc = stored.as_ref().map(doc).transpose()?;
        Ok(doc.map(|it| Arc::new(ValueSet::read(it.root()))))
    }

    /// The member of a value set with this code, in any of its code systems where none is named.
    pub async fn member(&mut self, set: &ValueSet, system: Option<&str>, code: &str) -> Result<Option<Member>> {
        let sources = self.sources(set, &Versions::default(), Wanted::Code(code)).await?;
        Expander::new(&sources, usize::MAX).find(set, system, code)
    }

    /// All codes of a value set, of at most so many, with these versions of its code systems. Those of loaded code systems are
    /// only those that have the words of a text.
    pub async fn expansion(
        &mut self,
        set: Arc<ValueSet>,
        versions: &Versions,
        text: &str,
        most: usize,
    ) -> Result<Expansion> {
        let set = versions.on(set)?;
        let sources = self.sources(&set, versions, Wanted::All(text, most)).await?;
        Expander::new(&sources, most).expand(&set)
    }

    /// All that a value set is made of, with these versions of code systems.
    async fn sources(&mut self, set: &ValueSet, versions: &Versions, wanted: Wanted<'_>) -> Result<Sources> {
        let mut sources = Sources::default();
        let mut asked = FxHashMap::default();
        let mut left: Vec<String> = self.direct_sources(&mut sources, set, wanted, &mut asked).await?;
        while let Some(canonical) = left.pop() {
            if sources.has_value_set(&canonical) {
                continue;
            }
            let found = self.value_set(&canonical).await?.map(|it| versions.on(it)).transpose()?;
            if let Some(found) = &found {
                left.extend(self.direct_sources(&mut sources, found, wanted, &mut asked).await?);
            }
            sources.add_value_set(canonical, found);
        }
        for (canonical, (loaded, codes)) in asked {
            let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
            let rows = loaded.around(self.ctx.session(), &codes, Around::Nothing).await?;
            let slice = self.slice(&loaded, &rows).await?;
            sources.add_code_system(canonical, Some(slice));
        }
        Ok(sources)
    }

    /// Enters the code systems that a value set names; the value sets that it names are returned. Of a loaded one is entered
    /// what its rules choose, or noted which of its codes they list.
    async fn direct_sources(
        &mut self,
        sources: &mut Sources,
        set: &ValueSet,
        wanted: Wanted<'_>,
        asked: &mut Asked,
    ) -> Result<Vec<String>> {
        for (canonical, rule) in set.rules().filter_map(|it| Some((it.code_system()?, it))) {
            if let Some(loaded) = self.release(&canonical).await? {
                match wanted {
                    Wanted::All(text, most) if rule.concepts.is_empty() => {
                        sources.add_choice(rule, self.choice(&loaded, rule, text, most).await);
                    }
                    Wanted::Code(code) if rule.concepts.is_empty() => {
                        sources.add_choice(rule, self.choice_of(&loaded, rule, code).await);
                    }
                    Wanted::All(..) => note(asked, canonical, loaded, rule.concepts.iter().map(|it| it.code.as_str())),
                    Wanted::Code(code) => note(asked, canonical, loaded, [code].into_iter()),
                }
            } else if !sources.has_code_system(&canonical) {
                let found = self.code_system(&canonical).await?;
                sources.add_code_system(canonical, found);
            }
            if sources.len() > SOURCES {
                let told = format!("The value set is made of more than {SOURCES} code systems and value sets.");
                return Err(Failure::new(IssueType::TooCostly, told));
            }
        }
        Ok(set.named_value_sets().map(str::to_owned).collect())
    }

    pub(super) async fn look<T>(&self, kind: Kind, canonical: &str, read: impl Fn(&Doc) -> T) -> Result<Found<T>> {
        if let Some(doc) = self.stored(kind, canonical).await? {
            return Ok(Found { it: Some(Arc::new(read(&doc))), is_stored: true });
        }
        Ok(Found { it: of_r4(kind, canonical).map(|it| Arc::new(read(&it))), is_stored: false })
    }

    /// The stored resource with this canonical: of the version asked for, else of the greatest; one that is retired only
    /// if there is no other.
    async fn stored(&self, kind: Kind, canonical: &str) -> Result<Option<Doc>> {
        let whole = self.with_url(kind, canonical, None).await?;
        match (whole, unversioned(canonical)) {
            (None, (url, Some(version))) => self.with_url(kind, url, Some(version)).await,
            (found, _) => Ok(found),
        }
    }

    async fn with_url(&self, kind: Kind, url: &str, version: Option<&str>) -> Result<Option<Doc>> {
        let found = match &self.past {
            Some(past) => past.with_url(self.ctx, kind, url).await?,
            None => self.found_by_url(kind.type_name(), url).await?,
        };
        let mut best: Option<Doc> = None;
        for doc in found {
            let is_asked = version.is_none_or(|it| doc.root().str("version") == Some(it));
            if is_asked && best.as_ref().is_none_or(|it| newer(&doc, it)) {
                best = Some(doc);
            }
        }
        Ok(best)
    }

    async fn found_by_url(&self, of: &str, url: &str) -> Result<Vec<Doc>> {
        let is_url = Test::Uri(ParamId::of(of, "url"), url.to_owned());
        let branch = Branch { of: of.to_owned(), filter: vec![Clause::Any(vec![is_url])], sort: Vec::new() };
        let page = self.ctx.session().search(&Plan { branches: vec![branch], after: None, limit: VERSIONS }).await?;
        page.found.iter().map(doc).collect()
    }
}

pub(super) fn doc(stored: &Stored) -> Result<Doc> {
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

/// Whether one is to be taken before another that came before it.
fn newer(this: &Doc, other: &Doc) -> bool {
    let is_current = |it: &Doc| it.root().str("status") != Some("retired");
    let version = |it: &Doc| it.root().str("version").unwrap_or_default().to_owned();
    let order = is_current(this).cmp(&is_current(other)).then_with(|| later(&version(this), &version(other)));
    order != Ordering::Less
}

/// What R4 publishes under a canonical, if it is of the version asked for.
fn of_r4(kind: Kind, canonical: &str) -> Option<Doc> {
    published(kind, canonical).or_else(|| {
        let (url, version) = unversioned(canonical);
        published(kind, url).filter(|it| version.is_none() || it.root().str("version") == version)
    })
}

/// That nobody has it.
pub(super) fn unknown(what: &str, canonical: &str) -> Failure {
    let told = format!("This server has no {what} {}.", shown(canonical));
    Failure::new(IssueType::NotFound, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_is_found_by_its_versions_only() {
        for (canonical, is_found) in [
            ("http://hl7.org/fhir/ValueSet/administrative-gender", true),
            ("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", true),
            ("http://hl7.org/fhir/ValueSet/administrative-gender|5.0.0", false),
            ("http://hl7.org/fhir/administrative-gender", false),
        ] {
            assert_eq!(of_r4(Kind::ValueSet, canonical).is_some(), is_found, "{canonical}");
        }
        // A URL of R4's with a bar in it.
        assert!(of_r4(Kind::CodeSystem, "http://terminology.hl7.org/CodeSystem/v2-0006|2.4").is_some());
    }
}
