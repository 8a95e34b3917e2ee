//! Code systems that were loaded from their publishers' files: what of them a question is about is read from the store, and
//! becomes a code system that has just that (docs/decisions/0020-loaded-code-systems.md).

use crate::Resolver;
use fhir::outcome::shown;
use fhir::terminology::release::{About, Links, Places, Row, is_version, later};
use fhir::terminology::{CodeSystem, Subsumption, unversioned};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{ReleaseConcept, Session, Terms};

/// A release, with what is known of it as a whole.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) number: i64,
    pub(super) url: String,
    pub(super) version: String,
    pub(super) about: About,
}

/// What a question needs besides the concepts that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// Nothing.
    Nothing,
    /// The concepts directly above and beneath each.
    Neighbours,
    /// All concepts above each.
    Above,
    /// All concepts beneath each, unless they are more than this.
    Below(usize),
}

/// The tenant's releases.
pub(super) async fn releases(session: &dyn Session) -> Result<Vec<Arc<Loaded>>> {
    let read = |it: store::Release| {
        Ok(Arc::new(Loaded { number: it.number, url: it.url, version: it.version, about: About::read(&it.about)? }))
    };
    session.releases().await?.into_iter().map(read).collect()
}

/// The release with this canonical: of the version asked for, else of the latest.
pub(super) fn with_canonical<'l>(all: &'l [Arc<Loaded>], canonical: &str) -> Option<&'l Arc<Loaded>> {
    let (url, version) = unversioned(canonical);
    let fitting = all.iter().filter(|it| it.url == url && version.is_none_or(|asked| is_version(&it.version, asked)));
    fitting.max_by(|a, b| later(&a.version, &b.version).then(a.number.cmp(&b.number)))
}

impl Loaded {
    /// Fails where no concept subsumes another by what the publisher says.
    pub(super) fn needs_subsumption(&self) -> Result<()> {
        match self.about.has_subsumption {
            true => Ok(()),
            false => {
                let told = format!("No code of {} subsumes another: it defines no such hierarchy.", shown(&self.url));
                Err(Failure::new(IssueType::NotSupported, told))
            }
        }
    }

    /// The links of a concept; fails where there is none with this code.
    pub(super) async fn links(&self, session: &dyn Session, code: &str) -> Result<(u32, Links)> {
        let spelled = self.about.spelled(code);
        let found = self.with_codes(session, &[&spelled]).await?.pop();
        let found = found.ok_or_else(|| {
            let told = format!("The code system {} has no code {}.", shown(&self.url), shown(code));
            Failure::new(IssueType::CodeInvalid, told)
        })?;
        Ok((u32::try_from(found.place).map_err(Failure::internal)?, Links::read(&found.links)?))
    }

    /// The values of a property, or the words, each with the places of the concepts that have it.
    pub(super) async fn posted(
        &self,
        session: &dyn Session,
        property: &str,
        terms: Terms<'_>,
        most: usize,
    ) -> Result<Vec<(String, Places)>> {
        let found = session.postings(self.number, property, terms, most).await?;
        let read = |(term, bytes): (String, Vec<u8>)| {
            let places = Places::read(&mut bytes.as_slice());
            Ok((term, places.ok_or_else(|| Failure::internal("a set of places is broken"))?))
        };
        found.into_iter().map(read).collect()
    }

    async fn with_codes(&self, session: &dyn Session, codes: &[&str]) -> Result<Vec<ReleaseConcept>> {
        let found = session.concepts_with(self.number, codes).await?;
        // What is not found may be gone: the release was loaded anew since this one was looked up.
        if found.len() < codes.len() && !session.releases().await?.iter().any(|it| it.number == self.number) {
            return Err(self.gone());
        }
        Ok(found)
    }

    fn gone(&self) -> Failure {
        let told = format!("The code system {} was loaded anew meanwhile; ask again.", shown(&self.url));
        Failure::new(IssueType::Transient, told)
    }

