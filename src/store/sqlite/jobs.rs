//! Tenants' work in the background. One process alone works on a folder: what a former one had claimed is free.

use super::SqliteStore;
use crate::job::{Claim, LEASE};
use crate::{Result, Tenant};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};

/// What tells this process from those before.
pub(super) async fn process(directory: &SqlitePool) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT random()").fetch_one(directory).await?)
}

impl SqliteStore {
    pub(super) async fn ask_for(&self, tenant: &Tenant) -> Result<()> {
        let text = "INSERT INTO job (tenant) VALUES (?) ON CONFLICT (tenant) DO UPDATE SET asked = asked + 1";
        sqlx::query(text).bind(tenant.name().to_owned()).execute(&self.directory).await?;
        Ok(())
    }

    pub(super) async fn claim_of(&self, tenant: Option<&Tenant>) -> Result<Option<Claim>> {
        let text = "UPDATE job SET process = ?4, turn = random() & 4611686018427387903, until = ?1 + ?2 WHERE tenant = \
             (SELECT tenant FROM job WHERE (until <= ?1 OR process <> ?4) AND (?3 IS NULL OR tenant = ?3) \
              ORDER BY until LIMIT 1) RETURNING tenant, turn, asked";
        let row = sqlx::query(text)
            .bind((self.settings.clock)())
            .bind(lease())
            .bind(tenant.map(|it| it.name().to_owned()))
            .bind(self.process)
            .fetch_optional(&self.directory)
            .await?;
        let claim =
            |row: &SqliteRow| Ok(Claim { tenant: row.try_get(0)?, turn: row.try_get(1)?, asked: row.try_get(2)? });
        row.as_ref().map(claim).transpose()
    }

    pub(super) async fn renew_claim(&self, claim: &Claim) -> Result<bool> {
        let until = (self.settings.clock)().saturating_add(lease());
        let renewed = sqlx::query("UPDATE job SET until = ? WHERE tenant = ? AND turn = ?")
            .bind(until)
            .bind(claim.tenant.clone())
            .bind(claim.turn)
            .execute(&self.directory)
            .await?;
        Ok(renewed.rows_affected() == 1)
    }

    pub(super) async fn finish_claim(&self, claim: &Claim) -> Result<()> {
        for text in [
            "DELETE FROM job WHERE tenant = ? AND turn = ? AND asked = ?",
            "UPDATE job SET until = 0 WHERE tenant = ? AND turn = ? AND asked <> ?",
        ] {
            let query = sqlx::query(text).bind(claim.tenant.clone()).bind(claim.turn).bind(claim.asked);
            query.execute(&self.directory).await?;
        }
        Ok(())
    }
}

fn lease() -> i64 {
    i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)
}
