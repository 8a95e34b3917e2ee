//! Limit (b): axum and sqlx on a copy of the server's own file.

use super::queries::Queries;
use super::resource::{Resource, connect};
use super::routes::{Limit, MODELS, Models, Statements};
use super::writer::Writer;
use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use rustc_hash::FxHashMap;
use std::path::Path;
use std::sync::Arc;

struct File {
    queries: Queries,
    writer: Writer,
}

/// Writes to `file`, up to `group` requests in a transaction, copies of what `models` holds.
pub async fn run(file: &Path, models: &Path, group: usize) -> Result<()> {
    let limit = Limit {
        statements: File { queries: Queries::open(file).await?, writer: Writer::start(file, group).await? },
        created: latest_of_each_type(models).await?,
        any: Models::new(from_everywhere(models).await?)?,
    };
    limit.serve().await
}

#[async_trait]
impl Statements for File {
    async fn read(&self, of: &str, id: &str) -> Result<Option<Bytes>> {
        self.queries.read(of, id).await
    }

    async fn observations(&self, patient: &str, count: usize) -> Result<Bytes> {
        self.queries.observations(patient, count).await
    }

    async fn write(&self, resources: Vec<Arc<Resource>>) -> Result<()> {
        self.writer.write(resources).await
    }
}

/// The resources created last, by type: the benchmark has just created them over HTTP.
async fn latest_of_each_type(file: &Path) -> Result<FxHashMap<String, Models>> {
    let mut connection = connect(file).await?;
    let mut created = FxHashMap::default();
    for of in ["Observation", "Patient"] {
        let rids = sqlx::query_scalar("SELECT rid FROM resource WHERE type = ? ORDER BY rid DESC LIMIT ?");
        let rids: Vec<i64> = rids.bind(of).bind(MODELS).fetch_all(&mut connection).await?;
        created.insert(of.to_owned(), Models::new(read_all(file, rids).await?)?);
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
    let mut connection = connect(file).await?;
    let mut all = Vec::with_capacity(rids.len());
    for rid in rids {
        all.push(Arc::new(Resource::read(&mut connection, rid).await?));
    }
    Ok(all)
}
