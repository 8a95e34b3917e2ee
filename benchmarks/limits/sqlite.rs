//! Limit (b): axum and sqlx on a copy of the server's own file.

use super::queries::Queries;
use super::resource::{Resource, connect};
use super::writer::Writer;
use super::{answer, serve};
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Path as Segments, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many resources of a kind are copied in turn.
const MODELS: i64 = 500;

struct Limit {
    queries: Queries,
    writer: Writer,
    /// What a create of a type writes.
    created: FxHashMap<String, Models>,
    /// What a Bundle writes.
    any: Models,
}

/// Resources to be written again, in turn.
struct Models {
    all: Vec<Arc<Resource>>,
    next: AtomicUsize,
}

impl Models {
    fn new(all: Vec<Arc<Resource>>) -> Models {
        Models { all, next: AtomicUsize::new(0) }
    }

    fn next(&self) -> Arc<Resource> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.all[n % self.all.len()].clone()
    }
}

/// Writes to `file`, up to `group` requests in a transaction, copies of what `models` holds.
pub async fn run(file: &Path, models: &Path, group: usize) -> Result<()> {
    let limit = Limit {
        queries: Queries::open(file).await?,
        writer: Writer::start(file, group).await?,
        created: latest_of_each_type(models).await?,
        any: Models::new(from_everywhere(models).await?),
    };
    let routes = Router::new()
        .route("/fhir/{tenant}/{type}/{id}", get(read))
        .route("/fhir/{tenant}/{type}", get(search).post(create))
        .route("/fhir/{tenant}", post(transaction))
        .with_state(Arc::new(limit));
    serve(routes).await
}

/// The resources created last, by type: the benchmark has just created them over HTTP.
async fn latest_of_each_type(file: &Path) -> Result<FxHashMap<String, Models>> {
    let mut connection = connect(file).await?;
    let mut created = FxHashMap::default();
    for of in ["Observation", "Patient"] {
        let rids = sqlx::query_scalar("SELECT rid FROM resource WHERE type = ? ORDER BY rid DESC LIMIT ?");
        let rids: Vec<i64> = rids.bind(of).bind(MODELS).fetch_all(&mut connection).await?;
        created.insert(of.to_owned(), Models::new(read_all(file, rids).await?));
    }
    Ok(created)
}

/// Resources spread over the whole file.
async fn from_everywhere(file: &Path) -> Result<Vec<Arc<Resource>>> {
    let mut connection = connect(file).await?;
    let rids = sqlx::query_scalar(
        "SELECT rid FROM resource WHERE rid % (SELECT 1 + max(rid) / ? FROM resource) = 0 ORDER BY rid",
    );
    let rids: Vec<i64> = rids.bind(4 * MODELS).fetch_all(&mut connection).await?;
    read_all(file, rids).await
}

async fn read_all(file: &Path, rids: Vec<i64>) -> Result<Vec<Arc<Resource>>> {
    ensure!(!rids.is_empty(), "{} has no resources to copy", file.display());
    let mut connection = connect(file).await?;
    let mut all = Vec::with_capacity(rids.len());
    for rid in rids {
        all.push(Arc::new(Resource::read(&mut connection, rid).await?));
    }
    Ok(all)
}

async fn read(State(limit): State<Arc<Limit>>, Segments((_, of, id)): Segments<(String, String, String)>) -> Response {
    match limit.queries.read(&of, &id).await {
        Ok(Some(body)) => answer(200, body),
        Ok(None) => answer(404, Bytes::new()),
        Err(error) => failed(&error),
    }
}

async fn search(State(limit): State<Arc<Limit>>, RawQuery(query): RawQuery) -> Response {
    match limit.queries.observations(&query.unwrap_or_default()).await {
        Ok(body) => answer(200, body),
        Err(error) => failed(&error),
    }
}

async fn create(
    State(limit): State<Arc<Limit>>,
    Segments((_, of)): Segments<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(models) = limit.created.get(&of) else { return answer(404, Bytes::new()) };
    match limit.writer.write(vec![models.next()]).await {
        Ok(()) => answer(201, body),
        Err(error) => failed(&error),
    }
}

/// Writes as many resources as `?entries=` says the Bundle has.
async fn transaction(State(limit): State<Arc<Limit>>, RawQuery(query): RawQuery, _bundle: Bytes) -> Response {
    let entries = query.as_deref().and_then(|it| it.strip_prefix("entries=")?.parse().ok());
    let write = async {
        let entries: usize = entries.context("how many entries?")?;
        limit.writer.write((0..entries).map(|_| limit.any.next()).collect()).await
    };
    match write.await {
        Ok(()) => answer(200, Bytes::from_static(b"{\"resourceType\":\"Bundle\",\"type\":\"transaction-response\"}")),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> Response {
    answer(500, format!("{error:#}").into())
}
