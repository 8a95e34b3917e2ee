//! What the engines' followers of the change log have in common.

use super::{View, Writer};
use crate::query::Answers;
use crate::{Error, Plan, Result};
use bytes::Bytes;
use fhir::search::text::asked;
use fhir::search::{ParamId, TextTest};
use std::sync::Arc;

/// The most resources that a full-text test may find: more are not combined with other criteria.
const MOST: usize = 10_000;
/// So many changes are put into a view by one commit, which is also what is lost when the work is broken off.
pub(crate) const COMMIT: usize = 20_000;

/// The full-text tests of a plan.
pub(crate) fn asked_by(plan: &Plan) -> Vec<(ParamId, TextTest)> {
    plan.branches.iter().flat_map(|it| asked(&it.filter)).map(|(param, test)| (param, test.clone())).collect()
}

/// What a view answers to tests.
pub(crate) async fn answers_of(view: Arc<View>, asked: Vec<(ParamId, TextTest)>) -> Result<Answers> {
    let found = blocking(move || {
        let mut found = Answers::default();
        for (param, test) in asked {
            let rids = view.find(param, &test, MOST)?;
            found.insert(param, test, rids);
        }
        Ok(found)
    });
    found.await
}

/// Puts resources in, or takes those out that have no body any more.
pub(crate) fn put(mut writer: Writer, batch: impl Iterator<Item = (i64, Option<Bytes>)>) -> Result<Writer> {
    for (rid, body) in batch {
        match body {
            Some(body) => writer.put(rid, &body)?,
            None => writer.remove(rid),
        }
    }
    Ok(writer)
}

/// Runs what waits for files and computes at length, where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::text)?
}
