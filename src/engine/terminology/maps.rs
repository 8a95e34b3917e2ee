//! Concept maps by their canonical URLs, and by the code systems that they are about.

use super::Resolver;
use super::resolve::doc;
use fhir::search::{Clause, ParamId, Test};
use fhir::terminology::{ConceptMap, Kind, published, published_urls};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{Branch, Plan};

/// The most concept maps that are looked into at once.
const MOST: usize = 100;

impl Resolver<'_> {
    /// The concept map with this canonical URL; `None` if there is none.
    pub async fn concept_map(&mut self, canonical: &str) -> Result<Option<Arc<ConceptMap>>> {
        let found = self.look(Kind::ConceptMap, canonical, |it| ConceptMap::read(it.root())).await?;
        self.let_use(Kind::ConceptMap, found)
    }

    /// The tenant's concept maps from a code system (or to it), and all of R4's.
    pub async fn concept_maps_of(&mut self, system: &str, is_reverse: bool) -> Result<Vec<Arc<ConceptMap>>> {
        self.used(Kind::ConceptMap)?;
        let of = Kind::ConceptMap.type_name();
        let side = ParamId::of(of, if is_reverse { "target-system" } else { "source-system" });
        let filter = vec![Clause::Any(vec![Test::Uri(side, system.to_owned())])];
        let branch = Branch { of: of.to_owned(), filter, sort: Vec::new() };
        let page = self.ctx.session().search(&Plan { branches: vec![branch], after: None, limit: MOST }).await?;
        if page.next.is_some() {
            let told = format!("More than {MOST} concept maps are about this code system; name one by url.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let stored = page.found.iter().map(doc).collect::<Result<Vec<_>>>()?;
        let of_r4 = published_urls(Kind::ConceptMap).filter_map(|it| published(Kind::ConceptMap, it));
        Ok(stored.into_iter().chain(of_r4).map(|it| Arc::new(ConceptMap::read(it.root()))).collect())
    }
}
