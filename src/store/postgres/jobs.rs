//! Tenants' work in the background, claimed by one node at a time. The database's clock counts, which all nodes share.

use super::directory::Directory;
use crate::job::{Claim, LEASE};
use crate::{Result, Tenant};
use sqlx::Row;

impl Directory {
    /// Enters that a tenant has work to be done.
    pub(super) async fn ask(&self, tenant: &Tenant) -> Result<()> {
        let text = "INSERT INTO job (tenant) SELECT number FROM tenant WHERE name = $1 \
             ON CONFLICT (tenant) DO UPDATE SET asked = job.asked + 1";
        self.fetch(|| sqlx::query(text).bind(tenant.name())).await.map(|_| ())
    }

    /// Claims this tenant's work, or without a tenant what has waited longest, unless somebody is at it.
    pub(super) async fn claim(&self, tenant: Option<&Tenant>) -> Result<Option<Claim>> {
        let text = "WITH free AS (SELECT j.tenant, t.name FROM job j JOIN tenant t ON t.number = j.tenant \
               WHERE j.until <= clock_timestamp() AND ($1::text IS NULL OR t.name = $1) \
               ORDER BY j.until LIMIT 1 FOR UPDATE OF j SKIP LOCKED) \
             UPDATE job SET turn = (random() * 4611686018427387904)::bigint, until = clock_timestamp() + $2 * interval '1 ms' \
             FROM free WHERE job.tenant = free.tenant RETURNING free.name, job.turn, job.asked";
        // Claimed twice, because the first answer was lost, it waits until the first claim is over.
        let rows = self.fetch(|| sqlx::query(text).bind(tenant.map(Tenant::name)).bind(lease())).await?;
        let claim = |row: &sqlx::postgres::PgRow| {
            Ok(Claim { tenant: row.try_get(0)?, turn: row.try_get(1)?, asked: row.try_get(2)? })
        };
        rows.first().map(claim).transpose()
    }

    /// Makes a claim hold on; `false` if somebody else has taken over.
    pub(super) async fn renew(&self, claim: &Claim) -> Result<bool> {
        let text = "UPDATE job SET until = clock_timestamp() + $3 * interval '1 ms' FROM tenant t \
             WHERE t.number = job.tenant AND t.name = $1 AND job.turn = $2 RETURNING 1";
        let rows = self.fetch(|| sqlx::query(text).bind(&claim.tenant).bind(claim.turn).bind(lease())).await?;
        Ok(!rows.is_empty())
    }

    /// Gives a claim up, its work done but for what was asked for meanwhile.
    pub(super) async fn finish(&self, claim: &Claim) -> Result<()> {
        let text = "WITH mine AS (SELECT j.tenant FROM job j JOIN tenant t ON t.number = j.tenant \
               WHERE t.name = $1 AND j.turn = $2 FOR UPDATE OF j), \
             done AS (DELETE FROM job USING mine WHERE job.tenant = mine.tenant AND job.asked = $3) \
             UPDATE job SET until = '-infinity' FROM mine WHERE job.tenant = mine.tenant AND job.asked <> $3";
        let finish = || sqlx::query(text).bind(&claim.tenant).bind(claim.turn).bind(claim.asked);
        self.fetch(finish).await.map(|_| ())
    }
}

fn lease() -> f64 {
    LEASE.as_secs_f64() * 1000.0
}
