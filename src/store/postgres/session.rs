//! What callers hold of a tenant.

use super::records::Records;
use super::writer::Writer;
use super::{ledger, text};
use crate::lookups::Lookups;
use crate::query::{self, Sql, Way};
use crate::{
    Build, Changes, CommitError, Committed, History, HistoryPage, Indexed, Key, LedgerEntry, Page, Plan, Result, Rows,
    Session, Stored, Walked,
};
use async_trait::async_trait;
use sqlx::Row;
use std::sync::Arc;

pub(super) struct Door(pub(super) Arc<Records>);

impl Door {
    async fn page(&self, plan: &Plan, way: Way) -> Result<Page> {
        let texts = text::answers(&self.0, plan).await?;
        query::page(&mut self.0.reading(), &texts, plan, way).await
    }
}

#[async_trait]
impl Session for Door {
    fn rows(&self) -> Rows {
        Rows::new(self.0.tenancy.hash.clone())
    }

    async fn read(&self, key: &Key) -> Result<Option<Stored>> {
        Lookups::current(&self.0, key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        query::living(&mut self.0.reading(), keys).await
    }

    async fn read_version(&self, key: &Key, version: i64) -> Result<Option<Stored>> {
        query::version(&mut self.0.reading(), key, version).await
    }

    async fn history(&self, history: &History) -> Result<HistoryPage> {
        query::history(&mut self.0.reading(), history).await
    }

    async fn search(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::On).await
    }

    async fn search_back(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::Back).await
    }

    async fn count(&self, plan: &Plan) -> Result<i64> {
        let texts = text::answers(&self.0, plan).await?;
        query::count(&mut self.0.reading(), &texts, plan).await
    }

    async fn commit(&self, changes: Changes) -> Result<Committed, CommitError> {
        Writer::commit(&self.0, changes).await
    }

    async fn loaded(&self, content: &[u8; 16]) -> Result<bool> {
        query::loaded(&mut self.0.reading(), content).await
    }

    async fn rebuild_text(&self, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()> {
        text::rebuild(&self.0, told).await
    }

    async fn builds(&self) -> Result<Vec<Build>> {
        let all = Sql::new("SELECT name, types, position, done, total, finished FROM build ORDER BY name");
        self.0.reading().fetch(all).await?.iter().map(build).collect()
    }

    async fn definitions(&self) -> Result<i64> {
        let rows = self.0.reading().fetch(Sql::new("SELECT number FROM definition")).await?;
        Ok(rows.first().map(|it| it.try_get(0)).transpose()?.unwrap_or(0))
    }

    async fn count_of(&self, types: &[String]) -> Result<i64> {
        query::count_of(&mut self.0.reading(), types).await
    }

    async fn entry(&self, kind: &str, key: &str) -> Result<Option<LedgerEntry>> {
        ledger::entry(&self.0, kind, key).await
    }

    async fn entries(&self, kind: &str, after: &str, limit: usize) -> Result<Vec<LedgerEntry>> {
        ledger::entries(&self.0, kind, after, limit).await
    }

    async fn walk(&self, types: &[String], after: i64, span: i64) -> Result<Walked> {
        query::walk(&mut self.0.reading(), types, after, span).await
    }
}

fn build(row: &sqlx::postgres::PgRow) -> Result<Build> {
    Ok(Build {
        name: row.try_get(0)?,
        types: row.try_get(1)?,
        position: row.try_get(2)?,
        done: row.try_get(3)?,
        total: row.try_get(4)?,
        is_finished: row.try_get(5)?,
    })
}
