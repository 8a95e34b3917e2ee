//! What is installed: an ImplementationGuide (implementationguide.html) for each package, which lists its resources.

use super::install::{get, put};
use super::manifest::{self, Manifest, is_asked};
use anyhow::{Context as _, Result};
use engine::{Context, Engine};
use fhir::json::Value;
use serde_json::{Value as Json, json};
use std::fmt;

/// The resource type.
pub const IMPLEMENTATION_GUIDE: &str = "ImplementationGuide";
/// Where the guides of packages are that say nothing of it.
const HERE: &str = "https://medisync.dev/fhir";

/// A package that is installed.
#[derive(Debug, PartialEq, Eq)]
pub struct Installed {
    name: String,
    version: String,
    title: Option<String>,
    resources: usize,
}

impl Installed {
    /// Whether this is a package in a version that is asked for.
    pub fn is(&self, name: &str, asked: &str) -> bool {
        self.name == name && is_asked(&self.version, asked)
    }
}

impl fmt::Display for Installed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}  {} resources", self.name, self.version, self.resources)?;
        self.title.iter().try_for_each(|it| write!(f, "  {it}"))
    }
}

/// Notes that a package is installed, with the resources it has in the tenant.
pub async fn record(engine: &Engine, ctx: &Context, manifest: &Manifest, keys: &[String]) -> Result<()> {
    let id = manifest.id();
    let base = manifest.canonical.as_deref().unwrap_or(HERE);
    let mut guide = json!({
        "resourceType": IMPLEMENTATION_GUIDE,
        "id": id,
        "url": format!("{base}/{IMPLEMENTATION_GUIDE}/{}", manifest.name),
        "version": manifest.version,
        "name": manifest.name,
        "status": "active",
        "packageId": manifest.name,
        "fhirVersion": ["4.0.1"],
    });
    if let Some(title) = &manifest.title {
        guide["title"] = title.as_str().into();
    }
    if !keys.is_empty() {
        let resources: Vec<Json> = keys.iter().map(|it| json!({ "reference": { "reference": it } })).collect();
        guide["definition"] = json!({ "resource": resources });
    }
    let key = format!("{IMPLEMENTATION_GUIDE}/{id}");
    put(engine, ctx, &key, guide.to_string()).await.context("cannot record that the package is installed")
}

/// The packages that are installed, by name and version: guides that have the id of a package's record.
pub async fn installed(engine: &Engine, ctx: &Context) -> Result<Vec<Installed>> {
    let mut all = Vec::new();
    let mut query = "_count=200".to_owned();
    loop {
        let page = get(engine, ctx, IMPLEMENTATION_GUIDE, query).await?;
        let list = |name: &str| page.root().get(name).into_iter().flat_map(Value::each);
        all.extend(list("entry").filter_map(|it| of_guide(it.get("resource")?)));
        let next = list("link").find(|it| it.str("relation") == Some("next"));
        match next.and_then(|it| it.str("url")?.split_once('?')) {
            Some((_, rest)) => query = rest.to_owned(),
            None => break,
        }
    }
    all.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(all)
}

fn of_guide(guide: Value<'_>) -> Option<Installed> {
    let (name, version) = (guide.str("packageId")?.to_owned(), guide.str("version")?.to_owned());
    let resources = guide.get("definition").and_then(|it| it.get("resource")).map_or(0, |it| it.each().count());
    let title = guide.str("title").map(str::to_owned);
    let is_ours = guide.str("id") == Some(&manifest::id(&name, &version));
    is_ours.then_some(Installed { name, version, title, resources })
}

/// A sentence for each package that one of these builds on and that is not installed.
pub async fn missing(
    engine: &Engine,
    ctx: &Context,
    manifests: impl Iterator<Item = &Manifest>,
) -> Result<Vec<String>> {
    let there = installed(engine, ctx).await?;
    let has = |name: &str, asked: &str| there.iter().any(|it| it.is(name, asked));
    let mut all = Vec::new();
    for manifest in manifests {
        let needs = manifest.needs().filter(|(name, asked)| !has(name, asked));
        all.extend(needs.map(|(name, asked)| {
            format!("not installed: {name}@{asked}, which {} builds on; what it defines is not checked", manifest.id())
        }));
    }
    Ok(all)
}
