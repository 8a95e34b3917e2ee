//! Concept maps by their canonical URLs, and by the code systems that they are about.

use super::loaded::Loaded;
use super::resolve::doc;
use super::{Around, Resolver};
use fhir::json::Doc;
use fhir::search::{Clause, ParamId, Test};
use fhir::terminology::{ConceptMap, Kind, published, published_urls};
use fhir::{Failure, IssueType, Result};
use serde_json::json;
use std::sync::Arc;
use store::{Branch, Plan, Terms};

/// The most concept maps that are looked into at once.
const MOST: usize = 100;
/// The most concepts that one has taken the place of.
const MOST_REPLACED: usize = 1000;

/// SNOMED CT's associations that are concept maps, with how the concept in the place of another stands to that
/// (snomedct.html#implicit-cm).
const ASSOCIATIONS: [(&str, &str); 4] = [
    ("900000000000523009", "inexact"),
    ("900000000000526001", "equivalent"),
    ("900000000000527005", "equal"),
    ("900000000000530003", "inexact"),
];

impl Resolver<'_> {
    /// The concept map with this canonical URL; `None` if there is none.
    pub async fn concept_map(&mut self, canonical: &str) -> Result<Option<Arc<ConceptMap>>> {
        let found = self.look(Kind::ConceptMap, canonical, |it| ConceptMap::read(it.root())).await?;
        self.let_use(Kind::ConceptMap, found)
    }

    /// The same; and the implicit one of a loaded SNOMED CT, `[edition]?fhir_cm=[association]`, as far as it is about this code.
    pub async fn concept_map_of(
        &mut self,
        canonical: &str,
        code: &str,
        is_reverse: bool,
    ) -> Result<Option<Arc<ConceptMap>>> {
        if let Some(found) = self.concept_map(canonical).await? {
            return Ok(Some(found));
        }
        let implicit = canonical.split_once("?fhir_cm=").and_then(|(edition, set)| {
            let (set, equivalence) = ASSOCIATIONS.iter().find(|it| it.0 == set)?;
            let system = "http://snomed.info/sct";
            let is_edition = edition.strip_prefix(system)?.starts_with('/');
            Some((if is_edition { format!("{system}|{edition}") } else { edition.to_owned() }, set, equivalence))
        });
        let Some((system, set, equivalence)) = implicit else { return Ok(None) };
        let Some(loaded) = self.release(&system).await? else { return Ok(None) };
        let pairs = match is_reverse {
            false => self.replacing(&loaded, set, code).await?.into_iter().map(|it| (code.to_owned(), it)).collect(),
            true => self.replaced(&loaded, set, code).await?.into_iter().map(|it| (it, code.to_owned())).collect(),
        };
        Ok(Some(Arc::new(map(canonical, &loaded.url, equivalence, pairs)?)))
    }

    /// The concepts that took the place of one.
    async fn replacing(&self, loaded: &Loaded, set: &str, code: &str) -> Result<Vec<String>> {
        let rows = loaded.around(self.ctx.session(), &[code], Around::Nothing).await?;
        let properties = rows.iter().flat_map(|it| it.said.root().get("property")).flat_map(|it| it.each());
        let targets = properties.filter(|it| it.str("code") == Some(set)).filter_map(|it| it.str("valueCode"));
        Ok(targets.map(str::to_owned).collect())
    }

    /// The concepts that one took the place of.
    async fn replaced(&self, loaded: &Loaded, set: &str, code: &str) -> Result<Vec<String>> {
        let session = self.ctx.session();
        let found = loaded.posted(session, set, Terms::Is(code), 1).await?.pop().unwrap_or_default();
        let rows = loaded.at(session, &found.1.page(0, MOST_REPLACED)).await?;
        Ok(rows.iter().filter_map(|it| it.said.root().str("code")).map(str::to_owned).collect())
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

/// A map of these codes to others of their code system.
fn map(url: &str, system: &str, equivalence: &str, pairs: Vec<(String, String)>) -> Result<ConceptMap> {
    let element =
        |(from, to): (String, String)| json!({ "code": from, "target": [{ "code": to, "equivalence": equivalence }] });
    let elements: Vec<_> = pairs.into_iter().map(element).collect();
    let resource = json!({ "url": url, "group": [{ "source": system, "target": system, "element": elements }] });
    let doc = Doc::parse(resource.to_string()).map_err(Failure::internal)?;
    Ok(ConceptMap::read(doc.root()))
}
