//! `$export-audit`: the audit log of a time, handed out page by page. It is ours; R4 has no operation for it. In lines it has
//! the forms of bulk data (`_outputFormat`, <https://hl7.org/fhir/uv/bulkdata/>).

use crate::everything::limit;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::outcome::{outcome, shown};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use store::Page;

/// The media type of lines, and the other names that `_outputFormat` has for it.
const LINES: &str = "application/fhir+ndjson";
const NAMES: [&str; 3] = [LINES, "application/ndjson", "ndjson"];

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/export-audit.json"),
        demands: &[(Access::Read, "AuditEvent"), (Access::Search, "AuditEvent")],
        extras: &[Extra::Pages, Extra::Lines],
        run: |call| Box::pin(export(call)),
    }
}

async fn export(call: Call<'_>) -> Result<Answer> {
    let (from, until) = (time(&call, "start")?.map(|it| it.0), time(&call, "end")?.map(|it| it.1));
    let limit = limit(&call, call.engine.settings().max_count)?;
    let is_lines = is_lines(&call)?;
    let (page, is_damaged) = call.engine.logged(call.ctx, (from, until), call.position()?, limit).await?;
    let damage = is_damaged.then(|| outcome(&[engine::damaged_log()]));
    match is_lines {
        true => lines(&call, &page, damage),
        false => bundle(&call, &page, damage),
    }
}

/// Whether the events are asked for in lines.
fn is_lines(call: &Call<'_>) -> Result<bool> {
    match call.arguments.text("_outputFormat") {
        None => Ok(false),
        // A + that was not encoded arrives as a space.
        Some(name) if NAMES.contains(&name.replace(' ', "+").as_str()) => Ok(true),
        Some(name) => {
            let told = format!("_outputFormat is {LINES}, and not {}.", shown(name));
            Err(Failure::new(IssueType::NotSupported, told))
        }
    }
}

fn bundle(call: &Call<'_>, page: &Page, damage: Option<String>) -> Result<Answer> {
    let mut bundle = call.searchset(None, page.next.as_ref());
    for event in &page.found {
        let body = std::str::from_utf8(&event.body).map_err(Failure::internal)?;
        bundle.begin(Some(&format!("{}/{}", call.ctx.base(), event.key))).resource(body).mode("match").end();
    }
    if let Some(damage) = damage {
        bundle.begin(None).resource(&damage).mode("outcome").end();
    }
    Ok(Answer::new(200, bundle.finish()))
}

/// A line for each event; where it goes on is told beside them.
fn lines(call: &Call<'_>, page: &Page, damage: Option<String>) -> Result<Answer> {
    let mut body = Vec::new();
    let all = page.found.iter().map(|it| it.body.as_ref()).chain(damage.as_ref().map(|it| it.as_bytes()));
    for line in all {
        body.extend_from_slice(line);
        body.push(b'\n');
    }
    let next = page.next.as_ref().map(|it| call.next_page(it));
    Ok(Answer { plain: Some(LINES), next, ..Answer::new(200, body) })
}

/// The microseconds at which an instant begins and ends.
fn time(call: &Call<'_>, name: &str) -> Result<Option<(i64, i64)>> {
    let Some(text) = call.arguments.text(name) else { return Ok(None) };
    let told = || Failure::new(IssueType::Value, format!("{name} is an instant such as 2026-11-20T08:30:00Z."));
    datetime::range(text).map(|it| Some((it.low, it.high))).ok_or_else(told)
}
