//! Terminology as it was at a time that is past: by the versions of a tenant's CodeSystems and ValueSets that were current then. What R4
//! publishes is the same at all times. When code systems were loaded is not kept, so that of these a version must be named.

use super::loaded::Loaded;
use super::resolve::doc;
use crate::Context;
use fhir::json::Doc;
use fhir::outcome::shown;
use fhir::terminology::{Kind, unversioned};
use fhir::{Failure, IssueType, Result};
use store::{History, Key, Scope};
use tokio::sync::OnceCell;

/// The most resources of a type that are looked through.
const MOST: usize = 5_000;
/// How many of them are read at once.
const PAGE: usize = 50;

/// Which version of a resource was current, and what it is found by. What else it has is read where it is needed: a tenant may
/// have many that are large.
struct Then {
    url: Option<String>,
    supplements: Option<String>,
    key: Key,
    version: i64,
}

/// A time that is past, and what is known of it.
pub(super) struct Past {
    at_ms: i64,
    code_systems: OnceCell<Vec<Then>>,
    value_sets: OnceCell<Vec<Then>>,
}

impl Past {
    pub(super) fn new(at_ms: i64) -> Past {
        Past { at_ms, code_systems: OnceCell::new(), value_sets: OnceCell::new() }
    }

    /// The resources of this kind that had this URL.
    pub(super) async fn with_url(&self, ctx: &Context, kind: Kind, url: &str) -> Result<Vec<Doc>> {
        self.those(ctx, kind, |it| it.url.as_deref() == Some(url)).await
    }

    /// The code systems that were supplements of the one with this URL.
    pub(super) async fn supplements_of(&self, ctx: &Context, url: &str) -> Result<Vec<Doc>> {
        let names = |it: &Then| it.supplements.as_deref().is_some_and(|it| unversioned(it).0 == url);
        self.those(ctx, Kind::CodeSystem, names).await
    }

    /// Fails where a release is meant without its version: which was the latest then is not known.
    pub(super) fn needs_version(&self, loaded: &Loaded, canonical: &str) -> Result<()> {
        if unversioned(canonical).1.is_some() {
            return Ok(());
        }
        let told = format!(
            "When versions of {} were loaded is not kept: for a date that is past, name the version.",
            shown(&loaded.url)
        );
        Err(Failure::new(IssueType::NotSupported, told))
    }

    async fn those(&self, ctx: &Context, kind: Kind, is_meant: impl Fn(&Then) -> bool) -> Result<Vec<Doc>> {
        let all = match kind {
            Kind::CodeSystem => &self.code_systems,
            Kind::ValueSet => &self.value_sets,
            Kind::ConceptMap => return Err(Failure::internal("no operation asks for a concept map that was")),
        };
        let all = all.get_or_try_init(|| self.read(ctx, kind.type_name())).await?;
        let mut meant = Vec::new();
        for it in all.iter().filter(|it| is_meant(it)) {
            if let Some(stored) = ctx.session().read_version(&it.key, it.version).await? {
                meant.push(doc(&stored)?);
            }
        }
        Ok(meant)
    }

    async fn read(&self, ctx: &Context, of: &str) -> Result<Vec<Then>> {
        let at = Some((self.at_ms, self.at_ms));
        let mut history = History { scope: Scope::Type(of.to_owned()), since: None, at, before: None, limit: PAGE };
        let mut found = Vec::new();
        loop {
            let page = ctx.session().history(&history).await?;
            if page.total > MOST as i64 {
                let told = format!(
                    "The tenant had more than {MOST} resources of type {of} then, which is too many to look through."
                );
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            for stored in page.versions.iter().filter(|it| !it.is_deleted()) {
                let doc = doc(stored)?;
                let text = |name: &str| doc.root().str(name).map(str::to_owned);
                let (key, version) = (stored.key.clone(), stored.version);
                found.push(Then { url: text("url"), supplements: text("supplements"), key, version });
            }
            match page.next {
                Some(next) => history.before = Some(next),
                None => return Ok(found),
            }
        }
    }
}
