//! `--demo`: tenant `demo` with the demo hospital in it, and users to sign in as.

pub mod users;

use crate::{clock, tenants};
use anyhow::{Context, Result};
use engine::{Engine, LoadItem};
use sha2::{Digest, Sha256};
use store::Tenant;

/// Makes the tenant if it is not there, and puts the demo hospital into it. Its schedule lies around today, so it is
/// brought up to date on the first start of a day, but for what was edited, and left alone on the next.
pub async fn prepare(engine: &Engine) -> Result<()> {
    let tenant = tenant(engine).await?;
    let context = engine.system_context(&tenant, "demo", "/fhir/demo").await?;
    for bundle in features::demo::bundles(&clock::today())? {
        let mut content = [0; 16];
        content.iter_mut().zip(Sha256::digest(&bundle)).for_each(|(to, from)| *to = from);
        if context.session().loaded(&content).await? {
            continue;
        }
        if let Some(due) = features::demo::due(&context, &bundle).await? {
            let item = LoadItem { body: due.into(), content };
            engine.load(&context, item).await.context("the demo hospital cannot be loaded")?;
        }
    }
    users::prepare(context.session()).await.context("the demo's users cannot be made")
}

async fn tenant(engine: &Engine) -> Result<Tenant> {
    if let Some(tenant) = engine.store().tenant(tenants::DEMO).await? {
        return Ok(tenant);
    }
    tenants::create(engine.store(), tenants::DEMO).await?.context("tenant demo was made by somebody else just now")
}
