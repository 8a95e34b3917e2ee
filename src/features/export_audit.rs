//! `$export-audit`: the audit log of a time, handed out page by page. It is ours; R4 has no operation for it.

use crate::everything::limit;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/export-audit.json"),
        demands: &[(Access::Read, "AuditEvent"), (Access::Search, "AuditEvent")],
        extras: &[Extra::Pages],
        run: |call| Box::pin(export(call)),
    }
}

async fn export(call: Call<'_>) -> Result<Answer> {
    let (from, until) = (time(&call, "start")?.map(|it| it.0), time(&call, "end")?.map(|it| it.1));
    let limit = limit(&call, call.engine.settings().max_count)?;
    let page = call.engine.logged(call.ctx, (from, until), call.position()?, limit).await?;
    let mut bundle = call.searchset(None, page.next.as_ref());
    for event in &page.found {
        let body = std::str::from_utf8(&event.body).map_err(Failure::internal)?;
        bundle.begin(Some(&format!("{}/{}", call.ctx.base(), event.key))).resource(body).mode("match").end();
    }
    Ok(Answer::new(200, bundle.finish()))
}

/// The microseconds at which an instant begins and ends.
fn time(call: &Call<'_>, name: &str) -> Result<Option<(i64, i64)>> {
    let Some(text) = call.arguments.text(name) else { return Ok(None) };
    let told = || Failure::new(IssueType::Value, format!("{name} is an instant such as 2026-11-20T08:30:00Z."));
    datetime::range(text).map(|it| Some((it.low, it.high))).ok_or_else(told)
}
