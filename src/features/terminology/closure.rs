//! `$closure` (terminology-service.html#closure): which of the concepts that a client uses subsume which.
//!
//! What a caller told of is kept in a Basic resource of the tenant, one for each of the caller's names: its versions are the
//! versions of the table, so that what is new since one of them can be told again. Another caller's table of the same name
//! is another one.

use super::asked::{self, Asked, needed_system};
use engine::{Answer, Around, Call, Headers, Request, Resolver, Verb};
use fhir::json::{Doc, Value};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use store::{Key, Stored};

/// The extension that holds a concept of a table.
const CONCEPT: &str = "https://medisync.dev/fhir/StructureDefinition/closure-concept";
/// The most concepts of a table.
const MOST: usize = 10_000;
/// How often a table is written anew if others write it at the same time.
const ATTEMPTS: usize = 8;

/// Code systems with codes.
type Concepts = BTreeSet<(String, String)>;
/// A code system, a code, and a code that subsumes it.
type Entries = BTreeSet<(String, String, String)>;

pub(super) async fn closure(call: Call<'_>) -> Result<Answer> {
    let name = call.arguments.text("name").unwrap_or_default();
    let key = key(&call.ctx.caller().subject, name)?;
    let concepts: Vec<Value<'_>> = call.arguments.elements("concept").collect();
    match (call.arguments.text("version"), concepts.is_empty()) {
        (None, true) => begin(&call, name, &key).await,
        (None, false) => add(&call, name, &key, &told(&concepts)?).await,
        (Some(version), true) => since(&call, name, &key, version).await,
        (Some(_), false) => Err(Failure::new(IssueType::Invalid, "Give either concepts or a version.")),
    }
}

/// An empty table, whether or not there was one.
async fn begin(call: &Call<'_>, name: &str, key: &Key) -> Result<Answer> {
    let version = write(call, name, key, &Concepts::new(), None).await?;
    answer(name, version, Entries::new())
}

