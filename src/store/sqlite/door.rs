//! What callers hold of a tenant: the way to its place, which is opened when something is asked of it and may be closed
//! between two questions.

use super::log::{FileLog, time_of as audit_time};
use super::place::{Place, Settings};
use super::places::Places;
use super::runner::Reading;
use super::{builds, ledger, raw, text};
use crate::audit;
use crate::keys::Sealer;
use crate::lookups::Lookups;
use crate::query::marked::asked;
use crate::query::{self, Way};
use crate::rows::IndexHash;
use crate::{
    AuditEntry, AuditOpened, AuditPage, AuditQuery, AuditRecords, AuditVerdict, Audited, Build, Changes, CommitError,
    Committed, History, HistoryPage, Indexed, Key, LedgerEntry, Lived, Marks, Page, Plan, Result, Rows, Session,
    Stored, Tenant, Walked,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) struct Door {
    pub(super) places: Arc<Places>,
    pub(super) tenant: Tenant,
    pub(super) file: PathBuf,
    pub(super) hash: IndexHash,
    pub(super) settings: Settings,
    pub(super) sealer: Sealer,
}

impl Door {
    pub(super) async fn place(&self) -> Result<Arc<Place>> {
        self.places.open(&self.tenant, &self.file, &self.settings, &self.sealer).await
    }

    async fn page(&self, plan: &Plan, way: Way) -> Result<Page> {
        let plan = &*asked(self, &self.sealer, plan).await?;
        let place = self.place().await?;
        let texts = text::answers(&place, plan).await?;
        query::page(&mut Reading(&place), &texts, plan, way).await
    }
}

#[async_trait]
impl Session for Door {
    fn rows(&self) -> Rows {
        Rows::new(self.hash.clone())
    }

    async fn read(&self, key: &Key) -> Result<Option<Stored>> {
        Lookups::current(&self.place().await?, key).await
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        query::living(&mut Reading(&*self.place().await?), keys).await
    }

    async fn lived(&self, wanted: &[(Key, Option<i64>)]) -> Result<Vec<Lived>> {
        query::lived(&mut Reading(&*self.place().await?), wanted).await
    }

    async fn lived_bodies(&self, all: &[Lived], most: u64) -> Result<(usize, Vec<Stored>)> {
        query::lived_bodies(&mut Reading(&*self.place().await?), all, most).await
    }

    async fn read_version(&self, key: &Key, version: i64) -> Result<Option<Stored>> {
        query::version(&mut Reading(&*self.place().await?), key, version).await
    }

    async fn history(&self, history: &History) -> Result<HistoryPage> {
        query::history(&mut Reading(&*self.place().await?), history).await
    }

    async fn search(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::On).await
    }

    async fn search_back(&self, plan: &Plan) -> Result<Page> {
        self.page(plan, Way::Back).await
    }

    async fn count(&self, plan: &Plan) -> Result<i64> {
        let plan = &*asked(self, &self.sealer, plan).await?;
        let place = self.place().await?;
        let texts = text::answers(&place, plan).await?;
        query::count(&mut Reading(&place), &texts, plan).await
    }

    async fn commit(&self, mut changes: Changes) -> Result<Committed, CommitError> {
        self.sealer.seal_changes(&mut changes).await?;
        let place = self.place().await?;
        match place.commit(changes).await {
            Err(error) => Err(self.sealer.refused(error, raw::fenced(&place)).await),
            committed => committed,
        }
    }

    async fn loaded(&self, content: &[u8; 16]) -> Result<bool> {
        query::loaded(&mut Reading(&*self.place().await?), content).await
    }

    async fn rebuild_text(&self, told: &(dyn Fn(Indexed) + Send + Sync)) -> Result<()> {
        text::rebuild(&*self.place().await?, told).await
    }

    async fn builds(&self) -> Result<Vec<Build>> {
        builds::all(&*self.place().await?).await
    }

    async fn marks(&self) -> Result<(Marks, u32)> {
        let secrets = self.sealer.secrets().await?;
        Ok((secrets.marks.clone(), secrets.edition))
    }

    async fn count_of(&self, types: &[String]) -> Result<i64> {
        query::count_of(&mut Reading(&*self.place().await?), types).await
    }

    async fn entry(&self, kind: &str, key: &str) -> Result<Option<LedgerEntry>> {
        let found = ledger::entry(&*self.place().await?, kind, key, (self.settings.clock)()).await?;
        self.sealer.open(kind, found).await
    }

    async fn entries(&self, kind: &str, after: &str, limit: usize) -> Result<Vec<LedgerEntry>> {
        let found = ledger::entries(&*self.place().await?, kind, after, limit, (self.settings.clock)()).await?;
        self.sealer.open_all(kind, found).await
    }

    async fn audit(&self, entries: Vec<AuditEntry>) -> Result<()> {
        let done = self.place().await?.commit(Changes { audit: entries, ..Changes::default() }).await;
        Ok(done.map(|_| ())?)
    }

    async fn audit_aside(&self, entries: &[AuditEntry]) -> Result<Vec<u8>> {
        let place = self.place().await?;
        let places = place.stamps.waiting((place.clock)(), entries.len());
        place.aside.seal(&AuditRecords::new(entries, places, &place.hash))
    }

    async fn audit_opened(&self, aside: &[Bytes]) -> Result<AuditOpened> {
        Ok(audit::open_aside(&self.place().await?.keeper.key, aside))
    }

    async fn audit_waited(&self, records: AuditRecords) -> Result<()> {
        for waited in records.parts(audit_time) {
            self.place().await?.commit(Changes { waited, ..Changes::default() }).await?;
        }
        Ok(())
    }

    async fn audited(&self, query: &AuditQuery) -> Result<AuditPage> {
        audit::page(&FileLog(&*self.place().await?), query).await
    }

    async fn audit_entry(&self, id: &str) -> Result<Option<Audited>> {
        audit::by_id(&FileLog(&*self.place().await?), id).await
    }

    async fn verify_audit(&self, told: &(dyn Fn(i64, i64) + Send + Sync)) -> Result<AuditVerdict> {
        audit::verify(&FileLog(&*self.place().await?), told).await
    }

    async fn drop_audit(&self, before_ms: i64) -> Result<i64> {
        Ok(self.place().await?.drop_audit(before_ms).await?)
    }

    async fn walk(&self, types: &[String], after: i64, span: i64) -> Result<Walked> {
        query::walk(&mut Reading(&*self.place().await?), types, after, span).await
    }
}
