//! Supplements (codesystem.html#supplements): other names and properties that a tenant adds to concepts of a code system
//! that is another's. Those that are not retired count wherever the code system is looked into.

use super::resolve::doc;
use crate::Resolver;
use fhir::json::Doc;
use fhir::search::{Clause, ParamId, Test};
use fhir::terminology::{CodeSystem, unversioned};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{Branch, Plan};

/// The most supplements of a code system.
const MOST: usize = 100;

impl Resolver<'_> {
    /// Adds what the tenant's supplements say to a code system; whether they say something.
    pub(super) async fn supplement(&mut self, system: &mut CodeSystem) -> Result<bool> {
        let supplements = self.supplements(&system.url).await?;
        for supplement in supplements.iter() {
            let version = supplement.root().str("supplements").and_then(|it| unversioned(it).1);
            if version.is_none() || version == system.version.as_deref() {
                system.supplement(supplement.root());
            }
        }
        Ok(!supplements.is_empty())
    }

    /// The tenant's supplements of the code system with this URL, of any version.
    async fn supplements(&mut self, url: &str) -> Result<Arc<Vec<Doc>>> {
        let known = self.kept().supplements.get(url).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let all = match &self.past {
            Some(past) => past.supplements_of(self.ctx, url).await?,
            None => self.found_supplements(url).await?,
        };
        if all.len() > MOST {
            let told =
                format!("A code system has more than {MOST} supplements, which is more than are taken together.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let is_meant =
            |it: &Doc| it.root().str("content") == Some("supplement") && it.root().str("status") != Some("retired");
        let meant: Arc<Vec<Doc>> = Arc::new(all.into_iter().filter(is_meant).collect());
        let mut kept = self.kept();
        kept.grow(meant.iter().map(|it| it.source().len() / 100).sum());
        kept.supplements.insert(url.to_owned(), meant.clone());
        Ok(meant)
    }

    async fn found_supplements(&self, url: &str) -> Result<Vec<Doc>> {
        let is_url = Test::Url(ParamId::of("CodeSystem", "supplements"), url.to_owned());
        let branch = Branch { of: "CodeSystem".into(), filter: vec![Clause::Any(vec![is_url])], sort: Vec::new() };
        let page = self.ctx.session().search(&Plan { branches: vec![branch], after: None, limit: MOST + 1 }).await?;
        page.found.iter().map(doc).collect()
    }
}
