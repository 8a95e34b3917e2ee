//! `$rate-limits`: a tenant's administrator lowers its limits. The operation is ours; R4 has none for it.

use super::kept::{By, OwnLimits};
use super::limits::{Rate, Who};
use crate::auth::operations::{ALL, demand_administrator};
use engine::{Answer, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde_json::json;

/// The operation.
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/rate-limits.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(rate_limits(call)),
    }
}

async fn rate_limits(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let mut said = [None; Who::ALL.len()];
    for (said, who) in said.iter_mut().zip(Who::ALL) {
        if let Some(text) = call.arguments.text(who.name()) {
            let rate = text.parse::<Rate>().map_err(|told| Failure::new(IssueType::Value, told))?;
            *said = Some(rate);
        }
    }
    let session = call.ctx.session();
    let own = match said.iter().any(Option::is_some) {
        true => OwnLimits::keep(session, By::Administrator, said).await?,
        false => OwnLimits::of(session).await?,
    };
    let told = Who::ALL.into_iter().zip(own.said(By::Administrator));
    let told = told.filter_map(|(who, it)| it.map(|it| json!({ "name": who.name(), "valueString": it.to_string() })));
    let parameters = json!({ "resourceType": "Parameters", "parameter": told.collect::<Vec<_>>() });
    Ok(Answer::new(200, parameters.to_string()))
}