/// The entries that these concepts add.
async fn add(call: &Call<'_>, name: &str, key: &Key, told: &Concepts) -> Result<Answer> {
    let mut resolver = call.engine.resolver(call.ctx).await?;
    let mut attempt = 1;
    loop {
        let table = current(call, name, key).await?;
        let before = concepts(&table)?;
        let after: Concepts = before.union(told).cloned().collect();
        if after.len() > MOST {
            let told = format!("A closure table holds {MOST} concepts at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let fresh = &entries(&mut resolver, &after).await? - &entries(&mut resolver, &before).await?;
        if after == before {
            return answer(name, table.version, fresh);
        }
        match write(call, name, key, &after, Some(table.version)).await {
            Err(failure) if failure.status == 412 && attempt < ATTEMPTS => attempt += 1,
            written => return answer(name, written?, fresh),
        }
    }
}

/// The entries that came after a version.
async fn since(call: &Call<'_>, name: &str, key: &Key, version: &str) -> Result<Answer> {
    let table = current(call, name, key).await?;
    let known = version.parse().ok().filter(|it| *it >= 1);
    let then = match known {
        Some(version) => call.ctx.session().read_version(key, version).await?,
        None => None,
    };
    let then = then.ok_or_else(|| {
        let told = format!("The closure table {name} has no version {}.", shown(version));
        Failure::new(IssueType::NotFound, told)
    })?;
    let mut resolver = call.engine.resolver(call.ctx).await?;
    let now = entries(&mut resolver, &concepts(&table)?).await?;
    let then = entries(&mut resolver, &concepts(&then)?).await?;
    answer(name, table.version, &now - &then)
}

/// Where a caller's table is kept.
fn key(caller: &str, name: &str) -> Result<Key> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '.';
    if (1..=56).contains(&name.len()) && name.chars().all(is_plain) {
        // A name has no slash: where the caller's ends can be told.
        let mut id: String = Sha256::digest(format!("{caller}/{name}")).iter().map(|it| format!("{it:02x}")).collect();
        id.truncate(56);
        return Ok(Key::new("Basic", format!("closure-{id}")));
    }
    Err(Failure::new(IssueType::Value, "The name of a closure table has up to 56 letters, digits, '-' and '.'."))
}

async fn current(call: &Call<'_>, name: &str, key: &Key) -> Result<Stored> {
    let table = call.ctx.session().read(key).await?.filter(|it| !it.is_deleted());
    table.ok_or_else(|| {
        let told = format!("There is no closure table {name}; begin it by a call without concepts.");
        Failure::new(IssueType::NotFound, told)
    })
}

/// The concepts that a client tells of.
fn told(codings: &[Value<'_>]) -> Result<Concepts> {
    let read = |coding: &Value<'_>| {
        let missing = || Failure::new(IssueType::Required, "Each concept is a Coding with system and code.");
        let Asked { system, code, .. } = asked::coding(*coding).ok_or_else(missing)?;
        Ok((needed_system(system.as_deref())?.to_owned(), code))
    };
    codings.iter().map(read).collect()
}

/// The concepts of a stored table.
fn concepts(table: &Stored) -> Result<Concepts> {
    let text = std::str::from_utf8(&table.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let extensions = doc.root().get("extension").into_iter().flat_map(Value::each);
    let codings = extensions.filter(|it| it.str("url") == Some(CONCEPT)).filter_map(|it| it.get("valueCoding"));
    told(&codings.collect::<Vec<_>>())
}

/// Which of these concepts subsume which, each with all that subsume it.
async fn entries(resolver: &mut Resolver<'_>, concepts: &Concepts) -> Result<Entries> {
    let mut entries = Entries::new();
    let mut by_system: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (system, code) in concepts {
        by_system.entry(system).or_default().insert(code);
    }
    for (url, codes) in by_system {
        let asked: Vec<&str> = codes.iter().copied().collect();
        let system = resolver.hierarchy(url, &asked, Around::Above).await?;
        for code in &codes {
            let above = system.at_or_above(code)?.into_iter().filter(|it| it != code && codes.contains(it));
            entries.extend(above.map(|it| (url.to_owned(), (*code).to_owned(), it.to_owned())));
        }
    }
    Ok(entries)
}

/// Stores a table, by the same way as every resource, and gives its version. A caller who may call the operation needs
/// no access to Basic resources.
async fn write(call: &Call<'_>, name: &str, key: &Key, concepts: &Concepts, over: Option<i64>) -> Result<i64> {
    let extensions: Vec<Json> = concepts
        .iter()
        .map(|(system, code)| json!({ "url": CONCEPT, "valueCoding": { "system": system, "code": code } }))
        .collect();
    let mut body =
        json!({ "resourceType": "Basic", "id": key.id, "code": { "text": format!("Closure table {name}") } });
    if !extensions.is_empty() {
        body["extension"] = extensions.into();
    }
    let headers = Headers { if_match: over.map(|it| format!("W/\"{it}\"")), ..Headers::default() };
    let request = Request {
        verb: Verb::Put,
        path: key.to_string(),
        query: String::new(),
        headers,
        body: body.to_string().into(),
    };
    let system = call.engine.system_context(call.ctx.tenant(), "closure", call.ctx.base()).await?;
    let answer = call.engine.perform(&system, request).await?;
    answer.version.ok_or_else(|| Failure::internal("a write has a version"))
}

/// A ConceptMap with the entries that the client is to add: the target subsumes the source.
fn answer(name: &str, version: i64, entries: Entries) -> Result<Answer> {
    let mut groups: BTreeMap<String, BTreeMap<String, Vec<Json>>> = BTreeMap::new();
    for (system, code, above) in entries {
        let targets = groups.entry(system).or_default().entry(code).or_default();
        targets.push(json!({ "code": above, "equivalence": "subsumes" }));
    }
    let element = |(code, target): (String, Vec<Json>)| json!({ "code": code, "target": target });
    let group = |(system, elements): (String, BTreeMap<String, Vec<Json>>)| {
        let elements: Vec<Json> = elements.into_iter().map(element).collect();
        json!({ "source": system, "target": system, "element": elements })
    };
    let groups: Vec<Json> = groups.into_iter().map(group).collect();
    let mut map = json!({
        "resourceType": "ConceptMap", "version": version.to_string(), "name": "ClosureTableUpdates",
        "title": format!("Updates for closure table {name}"), "status": "active", "experimental": true,
    });
    if !groups.is_empty() {
        map["group"] = groups.into();
    }
    Ok(Answer::new(200, map.to_string()))
}
