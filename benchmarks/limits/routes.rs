//! What every hand-written limit answers: the benchmark's requests, on statements of its own.

use super::resource::Resource;
use super::{answer, serve};
use anyhow::{Context, Result};
use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path as Segments, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::{BufMut, Bytes, BytesMut};
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many resources of a kind are copied in turn.
pub const MODELS: i64 = 500;

/// Hand-written statements on a database.
#[async_trait]
pub trait Statements: Send + Sync + 'static {
    /// The body of a resource.
    async fn read(&self, of: &str, id: &str) -> Result<Option<Bytes>>;
    /// A Bundle with a patient's first Observations.
    async fn observations(&self, patient: &str, count: usize) -> Result<Bytes>;
    /// Writes copies of these, all or none; returns when they are on disk.
    async fn write(&self, resources: Vec<Arc<Resource>>) -> Result<()>;
}

/// A limit that serves.
pub struct Limit<S> {
    /// What it does.
    pub statements: S,
    /// What a create of a type writes.
    pub created: FxHashMap<String, Models>,
    /// What a Bundle writes.
    pub any: Models,
}

/// Resources to be written again, in turn.
pub struct Models {
    all: Vec<Arc<Resource>>,
    next: AtomicUsize,
}

impl Models {
    /// There must be some.
    pub fn new(all: Vec<Arc<Resource>>) -> Result<Models> {
        anyhow::ensure!(!all.is_empty(), "there are no resources to copy");
        Ok(Models { all, next: AtomicUsize::new(0) })
    }

    fn next(&self) -> Arc<Resource> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.all[n % self.all.len()].clone()
    }
}

impl<S: Statements> Limit<S> {
    /// Serves until the process ends.
    pub async fn serve(self) -> Result<()> {
        let routes = Router::new()
            .route("/fhir/{tenant}/{type}/{id}", get(read::<S>))
            .route("/fhir/{tenant}/{type}", get(search::<S>).post(create::<S>))
            .route("/fhir/{tenant}", post(transaction::<S>))
            .with_state(Arc::new(self));
        serve(routes).await
    }
}

type Place = Segments<(String, String, String)>;

async fn read<S: Statements>(State(limit): State<Arc<Limit<S>>>, Segments((_, of, id)): Place) -> Response {
    match limit.statements.read(&of, &id).await {
        Ok(Some(body)) => answer(200, body),
        Ok(None) => answer(404, Bytes::new()),
        Err(error) => failed(&error),
    }
}

async fn search<S: Statements>(State(limit): State<Arc<Limit<S>>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let value =
        |name: &str| query.split('&').filter_map(|it| it.split_once('=')).find(|it| it.0 == name).map(|it| it.1);
    let found = async {
        let patient = value("patient").context("no patient")?.trim_start_matches("Patient/");
        let count: usize = value("_count").context("no _count")?.parse()?;
        limit.statements.observations(patient, count).await
    };
    match found.await {
        Ok(body) => answer(200, body),
        Err(error) => failed(&error),
    }
}

async fn create<S: Statements>(
    State(limit): State<Arc<Limit<S>>>,
    Segments((_, of)): Segments<(String, String)>,
    body: Bytes,
) -> Response {
    let Some(models) = limit.created.get(&of) else { return answer(404, Bytes::new()) };
    match limit.statements.write(vec![models.next()]).await {
        Ok(()) => answer(201, body),
        Err(error) => failed(&error),
    }
}

/// Writes as many resources as `?entries=` says the Bundle has.
async fn transaction<S: Statements>(
    State(limit): State<Arc<Limit<S>>>,
    RawQuery(query): RawQuery,
    _bundle: Bytes,
) -> Response {
    let entries = query.as_deref().and_then(|it| it.strip_prefix("entries=")?.parse().ok());
    let write = async {
        let entries: usize = entries.context("how many entries?")?;
        limit.statements.write((0..entries).map(|_| limit.any.next()).collect()).await
    };
    match write.await {
        Ok(()) => answer(200, Bytes::from_static(b"{\"resourceType\":\"Bundle\",\"type\":\"transaction-response\"}")),
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> Response {
    answer(500, format!("{error:#}").into())
}

/// A Bundle of resources: type, id and body of each.
pub fn bundle<'a>(resources: impl Iterator<Item = (&'a str, &'a str, &'a [u8])>) -> Bytes {
    let mut out = BytesMut::with_capacity(65536);
    out.put_slice(b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[");
    for (i, (of, id, body)) in resources.enumerate() {
        out.put_slice(if i > 0 { b"," } else { b"" });
        out.put_slice(format!("{{\"fullUrl\":\"http://localhost/fhir/bench/{of}/{id}\",\"resource\":").as_bytes());
        out.put_slice(body);
        out.put_slice(b",\"search\":{\"mode\":\"match\"}}");
    }
    out.put_slice(b"]}");
    out.freeze()
}