    /// The concepts at these places.
    pub(super) async fn at(&self, session: &dyn Session, places: &[u32]) -> Result<Vec<Row>> {
        let places: Vec<i64> = places.iter().map(|it| i64::from(*it)).collect();
        let found = session.concepts_at(self.number, &places).await?;
        if found.len() < places.len() {
            return Err(self.gone());
        }
        let mut rows = found.iter().map(row).collect::<Result<Vec<_>>>()?;
        rows.sort_unstable_by_key(|it| it.place);
        Ok(rows)
    }

    /// The concepts with these codes, of those that there are, and what is around them.
    pub(super) async fn around(&self, session: &dyn Session, codes: &[&str], around: Around) -> Result<Vec<Row>> {
        let mut spelled: Vec<_> = codes.iter().map(|it| self.about.spelled(it)).collect();
        spelled.sort_unstable();
        spelled.dedup();
        let spelled: Vec<&str> = spelled.iter().map(AsRef::as_ref).collect();
        let found = self.with_codes(session, &spelled).await?;
        let mut rows = found.iter().map(row).collect::<Result<Vec<_>>>()?;
        let asked = Places::of(rows.iter().map(|it| it.place..it.place + 1).collect());
        let mut near = Places::default();
        for Row { links, .. } in &rows {
            near = match around {
                Around::Nothing => near,
                Around::Neighbours => near.or(&links.parents).or(&links.children),
                Around::Above => near.or(&links.above),
                Around::Below(_) => near.or(&links.below),
            };
        }
        if let Around::Below(most) = around
            && near.len() > most
        {
            let told = format!("There are more than {most} such codes, which is more than a search looks for.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        rows.extend(self.at(session, &near.without(&asked).page(0, usize::MAX)).await?);
        Ok(rows)
    }
}

fn row(concept: &ReleaseConcept) -> Result<Row> {
    Row::read(concept.place, &concept.links, &concept.about)
}

impl Resolver<'_> {
    /// What is known of these codes in the code system with this canonical: all of one that is held whole, of one that was
    /// loaded these and what is around them. `None` if there is none.
    pub async fn concepts(
        &mut self,
        canonical: &str,
        codes: &[&str],
        around: Around,
    ) -> Result<Option<Arc<CodeSystem>>> {
        match self.release(canonical).await? {
            Some(loaded) => {
                let rows = loaded.around(self.ctx.session(), codes, around).await?;
                Ok(Some(self.slice(&loaded, &rows).await?))
            }
            None => self.code_system(canonical).await,
        }
    }

    /// The same, of a hierarchy; fails if there is none, and if not all its codes are here.
    pub async fn hierarchy(&mut self, canonical: &str, codes: &[&str], around: Around) -> Result<Arc<CodeSystem>> {
        if let Some(loaded) = self.release(canonical).await? {
            loaded.needs_subsumption()?;
        }
        let found = self.concepts(canonical, codes, around).await?;
        let found = found.ok_or_else(|| super::resolve::unknown("code system", canonical))?;
        found.needs_whole()?;
        Ok(found)
    }

    /// How the first of two codes stands to the second. Of a loaded code system their own rows tell it, however many concepts
    /// are above them.
    pub async fn subsumption(&mut self, canonical: &str, codes: [&str; 2]) -> Result<Subsumption> {
        let [first, second] = codes;
        let Some(loaded) = self.release(canonical).await? else {
            return self.hierarchy(canonical, &codes, Around::Above).await?.subsumption(first, second);
        };
        loaded.needs_subsumption()?;
        let (place, links) = loaded.links(self.ctx.session(), first).await?;
        let (other, _) = loaded.links(self.ctx.session(), second).await?;
        Ok(match (place == other, links.below.has(other), links.above.has(other)) {
            (true, ..) => Subsumption::Equivalent,
            (_, true, _) => Subsumption::Subsumes,
            (_, _, true) => Subsumption::SubsumedBy,
            _ => Subsumption::NotSubsumed,
        })
    }

    /// These concepts of a release as a code system, with what the tenant's supplements say of them.
    pub(super) async fn slice(&mut self, loaded: &Loaded, rows: &[Row]) -> Result<Arc<CodeSystem>> {
        let mut slice = CodeSystem::of_release(&loaded.url, &loaded.version, &loaded.about, rows);
        self.supplement(&mut slice).await?;
        Ok(Arc::new(slice))
    }
}
