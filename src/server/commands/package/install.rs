//! Installing: each resource of a package that has a canonical URL, through the engine's own door.

use super::archive::Archive;
use super::record;
use anyhow::Result;
use engine::{Context, Engine, Headers, Request, Verb};
use fhir::Failure;
use fhir::json::{Doc, Value, write_compact};
use fhir::spec::r4;
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::fmt;

/// Profiles and extensions come last: what they name is there then, and they are read anew once.
const LAST: &str = "StructureDefinition";
/// The longest id (datatypes.html#id).
const LONGEST_ID: usize = 64;

/// What became of a package's resources.
#[derive(Default)]
pub struct Report {
    package: String,
    installed: usize,
    /// Those that are there as the package has them.
    same: usize,
    /// URLs of those that are there with other content.
    other: Vec<String>,
    /// Files that were refused, and why.
    refused: Vec<String>,
}

impl Report {
    /// Whether nothing was refused.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.refused {
            writeln!(f, "refused: {line}")?;
        }
        for url in &self.other {
            writeln!(f, "left as it is, though the package has it with other content: {url}")?;
        }
        let (name, new, there, refused) = (&self.package, self.installed, self.same, self.refused.len());
        write!(
            f,
            "{name}: {new} resources installed; {} were there already; {refused} refused",
            there + self.other.len()
        )
    }
}

/// A resource of a package, told by its canonical URL.
struct Canonical<'a> {
    file: &'a str,
    doc: Doc,
}

impl Canonical<'_> {
    fn of(&self) -> &str {
        self.doc.root().str("resourceType").unwrap_or_default()
    }

    /// URL and version, as a canonical has them (references.html#canonical).
    fn name(&self) -> String {
        canonical(self.doc.root())
    }

    /// The resource's own id; another one made of its name if that is taken.
    fn id(&self, is_taken: bool) -> String {
        let digest = Sha256::digest(self.name().as_bytes());
        let digest: String = digest.iter().take(4).map(|it| format!("{it:02x}")).collect();
        match self.doc.root().str("id").filter(|it| fhir::primitive::is_id(it)) {
            Some(id) if !is_taken => id.to_owned(),
            Some(id) => format!("{}-{digest}", &id[..id.len().min(LONGEST_ID - 1 - digest.len())]),
            None => digest,
        }
    }
}

fn canonical(resource: Value<'_>) -> String {
    let url = resource.str("url").unwrap_or_default();
    resource.str("version").map_or_else(|| url.to_owned(), |it| format!("{url}|{it}"))
}

/// Installs a package, and records that it is.
pub async fn install(engine: &Engine, ctx: &Context, archive: &Archive) -> Result<Report> {
    let mut report = Report { package: archive.manifest.id(), ..Report::default() };
    let resources = canonicals(engine, archive, &mut report);
    let bar = bar(resources.len(), &report.package);
    let mut keys = Vec::with_capacity(resources.len());
    for resource in &resources {
        match install_one(engine, ctx, resource, &mut report).await {
            Ok(key) => keys.push(key),
            Err(failure) => report.refused.push(format!("{}: {failure}", resource.file)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    record::record(engine, ctx, &archive.manifest, &keys).await?;
    Ok(report)
}

/// What of a package is installed, what others build on first.
fn canonicals<'a>(engine: &Engine, archive: &'a Archive, report: &mut Report) -> Vec<Canonical<'a>> {
    let mut all = Vec::new();
    for (file, text) in &archive.files {
        match Doc::parse_within(text.as_str(), &engine.settings().json) {
            Ok(doc) if is_canonical(doc.root()) => all.push(Canonical { file, doc }),
            Ok(_) => {}
            Err(error) => report.refused.push(format!("{file}: {error}")),
        }
    }
    all.sort_by_key(|it| it.of() == LAST);
    all
}

/// Whether this is a resource that is found by its URL. The package's own ImplementationGuide is not among them: what is
/// recorded stands for it.
fn is_canonical(resource: Value<'_>) -> bool {
    let of = resource.str("resourceType").filter(|it| *it != record::IMPLEMENTATION_GUIDE);
    let of = of.and_then(|it| r4().resource(it));
    let is_canonical = of.is_some_and(|it| ["url", "version"].iter().all(|name| r4().of(it).element(name).is_some()));
    is_canonical && resource.str("url").is_some()
}

/// Puts a resource in, unless it is there: `Type/id` of what is there then.
async fn install_one(
    engine: &Engine,
    ctx: &Context,
    resource: &Canonical<'_>,
    report: &mut Report,
) -> Result<String, Failure> {
    if let Some((key, is_same)) = present(engine, ctx, resource).await? {
        if is_same {
            report.same += 1;
        } else {
            report.other.push(resource.name());
        }
        return Ok(key);
    }
    let own = format!("{}/{}", resource.of(), resource.id(false));
    let is_taken = get(engine, ctx, &own, String::new()).await.is_ok();
    let id = resource.id(is_taken);
    let key = format!("{}/{id}", resource.of());
    put(engine, ctx, &key, with_id(resource.doc.root(), &id)).await?;
    report.installed += 1;
    Ok(key)
}

/// What the tenant has of this URL and version, and whether it says the same.
async fn present(engine: &Engine, ctx: &Context, resource: &Canonical<'_>) -> Result<Option<(String, bool)>, Failure> {
    let root = resource.doc.root();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("url", root.str("url").unwrap_or_default());
    let found = get(engine, ctx, resource.of(), query.finish()).await?;
    let entries = found.root().get("entry").into_iter().flat_map(Value::each).filter_map(|it| it.get("resource"));
    let mut same_name = entries.filter(|it| it.str("version") == root.str("version"));
    let there = same_name.next();
    Ok(there.map(|it| (format!("{}/{}", resource.of(), it.str("id").unwrap_or_default()), is_same(it, root))))
}

/// Whether two resources say the same, but for who they are and what the server noted.
fn is_same(one: Value<'_>, other: Value<'_>) -> bool {
    let said = |it: &Value<'_>| !matches!(it.key(), "id" | "meta");
    let holds = |a: Value<'_>, b: Value<'_>| {
        a.children().filter(said).all(|it| b.get(it.key()).is_some_and(|other| it.same(other)))
    };
    holds(one, other) && holds(other, one)
}

fn with_id(resource: Value<'_>, id: &str) -> String {
    let mut out = format!("{{\"id\":{}", fhir::json::quote(id));
    for member in resource.children().filter(|it| it.key() != "id") {
        out.push_str(&format!(",{}:", fhir::json::quote(member.key())));
        write_compact(&mut out, member);
    }
    out.push('}');
    out
}

/// GET of an address below the tenant's base.
pub async fn get(engine: &Engine, ctx: &Context, path: &str, query: String) -> Result<Doc, Failure> {
    let request =
        Request { verb: Verb::Get, path: path.into(), query, headers: Headers::default(), body: Default::default() };
    let answer = engine.perform(ctx, request).await?;
    let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

/// PUT of a resource.
pub async fn put(engine: &Engine, ctx: &Context, key: &str, body: String) -> Result<(), Failure> {
    let (query, headers) = (String::new(), Headers::default());
    let request = Request { verb: Verb::Put, path: key.into(), query, headers, body: body.into() };
    engine.perform(ctx, request).await.map(|_| ())
}

/// How far the installation is, on a terminal.
fn bar(count: usize, package: &str) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_message(package.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}
